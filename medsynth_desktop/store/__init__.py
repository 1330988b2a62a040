"""The workspace on disk: SQLite (WAL) for records, content-addressed arrays beside it; every write atomic."""
