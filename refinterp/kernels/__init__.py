"""The operators, one file each; `registry` finds them."""
