"""One output element, derived step by step from the definition."""
