"""A policy is in force for a cohort at large, or for one model against it; those known so far: at large."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the model of each choice, "" for none."""
    op.add_column("policy_choices", sa.Column("bundle_hash", sa.String(), nullable=False, server_default=""))
    op.drop_index("policy_choices_by_cohort", "policy_choices")
    op.create_index("policy_choices_by_scope", "policy_choices", ["cohort_hash", "bundle_hash", "number"])
