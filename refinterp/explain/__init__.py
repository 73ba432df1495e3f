"""One output element, derived step by step; one operator, in words and formulas.

`record` keeps what an operator saw, `definition` finds the operator's definition and runs it,
`definitions/` holds one small generator per operator. A definition computes with Python integers
from the file's own figures: it shares no arithmetic with the kernels it is held against.
"""
