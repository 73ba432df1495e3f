"""What TFLM refuses, by families of operators."""
