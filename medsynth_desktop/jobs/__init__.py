"""Qt-free runner of long work: queued, running, done, failed, cancelled; one lane per device."""
