"""Refusals in the words of many models, and ordinary words that sound like them."""

import csv
import json

import pytest

from core.engines.answers.parsing import parse_tags
from core.engines.answers.refusals import looks_like_refusal

REFUSALS = """
I'm sorry, but I can't assist with that request.
I’m really sorry, but I won't be able to describe this content.
I cannot fulfill this request.
I am unable to provide tags for this image.
Sorry, I can't do that.
I can't view images or attachments, so I can't tell you what is in this one.
I do not have the ability to listen to audio recordings.
Unfortunately, there is not enough information to generate tags.
Could you please provide the text you would like me to tag?
This request violates our content policy.
I must respectfully decline to answer.
No, I will not do this.
I'd prefer not to say anything about this picture.
That's not something I can help with.
I don't feel comfortable describing this person.
As a text-based AI, I have no way to see the picture.
The description is empty, so no tags can be generated.
I'm not able to identify people in photos.
What you're asking for falls outside of what I am allowed to do.
My guidelines do not allow me to tag this kind of material.
It seems the image did not load. Please upload it again.
Let's talk about something else.
I have to decline this one.
Es tut mir leid, aber dabei kann ich nicht helfen.
Ich kann diese Anfrage leider nicht bearbeiten.
Leider ist es mir nicht möglich, Schlagwörter für diesen Text zu erstellen.
Das verstößt gegen meine Richtlinien.
Als Sprachmodell habe ich keinen Zugriff auf Bilder.
Ich kann das Bild nicht sehen.
Bitte senden Sie mir den Text, den ich verschlagworten soll.
Dazu möchte ich mich nicht äußern.
Nein, das werde ich nicht tun.
Ich bin nicht in der Lage, Personen auf Fotos zu identifizieren.
Ohne weitere Angaben kann ich keine Schlagwörter vergeben.
Je suis désolé, mais je ne peux pas vous aider.
Je ne suis pas en mesure de traiter cette demande.
Il m'est impossible de décrire cette image.
Cette demande est contraire à nos règles d'utilisation.
En tant que modèle de langage, je ne peux pas voir d'images.
Pourriez-vous me transmettre le texte à étiqueter ?
Je préfère ne pas répondre.
La description est vide.
Aucune image n'a été jointe.
Malheureusement, je ne peux pas donner suite à votre requête.
Lo siento, pero no puedo ayudarte con eso.
No me es posible generar etiquetas para este contenido.
Esta solicitud va en contra de nuestras políticas.
Como modelo de lenguaje, no tengo acceso a imágenes.
No puedo ver la imagen.
Por favor, envíame el texto que quieres etiquetar.
Prefiero no responder a eso.
No hay suficiente información para determinar las etiquetas.
Me niego a describir esto.
Lamentablemente, no estoy autorizado a procesar este material.
Desculpe, mas não posso ajudar com isso.
Não consigo abrir o arquivo de áudio.
Este pedido viola as nossas diretrizes.
Como um modelo de linguagem, não tenho acesso a vídeos.
Não é possível gerar etiquetas sem mais informações.
Poderia enviar o texto, por favor?
Infelizmente, não posso atender a essa solicitação.
Mi dispiace, ma non posso aiutarti con questa richiesta.
Non sono in grado di vedere le immagini.
Questa richiesta viola le nostre linee guida.
In quanto modello linguistico, non ho accesso ai file audio.
Purtroppo non ci sono informazioni sufficienti.
Potresti fornirmi il testo da etichettare?
Preferisco non rispondere.
Извините, но я не могу помочь с этим.
К сожалению, я не могу выполнить этот запрос.
Я не могу посмотреть изображение.
Этот запрос нарушает наши правила.
Как языковая модель, я не имею доступа к видео.
Пожалуйста, пришлите текст, который нужно описать.
Нет, я не буду этого делать.
Описание пустое, поэтому теги подобрать невозможно.
Я вынужден отказаться от ответа.
抱歉，我无法协助完成这个请求。
对不起，我不能描述这张图片。
我看不到图片，请您把文字内容发给我。
这个请求违反了我们的使用政策。
作为一个语言模型，我没有办法听录音。
没有收到任何图片，请重新上传。
我拒绝回答这个问题。
很遗憾，这超出了我的能力范围。
信息太少，无法给出标签。
恕我不能从命。
很抱歉，無法提供您要求的內容。
申し訳ございませんが、そのご要望にはお応えできません。
この画像を見ることができません。
ポリシーに反するため、説明を控えさせていただきます。
AIモデルとして、音声を聞くことはできません。
情報が不足しているため、タグを付けることができません。
本文をお送りいただけますか。本文を共有してください。
お断りします。
その内容については回答いたしかねます。
画像が添付されていないようです。
죄송하지만 그 요청은 도와드릴 수 없습니다.
이미지를 볼 수 없습니다.
이 요청은 정책에 위반됩니다.
AI 언어 모델로서 영상을 볼 수 없어요.
설명이 비어 있어 태그를 달 수 없습니다.
텍스트를 보내 주시면 태그를 제안해 드리겠습니다. 텍스트를 보내 주세요.
답변을 거절하겠습니다.
해당 내용은 설명해 드리기 어렵습니다.
Het spijt me, maar daar kan ik niet mee helpen.
Przykro mi, ale nie mogę pomóc w tej sprawie.
This breaks the rules of the service I run on.
What you ask lies outside my guidelines, so there are no tags from me.
I cannot open the picture you sent.
I couldn't hear the recording.
Nothing was attached to your message.
Please send me the text first.
The item you sent has no description that I could use.
Nope, not doing that.
No, I won't.
I'll pass on this one.
Thank you for asking, but I would rather leave this unanswered.
I kindly decline.
I'm just a language model and cannot look at pictures.
Tagging this would go against the rules I follow.
Can't do it.
I won't tag this.
I will not be generating tags for such content.
It is not possible for me to judge this.
Not able to comply.
My apologies, this is something I have to leave out.
I don't have access to the audio.
There is nothing here for me to tag.
Creating labels for this content is not permitted.
We are sorry, this content cannot be processed.
这违反了平台的规则，我不会回答。
我打不开这张图片。
我听不了这段录音。
描述是空白的，请把内容发过来。
不，我不会这么做。
谢谢您的提问，但我不便回答。
作为一个模型，我看不了视频。
不好意思，这个我帮不了您。
这类内容我不予回应。
您没有附上图片。
请先发送要标注的文本。
超出了我能做的范围。
これはサービスの規則に反します。
画像を開けませんでした。
録音を聞くことができません。
説明が空白です。
まず本文を送ってください。
いいえ、しません。
せっかくですが、お答えは控えます。
モデルとして画像は見られません。
それは私にはできません。
ご質問ありがとうございます。ただし、この件には触れられません。
Esto incumple las reglas del servicio.
No logro abrir la imagen.
No puedo oír la grabación.
La descripción está en blanco; envíe el texto, por favor.
No, no lo haré.
Gracias por preguntar, pero prefiero no contestar.
Como modelo, no veo fotografías.
Eso queda fuera de lo que puedo hacer.
Me temo que no puedo decir nada sobre esto.
No se me permite etiquetar este tipo de contenido.
Mándame primero el texto.
Das bricht die Regeln des Dienstes.
Ich kann das Bild nicht öffnen.
Die Aufnahme kann ich nicht anhören.
Die Beschreibung ist leer. Schicken Sie mir bitte den Text.
Nein, mache ich nicht.
Danke für die Frage, aber darauf antworte ich lieber nicht.
Als Modell sehe ich keine Bilder.
Dabei kann ich Ihnen nicht weiterhelfen.
So etwas verschlagworte ich nicht.
Das liegt außerhalb meiner Möglichkeiten.
Ich darf dazu keine Auskunft geben.
Cela enfreint les règles du service.
Je n'arrive pas à ouvrir l'image.
Je ne peux pas écouter l'enregistrement.
La description est vide ; envoyez-moi d'abord le texte.
Non, je ne le ferai pas.
Merci de votre question, mais je préfère m'abstenir.
En tant que modèle, je ne vois pas les photos.
C'est impossible pour moi.
Je n'ai pas le droit d'étiqueter ce contenu.
Je ne suis pas autorisé à répondre.
Désolé, je ne peux rien dire à ce sujet.
I'm going to have to stop here; this isn't appropriate for me to label.
The photo you mentioned never arrived.
I'm designed for text only, so the video is out of reach.
There isn't anything in the item I could turn into tags.
Our policies prevent me from answering that.
It would be inappropriate for me to describe this.
I have no information about this item.
This falls under content I don't handle.
I'm sorry, this isn't something I can support.
Não tenho permissão para descrever isso.
A imagem não carregou; envie novamente, por favor.
Sou um modelo de texto e não vejo imagens.
Prefiro não comentar este conteúdo.
Esse tipo de pedido está fora das minhas diretrizes.
Non riesco ad aprire il file.
La descrizione è vuota, inviami il testo.
Sono solo un modello di testo, non vedo le foto.
Questo va contro le regole del servizio.
Grazie della domanda, ma preferisco astenermi.
У меня нет доступа к аудио.
Описание отсутствует, пришлите его, пожалуйста.
Я текстовая модель и не вижу картинок.
Это противоречит правилам сервиса.
Предпочту не комментировать.
Увы, с этим помочь не смогу.
녹음을 들을 수 없습니다.
설명이 없습니다. 먼저 텍스트를 보내 주세요.
저는 텍스트 모델이라 사진을 볼 수 없습니다.
그건 서비스 규칙에 어긋납니다.
질문은 감사하지만 답변은 사양하겠습니다.
아니요, 하지 않겠습니다.
这个问题我没办法回答您。
我没有权限访问该链接。
出于安全考虑，我不能提供此类信息。
该视频无法播放，请提供文字说明。
このリクエストはお受けできません。
音声ファイルを再生できません。
安全上の理由から、この内容は説明できません。
わたしはテキスト専用なので写真は見えません。
Para eso no tengo autorización.
La foto no se ha cargado bien, vuelva a enviarla.
Eso no lo puedo comentar.
Mis reglas me impiden contestar.
Dafür habe ich keine Berechtigung.
Das Foto wurde nicht geladen.
Meine Regeln verbieten mir eine Antwort.
Aus Sicherheitsgründen kann ich das nicht beschreiben.
La photo ne s'est pas chargée.
Mes règles m'interdisent de répondre.
Pour des raisons de sécurité, je ne peux pas décrire ceci.
Ce n'est pas une demande que je peux traiter.
"""

ORDINARY = """
Una página sin título|Imagen sin texto|Vídeo sin audio|No hay texto en la imagen, solo un perro.
Un hombre que no puede ver escucha un audio en su teléfono.
La película trata de un niño que no tiene acceso a la educación.
Una mujer pide por favor más información en la ventanilla.|Un cartel dice que no se permite el paso.
El documental muestra cómo las normas infringen los derechos.|No es posible describir la belleza del paisaje
Un tutorial para responder preguntas difíciles|El alumno no puede responder la pregunta de su maestra.
Si me dejas ahora|Como una ola|Falta de información|Datos incompletos|Video sin editar de una fiesta
Ein Bild ohne Text.|Auf dem Foto ist kein Text zu sehen.
Ein Mann kann das Bild nicht erkennen, weil es dunkel ist.
Der Film handelt von einer Frau, die nicht sprechen möchte.|Ich bin nicht allein
Ein Schild mit der Aufschrift „Bitte nicht stören“.|Die Regeln des Spiels verletzen niemanden.
Sie haben keine Angst vor dem Hund.|Als die Bilder laufen lernten|Möchte ich nicht missen
Kein Anschluss unter dieser Nummer|Wenn du gehst, kann ich nicht schlafen|Ohne die Angabe von Gründen
Es gibt keine Bilder an der Wand.|Ich sehe nichts, ich höre nichts|Lieber nicht allein sein
Il n'y a pas de texte sur cette image.|Une photo sans titre|Une vidéo sans contenu sonore
Un homme ne peut pas voir la page de son livre.|Je ne veux pas travailler|Je ne suis pas un héros|Il me manque
Il faut sauver le soldat Ryan|Si tu veux, on peut lire un texte
Une affiche indique qu'il est interdit d'entrer.|Vous n'avez rien compris|Je n'ai pas le temps
Merci de ne pas fumer|Comme un avion sans aile|Une classe où l'élève ne répond pas à la question.
Uma foto sem título|Um vídeo sem som sobre a natureza|Não há texto na imagem.
O aluno não consegue responder à pergunta.|Não posso ficar|Se você quiser|Contra as regras do jogo
Una foto senza titolo|Non c'è testo nell'immagine.|Non ho l'età|Se mi lasci non vale
Un uomo non riesce a leggere la pagina.|Non posso reprimere l'amor|Фото без текста|На картинке нет текста.
Мужчина не может прочитать страницу.|Я не могу иначе|Без названия|Как я провёл лето|Вы не одни
Если вы любите кофе|Нет человека на острове|没有文字的图片|图片中没有文字，只有一只狗。
一个人看不清书上的文字。|没有内容的生活|请把门关上|如果没有你|缺少睡眠的人|不能描述的心情
他无法回答老师的问题。|学生不会回答问题|作为一个父亲，他很累。|信息不足的社会|看不见的城市|我不会写情书
我不能接受这个结果|我拒绝了他的请求|文字のない絵|画像に文字はありません。|彼は質問に答えることができない。
見ることができない星|この曲は説明できない魅力がある。|内容がない会議|できないことをする勇気|ルールに反する行為
情報不足の社会|私には夢がない|AIとして生まれた少女の物語|텍스트가 없는 이미지|학생은 질문에 답할 수 없었다.
볼 수 없는 별|규칙을 위반한 선수|정보가 부족한 사회|AI로서 살아가는 소녀의 이야기|나는 할 수 없어
A page without text.|There is no text in the image.|The photo has no caption.
An image without any people in it|A man cannot read the page because it is dark.
You don't have to say you love me|You forgot to remember|If you give a mouse a cookie, it will ask for milk
Your message here|A worker declines a request from the manager.|The request was denied by the court.
A document with missing information about the war|What would you like to eat?|Nothing to lose
I only have eyes for you|I have nothing to hide|The song breaks the rules of pop music.
He says he would rather not talk about it.|Not going anywhere|Silence is the answer
apology letter|sorry (song)|unable to walk dog|I can't help falling in love|sorry sight|the unable|public apology
A sign that says sorry we are closed|A sign that says "Sorry, we are closed".|saying sorry|sorry dance
A man who cannot see reads a book in braille.|A poster reads “I can't help you” in red letters.
No smoking sign on the wall|no entry|Please keep off the grass|please sit down|Mission impossible
I Can't Make You Love Me|I can't tell you why|I won't let you go|I Would Rather Not Go Blind
How I learned to say no|Why I can't stop writing|The tags could be seen from afar
An AI researcher explains what language models cannot do.|A protest against new privacy policies in front of parliament.
A woman apologizes to her daughter in a kitchen.|sorry, apology, regret|apology, forgiveness, guilt
The court could not determine who wrote the letter.|He cannot answer the teacher's question.
They were unable to identify the person in the photo until 1998.|customer service policy|community guidelines
artificial intelligence|language model|as an artist|information deficit|not enough sleep|missing person
Lo siento mi amor|perdón, mi vida|es tut mir nicht weh|Tut mir leid, dass ich dich liebe
Entschuldigung, ist hier noch frei?
Désolé pour hier soir|Je ne regrette rien|Non, je ne regrette rien|No puedo vivir sin ti|No puedo olvidarte
Não posso viver sem você|Non posso stare senza te|Не могу забыть тебя|Прости меня, моя любовь|Невозможное
对不起我爱你|对不起，我爱你|抱歉抱歉|无法完成的任务|难以描述的美|我不能没有你|违反规定停车|信息安全|不能说的秘密
ごめんね、ありがとう|見えない敵|忘れられない味|言えない秘密|できない約束|미안해, 사랑해
말할 수 없는 비밀|설명할 수 없는 아름다움
죄송한 마음을 담은 편지|A blank page in an open notebook.|The image is black and white.|A missing dog poster
She cannot find her keys and calls a friend for help.|This song is about a man who won't give up.
Ich kann dich nicht vergessen|Ich will keine Schokolade|Nicht ohne meine Tochter|kein Bild an der Wand
A robot says that it is only a language model and sings.|Guide to writing an email to decline an offer
Please, please me|Please Mr. Postman|Can you hear me?|Could you be loved|What I cannot create, I do not understand
Photograph of a letter in which the king refuses to abdicate|no tags on the jacket|Sorry seems to be the hardest word
"""


def test_refusals_are_seen():
    for text in REFUSALS.strip().splitlines():
        assert looks_like_refusal(text), text
        assert parse_tags(text).refused and parse_tags(json.dumps({"tags": [text]})).refused, text


def test_ordinary_words_are_none():
    for text in (text for line in ORDINARY.strip().splitlines() for text in line.split("|")):
        assert not looks_like_refusal(text), text


@pytest.mark.data
def test_real_titles_captions_and_tags_are_none(shared_data):
    """One in five thousand may sound like one: titles do speak so ("I can't give you …")."""
    texts = {row["title"] for row in json.loads((shared_data / "items/ml_projects.json").read_bytes())}
    for name, column, step in (
        ("items/ted_talks.csv", "title", 1),
        ("items/ted_talks.csv", "description", 5),
        ("items/kuaishou_videos.csv", "caption", 1),
        ("music/musiccaps-public.csv", "caption", 10),
        ("interactions/ml_latest_small_movies.csv", "title", 1),
    ):
        with (shared_data / name).open(encoding="utf-8", newline="") as file:
            texts |= {row[column] or "" for row in list(csv.DictReader(file))[::step]}
    wrong = [text for text in texts if looks_like_refusal(text)]
    assert len(texts) > 20_000 and len(wrong) <= len(texts) / 5000, wrong
