"""One operator per file: a generator that yields the steps to one element and returns it."""
