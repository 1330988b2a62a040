"""Training of the two networks of a bundle: resumable, step by step."""
