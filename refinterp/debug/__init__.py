"""Which layers of a quantized model lose the most, why, and what else could be done with them.

reference   what the model is held against, and which of its operators belong together
measure     sums gathered sample after sample
faults      what can be wrong, how a file or data show it, and what follows from what
study       layers in other precisions, other ranges
spread      the same measurements, divided among processes and machines

`compare` is the way in: `setup` says what is compared with what, `runs` how it is run, `figures`
and `diagnose` what comes of it. `result` is what is found, as data.
"""
