"""Additions and concatenations whose result has no room for all that they join."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from refinterp.debug.faults.fault import Fault, called
from refinterp.debug.faults.thresholds import (
    BITS_APART,
    KEPT_BITS,
)
from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import STORAGE, Operator
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec


def bits_kept(source: TensorSpec, target: TensorSpec) -> float:
    """How many bits of a tensor are left when its codes are counted in another's steps."""
    levels = np.iinfo(STORAGE[source.dtype])
    return math.log2((int(levels.max) - int(levels.min)) * source.step / target.step)


def _bits(spec: TensorSpec) -> int:
    return int(STORAGE[spec.dtype].itemsize) * 8


def addition(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Additions whose output step swallows one side."""
    if not facts(operator.name).adds or len(operator.inputs) != 2:
        return
    y = specs[operator.outputs[0]]
    sides = [specs[i] for i in operator.inputs]
    if any(not is_code(s) or s.scale.size != 1 or _bits(s) != _bits(y) for s in (*sides, y)):
        return
    kept = [bits_kept(side, y) for side in sides]
    least = min(kept)
    if least > KEPT_BITS or max(kept) - least < BITS_APART:
        return
    tensor = operator.inputs[kept.index(least)]
    if specs[tensor].data is not None:
        return  # an offset may be as small as it likes
    other = operator.inputs[1 - kept.index(least)]
    yield Fault(
        "residual_side_lost",
        "warning",
        index,
        tensor,
        f"{operator.name}: {called(specs[tensor], tensor)} has scale {specs[tensor].step:g}, the "
        f"sum {y.step:g}: all its codes together make {2**least:.2g} steps of the sum "
        f"({max(least, 0):.1f} bits are left, of {called(specs[other], other)} {max(kept):.1f})",
        bits=_bits(y) - least,
    )


def _same_values(name: str) -> bool:
    return facts(name).conversion or facts(name).reshapes


def concatenation(
    index: int, operator: Operator, operators: Sequence[Operator], specs: Sequence[TensorSpec]
) -> Iterator[Fault]:
    """Concatenations whose step swallows a branch that had a finer one."""
    if not facts(operator.name).joins:
        return
    y = specs[operator.outputs[0]]
    if not is_code(y) or y.scale.size != 1:
        return
    writers = {t: one for one in operators for t in one.outputs}
    kept = {}
    for tensor in dict.fromkeys(operator.inputs):
        source = tensor
        while source in writers and _same_values(writers[source].name):
            before = writers[source].inputs[0]
            if not is_code(specs[before]) or specs[before].dtype != y.dtype:
                break
            source = before
        if not is_code(specs[source]) or specs[source].scale.size != 1:
            return
        kept[tensor] = bits_kept(specs[source], y)
    best = max(kept.values())
    for tensor, bits in kept.items():
        if bits <= KEPT_BITS and best - bits >= BITS_APART:
            yield Fault(
                "concat_scale_mismatch",
                "warning",
                index,
                tensor,
                f"{operator.name}: the branch {called(specs[tensor], tensor)} comes with a step "
                f"{2 ** (_bits(y) - bits):.3g} times finer than the result's {y.step:g}: "
                f"{max(bits, 0):.1f} of its {_bits(y)} bits are left, of another branch's "
                f"{min(best, _bits(y)):.1f}",
                bits=_bits(y) - bits,
            )


def copied(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Branches of a concatenation that have another scale than the result their codes go to."""
    if not facts(operator.name).joins:
        return
    y = specs[operator.outputs[0]]
    if not is_code(y) or y.scale.size != 1 or y.dtype == "uint8":  # uint8 is rescaled
        return
    for tensor in dict.fromkeys(operator.inputs):
        x = specs[tensor]
        if not is_code(x) or x.scale.size != 1 or x.dtype != y.dtype:
            continue
        if x.step != y.step or x.zero != y.zero:
            yield Fault(
                "concat_scale_mismatch",
                "error",
                index,
                tensor,
                f"{operator.name}: the branch {called(x, tensor)} has scale {x.step:g} and zero "
                f"point {x.zero}, the result {y.step:g} and {y.zero}; codes are copied, so they "
                "must be the same",
            )
