"""Cores, chips and boards by the names that people use: `boards.json`, and files like it."""
