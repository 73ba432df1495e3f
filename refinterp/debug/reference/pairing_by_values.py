"""Pairs tensors by what they hold, where graphs are fused or divided differently.

Both models run on the same few inputs, drawn evenly over the range of the quantized model's inputs.
A quantized tensor's partner is the float tensor of as many elements, in a shape that differs in
sizes of 1 at most, whose values are likest to its own. This is asked for every tensor once
the graphs are not operator by operator the same: a CONV_2D before its batch normalization has the
kind, shape and place of one that has it folded in, but not its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.pairing import How, Pairing, Unpaired, unpaired
from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.executor import Executor
from refinterp.run.program import Program, Step
from refinterp.samples.convert import dequantize

_PROBES: Final = 4
_SIGNATURE: Final = 4096  # elements of a tensor that are kept per probe
_ALIKE: Final = 0.7  # of 1: with less in common two tensors are no partners
_BETTER: Final = 0.5  # of what a pair lacks in likeness, for another to take its place
_SEED: Final = 11

Values = dict[int, NDArray[np.float64]]


def differs(quantized: Program, twin: Program, pairing: Pairing) -> bool:
    """Whether the two are not the same operator by operator, activations included."""
    if pairing.unpaired:
        return True
    others = {step.operator: step for step in twin.steps}
    return any(
        step.fused_activation != others[pairing.operators[step.operator]].fused_activation
        for step in quantized.steps
        if step.operator in pairing.operators
    )


def pair_by_values(
    quantized: Program, twin: Program, inputs: Mapping[int, int], pairing: Pairing
) -> Pairing:
    """Look at every pair again, and for partners of what has none."""
    mine, theirs = _run(quantized, twin, inputs)
    candidates: dict[int, list[int]] = {}
    for tensor, values in theirs.items():
        candidates.setdefault(values.size, []).append(tensor)
    partners, nearest = _assign(quantized, twin, mine, theirs, candidates, pairing)
    tensors = dict(inputs)
    operators: dict[int, int] = {}
    how: dict[int, How] = {}
    missing: list[Unpaired] = []
    for step in quantized.steps:
        if facts(step.name).conversion:
            source = tensors.get(step.inputs[0])
            if source is not None:
                tensors[step.outputs[0]] = source
            continue
        found = {t: partners[t] for t in step.outputs if t in partners}
        tensors.update(found)
        if not found:
            likeness = max((nearest.get(t, 0.0) for t in step.outputs), default=0.0)
            reason = "no float tensor is left that holds its values" + (
                f": the nearest agrees with them by {likeness:.2f}" if likeness else ""
            )
            missing.append(unpaired("quantized", quantized, step, reason))
        elif all(pairing.tensors.get(t) == f for t, f in found.items()):
            if step.operator in pairing.operators:
                operators[step.operator] = pairing.operators[step.operator]
                how[step.operator] = pairing.how[step.operator]
        else:
            how[step.operator] = "values"
    taken = set(tensors.values())
    absorbed = _absorbed(twin, taken)
    left = [
        unpaired("float", twin, step, "no quantized tensor holds its values, or leads on to one")
        for step in twin.steps
        if not facts(step.name).conversion
        and step.operator not in absorbed
        and not taken & set(step.outputs)
    ]
    return Pairing(
        MappingProxyType(operators),
        MappingProxyType(tensors),
        MappingProxyType(how),
        (*missing, *left),
    )


def _assign(
    quantized: Program,
    twin: Program,
    mine: Values,
    theirs: Values,
    candidates: Mapping[int, Sequence[int]],
    pairing: Pairing,
) -> tuple[dict[int, int], dict[int, float]]:
    """Give each quantized tensor its float tensor, the likest first, each float tensor once.

    Only tensors that hold the same, such as a reshaped one, may share a partner. The second result
    is the likeness of the nearest, whoever got it.
    """
    offers: list[tuple[float, int, int]] = []
    nearest: dict[int, float] = {}
    for tensor, values in mine.items():
        for other in candidates.get(values.size, ()):
            if not _same_shape(quantized.specs[tensor], twin.specs[other]):
                continue
            likeness = _likeness(values, theirs[other])
            nearest[tensor] = max(nearest.get(tensor, 0.0), likeness)
            if pairing.tensors.get(tensor) == other:  # another must be clearly nearer
                likeness = 1 - (1 - likeness) * _BETTER
            if likeness >= _ALIKE:
                offers.append((likeness, tensor, other))
    partners: dict[int, int] = {}
    holders: dict[int, int] = {}
    for _, tensor, other in sorted(offers, key=lambda offer: (-offer[0], offer[1], offer[2])):
        if tensor in partners:
            continue
        holder = holders.setdefault(other, tensor)
        if holder == tensor or np.array_equal(mine[holder], mine[tensor]):
            partners[tensor] = other
    return partners, nearest


def _absorbed(twin: Program, taken: set[int]) -> set[int]:
    """Float operators that lie on the way to a paired tensor: they belong to its partner."""
    needed = set()
    wanted = set(taken)
    for step in reversed(twin.steps):
        if wanted & set(step.outputs):
            needed.add(step.operator)
            wanted.update(t for t in step.inputs if t != OPTIONAL)
    return needed


def _run(quantized: Program, twin: Program, inputs: Mapping[int, int]) -> tuple[Values, Values]:
    executors = Executor(quantized), Executor(twin)
    kept: tuple[dict[int, list[Any]], dict[int, list[Any]]] = {}, {}
    rng = np.random.default_rng(_SEED)
    for _ in range(_PROBES):
        for tensor in quantized.graph.inputs:
            spec = quantized.specs[tensor]
            codes = _draw(spec, rng)
            executors[0].input(tensor)[0] = codes
            other = dequantize(codes, spec) if is_code(spec) else codes
            executors[1].input(inputs[tensor])[0] = other
        for program, executor, into in zip((quantized, twin), executors, kept, strict=True):
            executor.invoke([_Signatures(program, into)])
    whole = [
        {t: np.concatenate(parts) for t, parts in into.items() if len(parts) == _PROBES}
        for into in kept
    ]
    return whole[0], whole[1]


def _draw(spec: TensorSpec, rng: np.random.Generator) -> NDArray[Any]:
    """Smooth over the first axes, so that windows and averages do not even everything out."""
    dtype = STORAGE[spec.dtype]
    noise = rng.uniform(size=spec.shape) * 0.5 + rng.uniform() * 0.5
    if is_code(spec) and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        codes = int(limits.min) + noise * (int(limits.max) - int(limits.min))
        return np.asarray(np.rint(codes), dtype)
    return np.asarray(noise, dtype)


class _Signatures:
    """An observer that keeps evenly spaced elements of every real or quantized result."""

    def __init__(self, program: Program, into: dict[int, list[Any]]) -> None:
        self._specs = program.specs
        self._into = into

    def __call__(
        self,
        moment: str,
        step: Step,
        inputs: Sequence[NDArray[Any] | None],
        outputs: Sequence[NDArray[Any]],
    ) -> None:
        if moment != "after":
            return
        for tensor, array in zip(step.outputs, outputs, strict=True):
            spec = self._specs[tensor]
            if not is_code(spec) and spec.dtype != "float32":
                continue
            values = dequantize(array[0], spec) if is_code(spec) else array[0]
            flat = values.reshape(-1).astype(np.float64)
            step_size = max(1, flat.size // _SIGNATURE) | 1  # odd: not always the same channel
            self._into.setdefault(tensor, []).append(flat[::step_size])


def _same_shape(a: TensorSpec, b: TensorSpec) -> bool:
    return a.size == b.size and [n for n in a.shape if n > 1] == [n for n in b.shape if n > 1]


def _likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Lin's concordance of two series: 1 if equal; shift, scale and noise take from it."""
    with np.errstate(all="ignore"):
        x, y = a - a.mean(), b - b.mean()
        apart = float((x * x).mean() + (y * y).mean() + (a.mean() - b.mean()) ** 2)
        if not np.isfinite(apart) or apart == 0.0:
            return float(np.array_equal(a, b))
        return max(0.0, 2 * float((x * y).mean()) / apart)
