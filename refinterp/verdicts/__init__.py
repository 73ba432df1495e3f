"""What each runtime does with a model: runs it, refuses it, aborts, or computes something else."""
