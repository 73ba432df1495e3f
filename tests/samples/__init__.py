"""Data from files: every kind, and what is said of it."""
