"""What a quantized model is held against: its float partner, or the reals its codes stand for."""
