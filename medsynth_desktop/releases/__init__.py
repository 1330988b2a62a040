"""Decisions, signatures, release packages and their verification. Needs no torch."""
