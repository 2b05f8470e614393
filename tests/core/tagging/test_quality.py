"""On real talks and projects the tagger stays clearly above plain embedding top-k."""

import pytest

from benchmarks.tagging import baselines, load, ours, score
from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, find_model

ITEMS = 300


@pytest.fixture(scope="module")
def encoder():
    return CachedEncoder(Encoder(find_model()), MemoryCache())


@pytest.mark.data
@pytest.mark.parametrize(("name", "margin", "least"), [("ted", 0.03, 0.33), ("ml", 0.06, 0.33)])
def test_quality_on_real_items(shared_data, encoder, name, margin, least):
    corpus = load(name, shared_data).part(ITEMS)
    assert len(corpus.clues) == ITEMS
    plain = {method: score(said, corpus.gold).f1 for method, said in baselines(corpus, encoder).items()}
    found = ours(corpus, encoder).score
    assert found.per_item == corpus.top_k
    assert found.f1 >= least
    assert found.f1 >= plain["embedding top-k"] + margin
    assert found.f1 > plain["embedding + lexical"]
