"""What older TFLM refuses otherwise: what distributions of it are made from."""
