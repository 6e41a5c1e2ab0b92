"""Benchmarks: they print ratios measured in one run, since machines are noisy. Not tests."""
