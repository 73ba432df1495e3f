"""The installed console script, in processes of its own."""
