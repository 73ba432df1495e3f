"""One float operator, fed what its quantized partner was fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.shadow import is_code
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import Kernel, fresh_state, is_control
from refinterp.kernels.workspace import Workspace
from refinterp.run.prepare import Program, Step
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

    kernel: Kernel | None
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
        self.kernel.eval([*arrays, *fresh_state(self.kernel)], self.results, work)
        return [result[0] for result in self.results]


def as_real(values: Array, spec: TensorSpec) -> Array:
    """Dequantize codes; leave what is no code as it is."""
    return dequantize(values, spec) if is_code(spec) else values


def local_operator(quantized: Program, step: Step, twin: Program, other: Step) -> LocalOperator:
    """Feed a float operator with its partner's inputs, place by place; constants are its own.

    Raises LookupError when the partner has no fitting input at some place, or is no operator that
    can run by itself: control flow, or one whose shapes only a run tells.
    """
    if other.kernel is None or is_control(other.entry.kernel):
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
    kernel = cast(Kernel, other.kernel)
    return LocalOperator(kernel, tuple(operands), results)


def identity(quantized: Program, step: Step) -> LocalOperator:
    """The float form of QUANTIZE and DEQUANTIZE."""
    return LocalOperator(None, (step.inputs[0],), ())


def _fits(given: TensorSpec, wanted: TensorSpec) -> bool:
    dtype = "float32" if is_code(given) else given.dtype
    return given.shape == wanted.shape and dtype == wanted.dtype
