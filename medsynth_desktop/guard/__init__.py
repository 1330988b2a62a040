"""What may leave: thresholds from unseen patients, a verdict with its reasons, and the audit of a batch."""
