"""The operators: one file per operator, or per family of operators that are one formula."""
