"""Images as vectors of features, and the dictionary of every training image's."""
