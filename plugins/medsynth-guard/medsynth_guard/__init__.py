"""The Guard panel: verdicts, thresholds that can be dragged, and each sample beside its nearest real image."""
