"""What can be wrong, how a file or data show it, and what follows from what."""
