"""Whether models fit a board: RAM, flash, operators, and what would make them fit."""
