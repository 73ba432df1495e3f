"""Which layer loses the most: shadow runs, metrics, rankings."""
