"""Footprints of operators, one table per kernel library."""
