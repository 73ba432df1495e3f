"""refinterp held against other runtimes: bits, bytes and time."""
