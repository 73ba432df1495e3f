"""Which inputs and outputs of two models belong together; an error where they do not match."""

from __future__ import annotations

from refinterp.debug.reference.shadow import is_code
from refinterp.errors import UsageError
from refinterp.run.program import Program


def match_inputs(quantized: Program, twin: Program) -> dict[int, int]:
    """Graph inputs of the quantized model → of the float model, by name, else by position."""
    mine, theirs = quantized.graph.inputs, twin.graph.inputs
    if len(mine) != len(theirs):
        raise UsageError(
            f"the model has {len(mine)} inputs, the float model {len(theirs)}: not twins"
        )
    names = {twin.specs[i].name: i for i in theirs}
    by_name = [names.get(quantized.specs[i].name) for i in mine]
    if None in by_name or len(set(by_name)) < len(mine):
        matched = dict(zip(mine, theirs, strict=True))
    else:
        matched = {i: j for i, j in zip(mine, by_name, strict=True) if j is not None}
    for i, j in matched.items():
        a, b = quantized.specs[i], twin.specs[j]
        if a.shape != b.shape or is_code(b):
            raise UsageError(
                f"input {a.name!r} has shape {list(a.shape)}, but {b.name!r} of the float model is "
                f"{b.dtype} {list(b.shape)}: not twins; allowed: the same shape, unquantized"
            )
    return matched


def match_outputs(quantized: Program, twin: Program) -> tuple[int, ...]:
    """Per output of the quantized model the float model's, in its order; shapes must agree."""
    mine, theirs = quantized.graph.outputs, twin.graph.outputs
    shapes = [[list(p.specs[i].shape) for i in p.graph.outputs] for p in (quantized, twin)]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"the model's outputs have shapes {shapes[0]}, the float model's {shapes[1]}: not twins"
        )
    assert len(mine) == len(theirs)
    return theirs
