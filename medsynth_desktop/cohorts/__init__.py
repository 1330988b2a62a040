"""Real images: preprocessing to a model grid, import, patient-level splits, pseudonyms."""
