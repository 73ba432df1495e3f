"""Valid models with one field changed: does the table of refusals say what the runtimes do?"""
