"""One float operator, fed what its quantized partner was fed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import fresh_state
from refinterp.kernels.registry import Prepared
from refinterp.kernels.workspace import Workspace
from refinterp.run.program import Program, Step
from refinterp.samples.convert import dequantize

Array = NDArray[Any]
Reader = Callable[[int], Array]
"""Tensor index of the quantized model → one sample's value of it as reals, (*shape)."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalOperator:
    """A float operator whose inputs are the quantized operator's, dequantized.

    kernel: None for an operator that only converts, which on reals does nothing. operands: per
    input of the float operator the constant (1, *shape) it has of its own, or the index of the
    quantized tensor to read, or None for an omitted one.
    """

    kernel: Prepared | None
    operands: tuple[Array | int | None, ...]
    results: tuple[Array, ...]

    def run(self, read: Reader, work: Workspace) -> list[Array]:
        """Return the operator's outputs for one sample, (*shape) each, void at the next call."""
        arrays: list[Any] = []
        for operand in self.operands:
            if isinstance(operand, int):
                arrays.append(read(operand)[None])
            else:
                arrays.append(operand)
        if self.kernel is None:
            return [arrays[0][0]]
        work.reset()
        self.kernel.eval([*arrays, *fresh_state(self.kernel.kernel)], self.results, work)
        return [result[0] for result in self.results]


def as_real(values: Array, spec: TensorSpec) -> Array:
    """Dequantize codes; leave what is no code as it is."""
    return dequantize(values, spec) if is_code(spec) else values


def local_operator(quantized: Program, step: Step, twin: Program, other: Step) -> LocalOperator:
    """Feed a float operator with its partner's inputs, place by place; constants are its own.

    Raises LookupError when the partner has no fitting input at some place, or is no operator that
    can run by itself: control flow, or one whose shapes only a run tells.
    """
    if other.kernel is None or other.kernel.controls:
        raise LookupError("its float operator cannot run by itself")
    operands: list[Array | int | None] = []
    for place, tensor in enumerate(other.inputs):
        if tensor == OPTIONAL:
            operands.append(None)
            continue
        wanted = twin.specs[tensor]
        if wanted.data is not None:
            operands.append(wanted.data[None])
            continue
        given = step.inputs[place] if place < len(step.inputs) else OPTIONAL
        if given == OPTIONAL or not _fits(quantized.specs[given], wanted):
            raise LookupError(f"input {place} has no partner of its shape and type")
        spec = quantized.specs[given]
        operands.append(given if spec.data is None else as_real(spec.data, spec)[None])
    results = tuple(
        np.zeros((1, *twin.specs[i].shape), STORAGE[twin.specs[i].dtype]) for i in other.outputs
    )
    return LocalOperator(Prepared(other.entry, other.kernel), tuple(operands), results)


@dataclass(frozen=True, slots=True, eq=False)
class LocalChain:
    """Several float operators that together do what one quantized operator does.

    links: kernel, operands (an array, or the float tensor's index, or None) and results of each, in
    order; given: float tensor → the quantized tensor whose reals it takes; target: the result.
    """

    links: tuple[tuple[Prepared, tuple[Array | int | None, ...], Mapping[int, Array]], ...]
    given: Mapping[int, int]
    target: int

    def run(self, read: Reader, work: Workspace) -> list[Array]:
        """As `LocalOperator.run`."""
        held: dict[int, Any] = {t: read(source)[None] for t, source in self.given.items()}
        for kernel, operands, results in self.links:
            arrays = [held[one] if isinstance(one, int) else one for one in operands]
            work.reset()
            kernel.eval(arrays, list(results.values()), work)
            held.update(results)
        return [held[self.target][0]]


def local_chain(
    quantized: Program, step: Step, twin: Program, partners: Mapping[int, int]
) -> LocalChain:
    """Collect the float operators between the partners of an operator's inputs and of its output.

    partners: quantized tensor → float tensor. Raises LookupError when what leads to the output does
    not start at those inputs, or holds an operator that cannot run by itself.
    """
    if len(step.outputs) != 1 or step.outputs[0] not in partners:
        raise LookupError("its output has no partner")
    target = partners[step.outputs[0]]
    given = {
        partners[t]: t
        for t in step.inputs
        if t != OPTIONAL and quantized.specs[t].data is None and t in partners
    }
    given = {f: q for f, q in given.items() if twin.specs[f].shape == quantized.specs[q].shape}
    writers = {t: one for one in twin.steps for t in one.outputs}
    needed: dict[int, tuple[Step, Prepared]] = {}
    queue = [target]
    while queue:
        tensor = queue.pop()
        if tensor == OPTIONAL or tensor in given or twin.specs[tensor].data is not None:
            continue
        writer = writers.get(tensor)
        if writer is None or len(needed) > _LONGEST:
            raise LookupError("the float operators that lead to its output start elsewhere")
        if writer.kernel is None or writer.kernel.controls:
            raise LookupError("a float operator on the way cannot run by itself")
        if writer.operator not in needed:
            needed[writer.operator] = writer, Prepared(writer.entry, writer.kernel)
            queue += writer.inputs
    if not needed:
        raise LookupError("the float model passes its input on")
    links = []
    for _, (one, prepared) in sorted(needed.items()):
        operands: list[Array | int | None] = []
        for tensor in one.inputs:
            data = None if tensor == OPTIONAL else twin.specs[tensor].data
            operands.append(None if tensor == OPTIONAL else tensor if data is None else data[None])
        results = {
            t: np.zeros((1, *twin.specs[t].shape), STORAGE[twin.specs[t].dtype])
            for t in one.outputs
        }
        links.append((prepared, tuple(operands), results))
    return LocalChain(tuple(links), given, target)


_LONGEST: Final = 12  # float operators in the place of one


def identity(quantized: Program, step: Step) -> LocalOperator:
    """The float form of QUANTIZE and DEQUANTIZE."""
    return LocalOperator(None, (step.inputs[0],), ())


def _fits(given: TensorSpec, wanted: TensorSpec) -> bool:
    dtype = "float32" if is_code(given) else given.dtype
    return given.shape == wanted.shape and dtype == wanted.dtype
