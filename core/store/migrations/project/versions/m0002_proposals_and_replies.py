"""Raw replies, proposals about the vocabulary, merged tags, free tags, agreement of agents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("tag", sa.Column("merged_into", KEY, nullable=True))
    op.add_column("suggestion", sa.Column("detail", sa.Text(), nullable=True))
    op.add_column("current", sa.Column("dropped", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "reply",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("wire", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "run_reply",
        sa.Column("run", KEY, autoincrement=False, nullable=False),
        sa.Column("item", KEY, autoincrement=False, nullable=False),
        sa.Column("sample", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reply", KEY, nullable=False),
        sa.PrimaryKeyConstraint("run", "item", "sample"),
    )
    op.create_index("run_reply_reply", "run_reply", ["reply"], unique=False)
    op.create_table(
        "item_agreement",
        sa.Column("item", KEY, autoincrement=False, nullable=False),
        sa.Column("agreement", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_table(
        "proposal",
        sa.Column("suggestion", KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("suggestion"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("proposal_state", "proposal", ["state", "kind", "score"], unique=False)
