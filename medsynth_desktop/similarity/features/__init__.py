"""Images as vectors of features."""
