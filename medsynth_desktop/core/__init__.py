"""Ground floor: volumes, records, hashes, errors, registries, progress. Imports no other room."""
