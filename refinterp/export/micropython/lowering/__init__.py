"""Operators as calls of kernels: a file a family."""
