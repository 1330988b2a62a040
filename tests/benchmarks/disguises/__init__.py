"""What `tests.benchmarks.bench_disguises` is made of."""
