"""Captions: boxes that people fill, the newest caption of each item's field, settings of a corpus."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("corpus", sa.Column("settings", sa.Text(), nullable=True))
    op.add_column("current", sa.Column("boxes", sa.Text(), nullable=True))
    op.create_table(
        "item_caption",
        sa.Column("item", KEY, autoincrement=False, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("corpus", KEY, nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("suggestion", KEY, nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item", "field"),
    )
    op.create_index("item_caption_corpus", "item_caption", ["corpus", "field", "verdict", "item"], unique=False)
