"""What operators compute, and what they share; `registry` finds them.

`ops` has a file for each operator, or for a family of like ones.
"""
