"""Modules for MicroPython against what they were made from: our own run, and the runtimes."""
