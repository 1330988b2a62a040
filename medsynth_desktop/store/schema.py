"""Tables of the workspace, as the newest migration leaves them (a test compares both)."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = "0002"
"""Newest migration; numbers, so that a newer program's workspace is told from an older one."""

metadata = MetaData()

settings = Table(
    "settings", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False)
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

cohorts = Table(
    "cohorts",
    metadata,
    Column("name", String, primary_key=True),
    Column("recipe", Text, nullable=False),
    Column("hash", String),  # NULL until the first import has finished
    Column("skipped", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("created", String, nullable=False),
)

# A patient is known by a keyed hash of the identifier; merged patients share a pseudonym.
patients = Table(
    "patients",
    metadata,
    Column("cohort", String, ForeignKey("cohorts.name"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("pseudonym", String, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("cohort", String, ForeignKey("cohorts.name"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("patient", String, nullable=False),
    Column("split", String),  # NULL until the import that brought it has finished
    Column("array_hash", String, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("source", String, nullable=False),
    UniqueConstraint("cohort", "source"),
    Index("images_by_array", "cohort", "array_hash"),
)

bundles = Table(
    "bundles",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("record", Text, nullable=False),
    Column("created", String, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("name", String, primary_key=True),
    Column("bundle_hash", String, nullable=False),
    Column("created", String, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("id", String, primary_key=True),
    Column("batch", String, ForeignKey("batches.name"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("batch", "ordinal"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("sample", String, ForeignKey("samples.id"), primary_key=True),
    Column("policy_hash", String, nullable=False),
    Column("record", Text, nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("hash", String, primary_key=True),
    Column("cohort_hash", String, nullable=False),
    Column("record", Text, nullable=False),
)

# Which policy was put in force when; the last one of a cohort, or of one model against it, counts.
policy_choices = Table(
    "policy_choices",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("cohort_hash", String, nullable=False),
    Column("policy_hash", String, nullable=False),
    Column("chosen", String, nullable=False),
    Column("bundle_hash", String, nullable=False, server_default=""),  # "" for the cohort at large
    ForeignKeyConstraint(["policy_hash"], ["policies.hash"]),
    Index("policy_choices_by_scope", "cohort_hash", "bundle_hash", "number"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("sample", String, ForeignKey("samples.id"), nullable=False),
    Column("record", Text, nullable=False),
    Index("decisions_by_sample", "sample", "number"),
)

releases = Table(
    "releases",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("record", Text, nullable=False),
)
