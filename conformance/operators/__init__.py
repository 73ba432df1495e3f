"""Random models of one operator, held against LiteRT, TFLM and definitions."""
