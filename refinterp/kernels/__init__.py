"""What operators compute, one file each in `ops`, and what they share; `registry` finds them."""
