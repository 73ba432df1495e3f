"""The arithmetic: rounding rules, exact products, windows, activations."""
