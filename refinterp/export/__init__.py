"""Sources for a firmware project that runs a model with TFLM: text made from a model's facts."""
