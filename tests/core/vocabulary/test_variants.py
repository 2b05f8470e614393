import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vocabulary.spelling import variant_key
from core.vocabulary.variants import group, is_slip, relation


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("Deep Learning", "deep learning", "case"),
        ("Ｐｙｔｈｏｎ", "Python", "width"),
        ("deep-learning", "deep learning", "spacing"),
        ("data set", "dataset", "spacing"),
        ("node.js", "nodejs", "spacing"),
        ("R&B", "r and b", "spacing"),
        ("rock 'n' roll", "rock and roll", "spacing"),
        ("café crème", "cafe creme", "accents"),
        ("neural network", "neural networks", "plural"),
        ("movie", "movies", "plural"),
        ("cache", "caches", "plural"),
        ("virus", "viruses", "plural"),
        ("analysis", "analyses", "plural"),
        ("woman", "women", "plural"),
        ("matrix", "matrices", "plural"),
        ("canción", "canciones", "plural"),
        ("lens flare", "lensflare", "spacing"),
        ("gans", "gan", "plural"),
        ("colour", "color", "spelling"),
        ("organisation", "organization", "spelling"),
        ("modelling", "modeling", "spelling"),
        ("theatre", "theater", "spelling"),
        ("data_set", "data-sets", "spacing, plural"),
        ("behavioural economics", "behavioral-economics", "spacing, spelling"),
        ("手工 DIY", "手工diy", "spacing"),
    ],
)
def test_variants_and_what_they_differ_by(a, b, reason):
    assert variant_key(a) == variant_key(b)
    assert relation(a, b) == reason
    assert relation(b, a) == reason


NO_VARIANTS = """
    us/use news/new arm/arms glass/glasses physics/physic good/goods plan/plane car/care four/for tour/tor prise/prize
    c/c++ c++/c# gpt-2/gpt-3 python2/python3 3.5/35 covid-1-9/covid-19 filled/filed tier/tire tablet/table テスト/テズト
    ハス/バス :d/;d año/anos schon/schön breaking-news/breaking-new iphone-x/iphone-xs
"""


@pytest.mark.parametrize("pair", NO_VARIANTS.split())
def test_what_is_no_variant(pair):
    a, b = (word.replace("-", " ") for word in pair.split("/"))
    assert relation(a, b) is None


def grouped(names):
    return {g.canonical: dict(g.members) for g in group(names)}


def test_the_most_frequent_spelling_is_the_name():
    names = {"Deep Learning": 3, "deep learning": 40, "deep-learning": 2, "cooking": 9}
    assert grouped(names) == {"deep learning": {"Deep Learning": "case", "deep-learning": "spacing"}}


def test_of_equal_spellings_the_most_readable_is_the_name():
    assert list(grouped({"data_mining": 1, "datamining": 1, "data mining": 1, "ＤＡＴＡ mining": 1})) == ["data mining"]


def test_initialisms_go_with_the_only_name_that_they_can_stand_for():
    names = {"convolutional neural networks": 5, "convolutional neural network": 2, "cnn": 4, "CNNs": 1, "networks": 9}
    assert grouped(names) == {
        "convolutional neural networks": {
            "convolutional neural network": "plural",
            "cnn": "initialism",
            "CNNs": "initialism",
        }
    }


def test_initialisms_with_several_meanings_stay_alone():
    names = {"recurrent neural network": 1, "recursive neural network": 1, "rnn": 1}
    assert grouped(names) == {}


def test_words_that_happen_to_be_initials_stay_alone():
    assert grouped({"cat": 5, "computer aided tomography": 5}) == {}
    assert grouped({"CAT": 5, "computer aided tomography": 5}) == {"computer aided tomography": {"CAT": "initialism"}}


def test_an_initialism_that_is_used_far_oftener_is_the_name():
    assert grouped({"fbi": 90, "federal bureau of investigation": 2}) == {
        "fbi": {"federal bureau of investigation": "initialism"}
    }


def test_numeronyms():
    assert grouped({"kubernetes": 3, "k8s": 3, "i18n": 1, "internationalization": 1}) == {
        "kubernetes": {"k8s": "numeronym"},
        "internationalization": {"i18n": "numeronym"},
    }
    assert grouped({"b2b": 1, "blob": 1, "h264": 1, "mp3": 2, "mp4": 2}) == {}


def test_signs_spelled_out():
    assert grouped({"c++": 3, "cpp": 3, "c#": 2, "csharp": 2, "c": 9}) == {
        "c++": {"cpp": "symbol"},
        "c#": {"csharp": "symbol"},
    }


def test_slips_of_rare_names():
    names = {"recommendation": 80, "recomendation": 1, "recommednation": 1, "representation learning": 50}
    assert grouped(names | {"respresentation learning": 1}) == {
        "recommendation": {"recomendation": "typo", "recommednation": "typo"},
        "representation learning": {"respresentation learning": "typo"},
    }


def test_rare_names_that_are_words_of_their_own_stay():
    names = {"meditation": 90, "mediation": 1, "deep learning": 90, "deep q learning": 1, "prescription": 90}
    assert grouped(names | {"proscription": 1, "recommendation": 80, "recomendation": 9}) == {}


def test_a_slip_is_one_step():
    assert is_slip("convolutoinal", "convolutional")
    assert not is_slip("stationary", "stationery")
    assert not is_slip("networking", "network")
    assert not is_slip("casual", "causal")


SOME_NAMES = """
    nlp NLP nlps natural-language-processing natural_language_processing k8s kubernetes color colour colors c++ cpp
    data-set dataset datasets movie movies gpt-2 gpt2 gpt-3 neural-network neural-networks recommendation recomendation
    us use news new
"""
names = st.dictionaries(
    st.sampled_from(SOME_NAMES.split()) | st.text("ab -_sA1+", min_size=1, max_size=6), st.integers(0, 60), max_size=14
)


@given(names, st.randoms())
def test_groups_do_not_depend_on_the_order_and_hold_every_name_once(names, random):
    shuffled = list(names.items())
    random.shuffle(shuffled)
    found = group(names)
    assert group(dict(shuffled)) == found
    members = [name for g in found for name in (g.canonical, *(m for m, _ in g.members))]
    assert len(members) == len(set(members)) and set(members) <= set(names)
    assert all(reason for g in found for _, reason in g.members)
    assert all(g.members for g in found)
