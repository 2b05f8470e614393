"""Whether a model's answer is a refusal or an excuse instead of an answer, in the languages models refuse in."""

from __future__ import annotations

import re

LONGEST = 600  # a refusal is short; a long text that contains “sorry” is something else

_PATTERNS = (
    # English
    r"\b(i'?m|i am|we'?re) (very |really |truly |so )?(sorry|afraid|unable|not able)\b",
    r"^\W*(sorry|apologies)\b\s*([,.!]|$|but\b|for\b|i\b|we\b)|^\W*(i|we) apologi[sz]e\b",
    r"\bmy apologies\b",
    r"\b(i|we) (can'?t|cannot|can not|won'?t|will not|couldn'?t|am unable to|do not feel comfortable)\b.{0,60}"
    r"\b(help|assist|provide|generate|create|tag|comply|fulfil|continue|do that|answer|determine|infer|process)",
    r"\bas an? (ai|artificial intelligence|large language model|language model|assistant)\b",
    r"\b(please|kindly) provide (me with |us with )?(more|additional|further|the|a)\b.{0,40}"
    r"\b(information|details|context|text|content)",
    r"\b(not enough|insufficient|no) (information|context|content|details)\b.{0,40}\b(provided|given|available|to)\b",
    r"\bunable to (generate|infer|provide|determine|assist|extract|suggest|process)\b",
    r"\bagainst (my|our|the) (guidelines|policy|policies|programming)\b",
    # Chinese
    r"抱歉|对不起|對不起|很遗憾|很遺憾|无法(生成|推断|提供|回答|确定|判断|协助|处理|给出)|無法(生成|推斷|提供|回答|確定|判斷|協助|處理|給出)",
    r"作为(一个|一個|一款)?.{0,4}(ai|人工智能|语言模型)|作為(一個)?.{0,4}(ai|人工智慧|語言模型)|请提供(更多|更详细|具体)|請提供更多",
    # Japanese, Korean
    r"申し訳(ありません|ございません)|すみません(が|、)|ごめんなさい|お(答え|手伝い|応え)(は|を)?(することは)?できません|対応できません",
    r"죄송(합니다|하지만|해요)|도와드릴 수 없|제공할 수 없|답변할 수 없",
    # German, Dutch, Scandinavian
    r"\btut mir (sehr )?leid\b|\bich kann (das|dies|dir|ihnen|leider|dabei|keine)\b.{0,60}\bnicht\b|\bals ki\b",
    r"\bich kann leider\b|\bhet spijt me\b|\bik kan (dit|dat|hier|je|u) .{0,40}niet\b",
    r"\b(jeg|jag) (kan|är) (ikke|inte|ledsen)",
    # French, Spanish, Portuguese, Italian
    r"\bje suis (vraiment )?désolée?\b|\bdésolée?\b|\bje ne (peux|suis) pas\b|\ben tant qu'ia\b",
    r"\blo siento\b|\bno puedo (ayudar|proporcionar|generar|cumplir|responder|asistir)|\bcomo (modelo|una ia|ia)\b",
    r"\b(sinto muito|desculpe|me desculpe|peço desculpas)\b|\bnão posso (ajudar|fornecer|gerar|responder|atender)",
    r"\bmi dispiace\b|\bnon posso (aiutar|fornire|generare|rispondere|assistere)",
    # Russian, Ukrainian, Polish, Czech, Turkish
    r"\b(извините|простите|к сожалению|прошу прощения)\b|\bя не могу\b|\bкак (ии|языковая модель)\b",
    r"\bвибачте\b|\bна жаль\b",
    r"\bprzepraszam\b|\bnie mogę (pomóc|podać|wygenerować)|\bomlouvám se\b|\bnemohu\b|\büzgünüm\b|\byardımcı olamam\b",
    # Arabic, Hindi, Vietnamese, Indonesian, Thai
    r"عذر[اًا]|آسف|لا (أستطيع|يمكنني)|क्षमा करें|माफ़ करें|मैं .{0,30}नहीं कर सकता",
    r"\bxin lỗi\b|\btôi không thể\b|\b(maaf|mohon maaf)\b|\bsaya tidak (bisa|dapat)\b|ขออภัย|ขอโทษ|ไม่สามารถ(ช่วย|ให้|ตอบ)",
)
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.I | re.S)


def looks_like_refusal(text: str) -> bool:
    """True for “I'm sorry, but I can't …” and its like, as a whole answer or as what should have been a tag."""
    plain = " ".join(text.replace("’", "'").split())
    return bool(plain) and len(plain) <= LONGEST and _REFUSAL.search(plain) is not None
