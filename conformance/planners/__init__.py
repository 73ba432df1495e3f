"""Arena planners against each other, TFLM and a solver."""
