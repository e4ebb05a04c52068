"""Measure how fast and how small the product is; `python -m benchmarks` prints the table."""
