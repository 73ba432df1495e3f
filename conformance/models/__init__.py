"""Whole models: those of our own making, and everything a folder holds."""
