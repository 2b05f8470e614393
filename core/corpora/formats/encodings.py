"""Which encoding bytes are in that are no UTF: each candidate is decoded, and what reads most like a language wins.

Every candidate belongs to a script. Its characters are weighed by how common they are in the languages of that
script, so that Korean read as Chinese (which gives valid but rare characters) loses against itself.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from core.corpora.formats.base import REPLACEMENT

SAMPLE = 1 << 16
"""Bytes that are looked at: lines with characters beyond ASCII."""

Weigh = Callable[[str], float]

_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么"
    "去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三"
    "又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常"
    "先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场"
    "件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类"
    "求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笑飞风步改收根干造言联持组每济车亲极林服快办议往元英士证"
    "近失转夫令准布始怎呢存未远叫台单影具罗字爱击流备兵连调深商算质团集百需价花党华城石级整府离况亚请技际约示复病息究线似官火断精"
    "满支视消越器容照须九增研写称企八功吗包片史委乎查轻易早曾除农找装广显吧阿李标谈吃图念六引历首医局突专费号尽另周较注语仅考落青"
    "随选列视频号频道店款包妈孩宝菜饭味肉鱼面食穿搭配妆减肥瘦肤护理游戏玩歌舞唱跳狗猫美女帅哥搞笑剧电脑手机网店买卖钱省喜欢"
)
_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼"
    "去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三"
    "又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常"
    "先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場"
    "件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類"
    "求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運笑飛風步改收根幹造言聯持組每濟車親極林服快辦議往元英士證"
    "近失轉夫令準布始怎呢存未遠叫台單影具羅字愛擊流備兵連調深商算質團集百需價花黨華城石級整府離況亞請技際約示復病息究線似官火斷精"
    "滿支視消越器容照須九增研寫稱企八功嗎包片史委乎查輕易早曾除農找裝廣顯吧阿李標談吃圖念六引歷首醫局突專費號盡另周較注語僅考落青"
    "臺灣香港店味飯菜魚買賣錢喜歡影片頻節目遊戲歌貓狗孩媽"
)
_JAPANESE = frozenset(
    "日一国人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土"
    "木聞食車何南万毎白天母火右読友左休父雨会同事自社発者地業方新場員立開手力問代明動京目通言理体田主題意不作用度強公持野以思家"
    "世多正安院心界教文元重近考画海売知道集別物使品計死特私始朝運終台広住無真有口少町料工建空急止送切転研足究楽起着店病質待試族"
    "銀早映親験英医仕去味写字答夜音注帰古歌買悪図週室歩風紙黒花春赤青館屋色走秋夏習駅洋旅服夕借曜飲肉貸堂鳥飯勉冬昼茶弟牛魚兄犬"
    "妹姉漢全最対関実当定内性相法部経現政取化合表成和回的要期記受連選変決活数感予指市都得点加利向平民信報解機制調食検索動画音楽"
)
_HANGUL = frozenset(
    "이다는에의가을하고를지은기로사도어한리자인대해아나서들일시수정그라있만부것적면전여상과장보제게주스성공중니원동조구안었우거신와"
    "된요할관년모으무오선소화세진유내생미연당방개선국회물용교체간음람말때문위경영식실심강결계금마발반려데비없여러분너네더또못바변"
    "사산새설속십양업월입저점종즈직집차책처천청초최추출치크타터트특파편포표피필학했행향현형호환황후습겠합됩됐습니까세요었던같렇"
)
_CYRILLIC = {letter: 1 - 0.025 * rank for rank, letter in enumerate("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёіїєґўђјљњћџъ")}
_WESTERN = frozenset("äöüßéèêëàâçîïôûùœæñáíóúãõøåìòÄÖÜÉÀÇÑÁÍÓÚØÅÈÊÂÔÎÆŒ")
_TYPOGRAPHY = frozenset("“”‘’–—…€«»©®°·¿¡„‚™•†\u00a0£§º½²³¼¾×ª±")
_EASTERN_MARKS = frozenset("，。、！？：；（）「」『』《》“”‘’【】～…—·　％＃＆＋－／＝｜￥〈〉")


def guess_encoding(data: bytes) -> str:
    """The likeliest codec of bytes that are not valid UTF-8.

    Args:
        data: some of a file, with bytes beyond ASCII in it.
    """
    sample = _sample(data)
    best, most = "cp1252", _western(sample.decode("cp1252", "replace"))
    for codec, weigh in _CANDIDATES:
        merit = weigh(codecs.decode(sample, codec, "replace"))
        if merit > most + 0.02:
            best, most = codec, merit
    return best


def _sample(data: bytes) -> bytes:
    """The lines that hold bytes beyond ASCII; line ends are themselves in every candidate."""
    lines, size = [], 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line[: SAMPLE - size])
            size += len(line)
            if size >= SAMPLE:
                break
    if len(lines) > 2:
        lines = lines[1:]  # the data may begin inside a character
    return b"\n".join(lines)


def _mean(weights: list[float], text: str) -> float:
    """The mean weight, less what cannot be decoded: a broken byte outweighs ten fitting characters."""
    if not weights:
        return -1.0
    return sum(weights) / len(weights) - 10 * text.count(REPLACEMENT) / len(weights)


def _ideographs(common: frozenset[str], usual: str, kana: float) -> Weigh:
    """Chinese and Japanese: common characters, then those of the standard's first level, then the rest."""
    first_level = {"gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "euc_jp": (0xB0, 0xCF)}[usual]

    def weigh(text: str) -> float:
        weights = []
        for char in text:
            if char <= "\x7f" or char == REPLACEMENT:
                continue
            if char in common:
                weights.append(1.0)
            elif char in _EASTERN_MARKS:
                weights.append(0.7)
            elif "\u3041" <= char <= "\u3096":
                weights.append(kana)
            elif "\u30a1" <= char <= "\u30ff":
                weights.append(0.8 * kana)
            elif "\u4e00" <= char <= "\u9fff":
                code = char.encode(usual, "ignore")
                weights.append(0.45 if code and first_level[0] <= code[0] <= first_level[1] else 0.0)
            elif "\uff01" <= char <= "\uff5e":
                weights.append(0.4)
            else:
                weights.append(-0.5)  # half-width kana, other scripts, private use
        return _mean(weights, text)

    return weigh


def _korean(text: str) -> float:
    weights = []
    for char in text:
        if char <= "\x7f" or char == REPLACEMENT:
            continue
        if char in _HANGUL:
            weights.append(1.0)
        elif "\uac00" <= char <= "\ud7a3":
            weights.append(0.5 if char.encode("euc_kr", "ignore") else 0.0)
        elif char in _EASTERN_MARKS:
            weights.append(0.5)
        else:
            weights.append(-0.3)
    return _mean(weights, text)


def _cyrillic(text: str) -> float:
    """Common letters, small ones before large ones, and never beside Latin ones."""
    weights = []
    before = " "
    capital = 0.75 if any("\u0430" <= char <= "\u045f" for char in text) else 0.95  # a text may be all capitals
    for char in text:
        small = char.lower()
        if char > "\x7f" and char != REPLACEMENT:
            if small not in _CYRILLIC:
                weights.append(0.3 if char in _TYPOGRAPHY or char == "№" else -0.6)
            elif before.isascii() and before.isalpha():
                weights.append(-1.0)
            elif char == small:
                weights.append(_CYRILLIC[small])
            else:
                weights.append(-1.0 if before.islower() else capital * _CYRILLIC[small])
        elif char.isascii() and char.isalpha() and before > "\x7f" and before.isalpha():
            weights.append(-1.0)
        before = char
    return _mean(weights, text)


def _western(text: str) -> float:
    """Letters with marks here and there among plain ones."""
    weights = []
    before = " "
    for place, char in enumerate(text):
        if char > "\x7f" and char != REPLACEMENT:
            after = text[place + 1 : place + 2]
            crowded = (before > "\x7f" and before.isalpha()) or (after > "\x7f" and after.isalpha())
            if char in _WESTERN:
                inside = char.isupper() and before.islower()
                weights.append(0.0 if inside else 0.25 if crowded else 0.85)
            elif char in _TYPOGRAPHY:
                weights.append(0.0 if crowded else 0.7)
            else:
                weights.append(-0.3 if crowded else 0.2)
        before = char
    return _mean(weights, text)


_CANDIDATES: tuple[tuple[str, Weigh], ...] = (
    ("gb18030", _ideographs(_SIMPLIFIED, "gb2312", -0.5)),
    ("cp950", _ideographs(_TRADITIONAL, "big5", -0.5)),
    ("cp932", _ideographs(_JAPANESE, "euc_jp", 1.0)),
    ("euc_jp", _ideographs(_JAPANESE, "euc_jp", 1.0)),
    ("cp949", _korean),
    ("cp1251", _cyrillic),
    ("koi8_r", _cyrillic),
)
