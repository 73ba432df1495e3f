"""A model as frozen data, how to build one, and what is wrong with it."""
