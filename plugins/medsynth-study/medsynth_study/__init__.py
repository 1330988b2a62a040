"""The Study panel, and the window in which a reader reads: one case after the other, answers by key, no feedback."""
