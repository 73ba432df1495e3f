"""Sums gathered sample after sample: errors, ranges, accumulators, outputs."""
