"""Benchmarks of fastmlp, and the baselines they compare it with."""
