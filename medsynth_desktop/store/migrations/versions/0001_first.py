"""First schema.

Tables are spelled out, not taken from ``schema.py``: a migration must do in years what it does today.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables and the triggers of the append-only ones."""
    _real_images()
    _synthetic_images()
    _guard()
    _decisions()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _name(
    name: str, *parts: sa.ForeignKey, primary_key: bool = False, nullable: bool = False
) -> sa.Column[str]:
    return sa.Column(name, sa.String(), *parts, primary_key=primary_key, nullable=nullable)


def _real_images() -> None:
    op.create_table("settings", _name("key", primary_key=True), _text("value"))
    op.create_table(
        "secrets", _name("name", primary_key=True), sa.Column("value", sa.LargeBinary(), nullable=False)
    )
    op.create_table(
        "cohorts",
        _name("name", primary_key=True),
        _text("recipe"),
        _name("hash", nullable=True),
        _text("skipped"),
        _text("notes"),
        _name("created"),
    )
    op.create_table(
        "patients",
        _name("cohort", sa.ForeignKey("cohorts.name"), primary_key=True),
        _name("key", primary_key=True),
        _name("pseudonym"),
    )
    op.create_table(
        "images",
        _name("cohort", sa.ForeignKey("cohorts.name"), primary_key=True),
        _name("id", primary_key=True),
        _name("patient"),
        _name("split", nullable=True),
        _name("array_hash"),
        _text("attributes"),
        _name("source"),
        sa.UniqueConstraint("cohort", "source"),
    )
    op.create_index("images_by_array", "images", ["cohort", "array_hash"])


def _synthetic_images() -> None:
    op.create_table(
        "bundles", _name("hash", primary_key=True), _name("name"), _text("record"), _name("created")
    )
    op.create_table("batches", _name("name", primary_key=True), _name("bundle_hash"), _name("created"))
    op.create_table(
        "samples",
        _name("id", primary_key=True),
        _name("batch", sa.ForeignKey("batches.name")),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        _text("record"),
        sa.UniqueConstraint("batch", "ordinal"),
    )


def _guard() -> None:
    op.create_table(
        "verdicts",
        _name("sample", sa.ForeignKey("samples.id"), primary_key=True),
        _name("policy_hash"),
        _text("record"),
    )
    op.create_table("policies", _name("hash", primary_key=True), _name("cohort_hash"), _text("record"))
    op.create_table(
        "policy_choices",
        sa.Column("number", sa.Integer(), primary_key=True),
        _name("cohort_hash"),
        _name("policy_hash"),
        _name("chosen"),
        sa.ForeignKeyConstraint(["policy_hash"], ["policies.hash"]),
    )
    op.create_index("policy_choices_by_cohort", "policy_choices", ["cohort_hash", "number"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer(), primary_key=True),
        _name("sample", sa.ForeignKey("samples.id")),
        _text("record"),
    )
    op.create_index("decisions_by_sample", "decisions", ["sample", "number"])
    op.create_table(
        "releases",
        sa.Column("number", sa.Integer(), primary_key=True),
        _name("id"),
        _text("record"),
        sa.UniqueConstraint("id"),
    )
    for table in ("decisions", "releases"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
            )
