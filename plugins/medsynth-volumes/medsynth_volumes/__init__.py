"""Real images in napari: readers, writers, sample data, and the Cohort panel."""
