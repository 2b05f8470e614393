"""Words that hold sentences together and name nothing: a short list for each language that many corpora are in.

A language without a list is served by the corpus' own figures: what nearly every item says is no keyphrase.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from core.vocabulary.stems import fold_word

_LISTS = {
    "en": """
        a about above across actually after again against ago all almost alone along already also although always am
        among an and another any anyone anything are aren around as at away back be became because become becomes
        been before behind being below between both but by came can cannot come comes could couldn did didn do does
        doesn doing don done down during each either else enough etc even ever every everyone everything few for
        from further gave get gets getting give gives giving go goes going gone got had has have having he her here
        hers herself him himself his how however i if in instead into is isn it its itself just keep know known last
        least less let like ll lot made make makes making many may maybe me might mine more most much must my myself
        near need needs neither never new next no nobody non none nor not nothing now of off often on once one ones
        only onto or other others our ours ourselves out over own per perhaps put quite rather re really said same
        saw say says see seem seems seen several she should show shown shows since so some someone something
        sometimes soon still such take taken takes taking tell than that the their theirs them themselves then there
        these they thing things this those though three through thus to together too took toward towards two under
        unless until up upon us use used uses using ve very via want wants was wasn way we well went were what
        whatever when where whether which while who whole whom whose why will with within without won would yet you
        your yours yourself
        four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty hundred hundreds thousand
        thousands million millions billion billions dozen dozens minute minutes hour hours days week weeks month
        months year years kilometre kilometres kilometer kilometers metre metres miles
    """,
    "de": """
        aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist da dabei
        dadurch dafür damit dann daran darauf das dass davon dazu dein deine dem den denn der des dich die dies
        diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch
        euer für gegen gibt hab habe haben hat hatte hatten hier hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer
        im immer in indem ins ist jede jedem jeden jeder jedes jetzt kann kein keine keinen können könnte machen man
        mehr mein meine mich mir mit muss nach nicht nichts noch nun nur ob oder ohne schon sehr sein seine seinem
        seinen seiner seit sich sie sind so soll sondern sonst über um und uns unser unter viel vom von vor war
        waren warum was weg weil weiter wenn wer werde werden wie wieder will wir wird wo wurde wurden zu zum zur
        zwar zwischen
    """,
    "fr": """
        ai ainsi alors au aucun aussi autre autres aux avant avec avoir avons avez bien c car ce ceci cela celle
        celui ces cet cette ceux chaque chez ci comme comment d dans de depuis des deux donc dont du elle elles en
        encore entre es est et étaient était été être eu fait faire font il ils j je jusqu l la là le les leur leurs
        lors lui m ma mais me même mes mieux moins mon n ne ni nos notre nous on ont ou où par parce pas peu peut
        plus pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous
        sur t ta te tes toi ton tous tout toute toutes très trop tu un une vers vos votre vous y
    """,
    "es": """
        a al algo algunos ante antes aquí así aun aunque cada casi como con contra cosas cual cuando cuál cómo de
        del desde después donde dos durante e el él ella ellas ellos en entre era eran es esa ese eso esta está
        están estar estas este esto estos fue fueron ha hace hacer hacia han hasta hay la las le les lo los más me
        mi mis mismo mucho muchos muy nada ni no nos nosotros nuestra nuestro o os otra otras otro otros para pero
        poco por porque puede pueden pues que qué quien quién se sea ser si sí sido sin sobre solo son su sus
        también tan tanto te tiene tienen toda todas todo todos tu tus un una uno unos usted y ya yo
    """,
    "pt": """
        a à ainda algo ao aos as às até com como da das de dela dele deles depois do dois dos e é ela elas ele eles
        em entre era essa esse esta está estão este eu faz fazer foi foram há isso isto já lá lhe mais mas me mesmo
        meu minha muito na não nas nem no nos nós nossa nosso num numa o os ou para pela pelas pelo pelos pode por
        porque qual quando que quem são se sem ser seu seus só sobre sua suas também tem têm toda todas todo todos
        tu tudo um uma umas uns você vocês
    """,
    "it": """
        a ad agli ai al alla alle allo anche ancora avere c che chi ci come con contro cosa così cui da dagli dai
        dal dalla dalle degli dei del della delle dello di dopo dove due e è ed era erano essere fa fare fra gli ha
        hanno ho i il in io la le lei li lo loro lui ma me meno mi mia mio molto ne negli nei nel nella nelle no noi
        non nostra nostro o ogni per perché perciò più poi può quale quando quanto quasi quella quelle quelli quello
        questa queste questi questo qui se sei senza si sia sono sopra sotto su sua sue sugli sui sul sulla suo suoi
        tra tu tutte tutti tutto un una uno vi voi
    """,
    "nl": """
        aan al alle alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een en er ge
        geen geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je jij jullie kan
        kon kunnen maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over
        reeds te tegen toch toen tot u uit uw van veel voor want waren was wat werd wie wij wil worden wordt zal ze
        zelf zich zij zijn zo zonder zou
    """,
    "ru": """
        а без более больше будет будто бы был была были было быть в вам вас ведь весь во вот все всё всего всех вы
        где да даже для до его ее её если есть еще ещё же за здесь и из или им их к как какая какой когда кто ли
        лучше меня мне много может можно мой мы на над надо нас не него нее ней нет ни них но ну о об один он она
        они оно опять от очень перед по под после потом потому почти при про раз с сам свой свою себе себя сейчас со
        так такой там тебя тем теперь то тогда того тоже только том тот три ту ты у уже хоть чего чем через что
        чтобы чтоб эта эти это этого этой этом этот эту я
    """,
    "ar": """
        من في على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم نحن أنا انا أنت انت كان كانت يكون لا ما لم
        لن قد كل كما أن ان إن أو او ثم بعد قبل حتى بين عند لكن غير أي اي كيف متى لماذا هل و يا بها به له لها لهم فيه
        فيها
    """,
    "hi": """
        का के की को में से है हैं था थे थी और या पर यह वह ये वे एक इस उस कि जो तो ही भी नहीं ने हो कर लिए साथ क्या
        क्यों कैसे कब कहाँ कुछ सब बहुत अपने अपना मैं हम आप तुम मेरा हमारा आपका उसका इसका गया गई रहा रही रहे होता
        होती होते
    """,
    "zh": """
        的 了 是 在 和 与 及 或 也 都 就 还 又 很 太 更 最 不 没 没有 有 这 那 这个 那个 这些 那些 这样 那样 这么
        那么 什么 怎么 怎样 为什么 谁 哪 哪里 哪个 几 多少 我 你 他 她 它 我们 你们 他们 她们 咱们 大家 自己 别人
        人家 一个 一些 一样 一下 一点 一起 一直 一定 今天 明天 昨天 现在 时候 可以 可能 能 会 要 想 不要 不会 不是
        不能 不过 但 但是 因为 所以 如果 而 而且 然后 还是 就是 只是 只 才 被 把 给 让 对 对于 从 到 向 为 为了 以
        以及 之 其 等 吧 吗 呢 啊 呀 哦 嘛 哈 哈哈 哈哈哈 啦 着 过 得 地 个 里 上 下 中 来 去 来了 起来 出来 知道
        觉得 真的 真是 非常 已经 每 每天 第一 第二 是什么 有没有 也是 都是 这是 那是 我是 你是 还有 只有 有点 其他
        其它 看到 喜欢 希望
    """,
    "ja": """
        の に は を が と で も や へ か な ね よ から まで より など これ それ あれ この その あの ここ そこ どこ
        私 僕 俺 彼 彼女 あなた こと もの ため とき 時 よう そう する した して している いる ある なる なった です
        ます でした ました ない なかった られる れる だけ しか でも しかし また そして ので のに という について
        によって として 的 何 今日 今 人 方 中 上 さん ちゃん
    """,
    "ko": """
        이 그 저 것 수 등 들 및 의 가 을 를 은 는 에 에서 로 으로 와 과 도 만 까지 부터 하다 하는 한 할 하고 했다
        합니다 있다 있는 없는 없다 입니다 그리고 그러나 하지만 또는 그래서 나 너 우리 저희 당신 이것 그것 저것 여기
        거기 때문 대한 위한 통해 너무 정말 진짜 오늘 지금 많은 모든 같은 다른 아주 매우 더 가장 안 못
    """,
    "th": """
        ที่ และ ของ ใน เป็น มี ได้ ให้ จะ ไม่ ว่า กับ การ ความ ก็ แต่ หรือ จาก นี้ นั้น ไป มา อยู่ แล้ว ด้วย โดย
        ซึ่ง เพราะ ถ้า เมื่อ ต้อง คือ กัน อะไร ทำไม อย่างไร ใคร ผม ฉัน เรา เขา คุณ ครับ ค่ะ นะ มาก ทุก เลย แบบ คน
        สิ่ง วันนี้
    """,
}

STOPWORDS: dict[str, frozenset[str]] = {
    language: frozenset(map(fold_word, words.split())) for language, words in _LISTS.items()
}
"""Folded as `core.vocabulary.stems.fold_word` folds words."""
UNSPACED_STOPWORDS = STOPWORDS["zh"] | STOPWORDS["ja"] | STOPWORDS["ko"] | STOPWORDS["th"]
SPACED = tuple(language for language in STOPWORDS if language not in ("zh", "ja", "ko", "th"))
LEAST_SHARE = 0.08  # of a text's words that must be in a language's list


def language_of(words: Iterable[str], languages: Iterable[str] | None = None) -> str | None:
    """The language whose small words a text uses most; None when it uses few of any list. `words` are folded."""
    counts = Counter(words)
    total = counts.total()
    shares = {
        language: sum(n for word, n in counts.items() if word in STOPWORDS[language]) / total
        for language in languages or SPACED
        if total
    }
    best = max(shares, key=lambda language: (shares[language], language), default=None)
    return best if best is not None and shares[best] >= LEAST_SHARE else None
