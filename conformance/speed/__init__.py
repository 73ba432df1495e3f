"""Time beside LiteRT and TFLM, and as work grows."""
