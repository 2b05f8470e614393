"""Tables of one project: the six nouns (docs/architecture.md).

Times are seconds since the epoch (UTC). Columns that hold structures hold JSON text, so that SQLite and
Postgres behave alike. `item.pk`, `tag.id`, `run.id` are integers for joins, and a
corpus' items stand in the order of their `pk`; `item.id` is the stable id.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
# SQLite numbers rows by itself only for a column of type INTEGER; Postgres needs eight bytes for many rows.
Key = BigInteger().with_variant(Integer, "sqlite")

# status of an item as stored in item.status and current.status
STATUSES = ("pending", "in_progress", "done", "skipped", "again")
STATUS_CODE = {name: code for code, name in enumerate(STATUSES)}

corpus = Table(
    "corpus",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("deleted", Integer, nullable=False),  # 0, or the pk of the deletion that took it away
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("settings", Text),  # JSON: what features keep for the corpus, such as how music tags are cleaned
    UniqueConstraint("name_key", "deleted", name="corpus_name"),
)

item = Table(
    "item",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    # the id that people and files see: pk and a piece of the key's hash (core.corpora.identity). Not indexed:
    # an index on something random would write one page per row
    Column("id", Text, nullable=False),
    Column("corpus", Key, nullable=False),
    Column("key", Text, nullable=False),  # what an item is known by: its external id, or its content's hash
    Column("external_id", Text),
    Column("content_hash", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("gold", Text),
    Column("media", Text),
    Column("link", Text),
    Column("status", SmallInteger, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("imported_by", Text, nullable=False),
    Column("source_row", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("corpus", "key", name="item_key"),
    Index("item_status", "corpus", "deleted", "status", "pk"),
    Index("item_order", "corpus", "deleted", "pk"),
)

# What the search box looks through, apart from `item` so that lists never read it. SQLite's full-text index
# (item_fts) and Postgres' vector column hang on this table; see migrations/project/versions.
item_text = Table(
    "item_text",
    metadata,
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)

deletion = Table(
    "deletion",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("restored_at", Double),
    Column("what", Text, nullable=False),
)

import_run = Table(
    "import_run",
    metadata,
    Column("id", Text, primary_key=True),  # the job's id
    Column("corpus", Key, nullable=False),
    Column("source", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("counts", Text, nullable=False),
    Column("at", Double, nullable=False),
)

import_note = Table(
    "import_note",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("import_run", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("row", Integer),
    Column("field", Text),
    Column("code", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Index("import_note_run", "import_run", "pk"),
)

tag = Table(
    "tag",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("parent", Key),
    Column("facet", Text),
    Column("state", Text, nullable=False),  # active | archived | merged
    # the tag that a merged one now means; never itself merged, so that one look is enough
    Column("merged_into", Key),
    Column("created_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("tag_state_key", "state", "key"),
)

tag_alias = Table(
    "tag_alias",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("tag", Key, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Index("tag_alias_tag", "tag"),
)

tag_revision = Table(
    "tag_revision",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),  # the vocabulary's revision number
    Column("batch", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("tag", Key, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("tag_revision_tag", "tag", "id"),
    Index("tag_revision_batch", "batch"),
)

run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("corpus", Key, nullable=False),
    Column("task", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text),
    Column("prompt_hash", Text),
    Column("parameters", Text, nullable=False),
    Column("vocabulary_revision", Key, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("job", Text),
    Column("created_at", Double, nullable=False),
    Column("spent", Text),  # JSON: requests, cached, tokens, cost, of all attempts together
    Index("run_corpus", "corpus", "id"),
)

# Raw answers of models, stored before anything reads them. `key` is the request as it was meant, with the endpoint
# and the number of the sample: the same question is never paid for twice.
reply = Table(
    "reply",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("request", Text, nullable=False),  # as meant (JSON)
    Column("wire", Text),  # the body as sent, where it differs (JSON)
    Column("raw", Text, nullable=False),  # the answer's body, as received
    Column("usage", Text, nullable=False),  # JSON: prompt, completion, estimated, milliseconds
    Column("at", Double, nullable=False),
)

# which raw answers a run's view of an item rests on
run_reply = Table(
    "run_reply",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("sample", Integer, primary_key=True, autoincrement=False),
    Column("reply", Key, nullable=False),
    Index("run_reply_reply", "reply"),
)

# The ledger: every request that went over the wire, whatever became of it. Append-only.
attempt = Table(
    "attempt",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),  # of the reply that it asked for
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("job", Text, nullable=False),  # "" outside of jobs
    Column("at", Double, nullable=False),  # when it was sent
    Column("milliseconds", Integer, nullable=False),
    Column("outcome", Text, nullable=False),  # "answered", or a fault's kind
    Column("status", Integer),  # HTTP status, where there was one
    Column("billed", Text, nullable=False),  # yes | no | unknown
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost_micros", BigInteger),  # millionths of a US dollar; NULL: no price is known
    Index("attempt_job", "job", "id"),
)

# Prompts as the project has them. Rows are never changed but for `current`: a run's hash finds its text again.
prompt = Table(
    "prompt",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("examples", Text, nullable=False),  # JSON list of {item, title, values, answer, content}: accepted items
    Column("hash", Text, nullable=False),  # of text and examples
    Column("shipped_hash", Text, nullable=False),  # of the shipped prompt that it was made from
    Column("current", SmallInteger, nullable=False),  # 1: runs use it; at most one row of a name
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("prompt_name", "name", "current"),
    Index("prompt_hash", "hash"),
)

# Requests handed in together (/v1/batches) and collected later.
batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("remote_file", Text),
    Column("remote_batch", Text),
    Column("requests", Integer, nullable=False),
    Column("landed", Integer, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("batch_job", "job", "created_at"),
)

run_item = Table(
    "run_item",
    metadata,
    Column("run", Key, primary_key=True, autoincrement=False),
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # ok | invalid | refused | failed
    Column("suggestions", Integer, nullable=False),
    Column("error", Text),
    Column("flags", Text),  # JSON list: what was odd about a usable answer ("repaired", "fitted", "language", ...)
)

suggestion = Table(
    "suggestion",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("run", Key, nullable=False),
    Column("item", Key, nullable=False),  # 0: the suggestion is about the vocabulary
    Column("field", Text, nullable=False),
    Column("tag", Key),
    Column("value", Text),
    Column("score", Double, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("validity", Text, nullable=False),
    Column("reply", Key),
    Column("detail", Text),  # JSON: votes, how a free tag was matched, nearest tags; a proposal's figures
    Index("suggestion_item", "item", "run", "rank"),
    Index("suggestion_tag", "tag", "run"),
    Index("suggestion_run", "run"),
)

decision = Table(
    "decision",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("item", Key, nullable=False),
    Column("corpus", Key, nullable=False),
    Column("field", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("change", Text),
    Column("undoes", Text),
    Column("undone", SmallInteger, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("blind", SmallInteger, nullable=False),
    Column("applied", SmallInteger, nullable=False),
    Column("base_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("vocabulary_revision", Key, nullable=False),
    Column("client_time", Text),
    Column("milliseconds", Integer),
    Column("at", Double, nullable=False),
    Index("decision_item", "item", "field", "seq"),
    Index("decision_person", "person", "seq"),
)

current = Table(
    "current",
    metadata,
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("accepted", Text, nullable=False),
    Column("rejected", Text, nullable=False),
    # free tags (suggestions without a tag) that a person does not want here, by name key
    Column("dropped", Text, nullable=False, server_default="[]"),
    Column("version", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False),
    # JSON: what people wrote, by box ({"writing": {"text", "stars", "valid", …}}); NULL for fields of tags
    Column("boxes", Text),
)

item_tag = Table(
    "item_tag",
    metadata,
    Column("tag", Key, primary_key=True, autoincrement=False),
    Column("item", Key, primary_key=True, autoincrement=False),
    Index("item_tag_item", "item"),
)

# How far two agents that both answered an item agree: tags in common over tags of either, 0 to 1.
item_agreement = Table(
    "item_agreement",
    metadata,
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("agreement", Double, nullable=False),
)

# The newest caption that a run has made for each field of an item ("caption.writing"), and what checks say of it: what
# lists filter by and figures count. `suggestion` is NULL where the run has none (refused, unusable, failed).
item_caption = Table(
    "item_caption",
    metadata,
    Column("item", Key, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("corpus", Key, nullable=False),
    Column("run", Key, nullable=False),
    Column("suggestion", Key),
    Column("verdict", Text, nullable=False),  # pass | warn | fail | none (there is no caption)
    Column("reasons", Text, nullable=False),  # JSON list of reason codes, or of one sentence where there is no caption
    Index("item_caption_corpus", "corpus", "field", "verdict", "item"),
)

# What stands decided about a suggestion about the vocabulary (a proposal): a projection of decisions, as `current` is.
proposal = Table(
    "proposal",
    metadata,
    Column("suggestion", Key, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),  # kind and names: the same proposal is not made twice
    Column("run", Key, nullable=False),
    Column("kind", Text, nullable=False),  # add | merge | alias | parent | archive
    Column("state", Text, nullable=False),  # open | accepted | rejected | later | outdated
    Column("score", Double, nullable=False),
    Column("items", Integer, nullable=False),  # items that it touches
    Column("batch", Text),  # the revisions that accepting it made
    Column("person", Text),
    Column("at", Double),
    Index("proposal_state", "state", "kind", "score"),
)
