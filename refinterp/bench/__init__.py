"""How long models take: ours against others, in turns, and operator by operator."""
