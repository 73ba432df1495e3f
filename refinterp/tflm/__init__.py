"""TensorFlow Lite for Microcontrollers' memory: what its allocator takes, byte by byte."""
