"""Tables of the host: what no single project owns. Times are seconds since the epoch (UTC)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text

metadata = MetaData()
Key = BigInteger().with_variant(Integer, "sqlite")

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

project = Table(
    "project",
    metadata,
    Column("id", Text, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("cancel_requested", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("unit", Text, nullable=False),
    Column("rate", Double),
    Column("pid", Integer),
    Column("pid_started", Double),
    Column("message", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("result", Text, nullable=False),
    # JSON, while an engine answers: requests, cached, tokens, cost (US dollars or null), projected, in_flight, waiting
    Column("spent", Text, nullable=False, server_default="{}"),
    Column("retry_of", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("updated_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("job_state", "state", "created_at"),
    Index("job_created", "created_at"),
)

# A named way to a language model. Keys are never here: they live in memory and in the environment.
connection = Table(
    "connection",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("engine", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("roles", Text, nullable=False),  # JSON list of "text", "vision": what it is used for
    Column("settings", Text, nullable=False),  # JSON: core.engines.connecting.connections.ConnectionSettings
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

# What was learned of one model at one endpoint by using it (core.engines.capabilities).
capability = Table(
    "capability",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("record", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)
