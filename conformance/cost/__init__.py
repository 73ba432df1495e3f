"""Latency and energy estimates: fitted on published measurements, and held against others."""
