"""What LiteRT refuses, by families of operators."""
