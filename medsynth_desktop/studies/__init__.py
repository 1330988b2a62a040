"""Reader studies: design, blinding, answers and their statistics."""
