"""A model as a module for MicroPython: viper kernels, weights in a file, a heap known before."""
