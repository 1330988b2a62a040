"""What the answers of a reader study say: distributions, agreement, recognition, comparison, time.

Ratings are arrays of (readers, cases) with the number of the option chosen, 1 the worst, and NaN where a reader gave no
answer. Every number comes as an `estimate.Estimate`: with an interval and the method it was made by, or without a value
and with the reason. `docs/decisions/0012-statistics-of-reader-studies.md` tells which method was taken and why.
"""
