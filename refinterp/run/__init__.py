"""A model in its memory, running: prepare, lay out, execute."""
