"""Scales, zero points and quantized dimensions that kernels cannot take as they are."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.fault import Fault, called
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, Operator, code_limits
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import find


def quantized_operands(specs: Sequence[TensorSpec], users: Container[int]) -> list[int]:
    """The tensors of codes that operators read or write, by whose grids kernels go.

    users: the tensors that an operator reads or writes.
    """
    return [tensor for tensor, spec in enumerate(specs) if tensor in users and is_code(spec)]


def scales(
    specs: Sequence[TensorSpec],
    users: Mapping[int, int],
    mute: frozenset[int],
    silent: Mapping[int, NDArray[np.bool_]],
) -> Iterator[Fault]:
    """Scales that are not positive, finite and normal; a note where all that they scale is 0."""
    tiny = float(np.finfo(np.float32).tiny)
    for tensor in quantized_operands(specs, users):
        spec = specs[tensor]
        bad = np.flatnonzero(~(np.isfinite(spec.scale) & (spec.scale >= tiny)))
        if bad.size:
            least = spec.scale.min()
            harmless = bool(np.isfinite(spec.scale).all() and least >= 0) and (
                tensor in mute
                or (
                    tensor in silent
                    and silent[tensor].size == spec.scale.size
                    and bool(silent[tensor][bad].all())
                )
            )
            yield Fault(
                "bad_scale",
                "note" if harmless else "error",
                users[tensor],
                tensor,
                f"{called(spec, tensor)}: {bad.size} of {spec.scale.size} scale(s) are not "
                f"positive, finite and normal; the first, of channel {bad[0]}, is "
                f"{spec.scale[bad[0]]:g}; "
                + (
                    "every value they are of stands for 0 all the same, so nothing depends on them"
                    if harmless
                    else f"allowed: {tiny:.3g} and more"
                ),
            )


def zeros(
    specs: Sequence[TensorSpec],
    users: Mapping[int, int],
    constants: set[int],
    weights: set[int],
    defined: Mapping[int, tuple[float, int]],
) -> Iterator[Fault]:
    """Zero points that a tensor of this type and use cannot have."""
    for tensor in quantized_operands(specs, users):
        spec = specs[tensor]
        low, high = _zero_points(spec, constant=tensor in constants, weights=tensor in weights)
        if tensor in defined:
            low, high = min(low, defined[tensor][1]), max(high, defined[tensor][1])
        wrong = np.flatnonzero((spec.zero_point < low) | (spec.zero_point > high))
        if wrong.size:
            what = "weights" if tensor in constants else "activations"
            yield Fault(
                "zero_point_out_of_range",
                "error",
                users[tensor],
                tensor,
                f"{called(spec, tensor)}: the zero point is {spec.zero_point[wrong[0]]}; allowed "
                f"for {spec.dtype} {what}: {low if low == high else f'{low}..{high}'}",
            )


def weight_tensors(operators: Sequence[Operator], specs: Sequence[TensorSpec]) -> set[int]:
    """Tensors that are the weights of an operator with output channels."""
    found = set()
    for operator in operators:
        if facts(operator.name).filter_axis is not None:
            operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
            entry = find(operator.name, operands)
            if entry is not None and entry.weights is not None:
                found.add(operator.inputs[entry.weights])
    return found


def _zero_points(spec: TensorSpec, *, constant: bool, weights: bool) -> tuple[int, int]:
    """The smallest and the largest zero point a tensor may have.

    Kernels take it for 0 where the type is symmetric.
    """
    if spec.dtype in ("int16", "int32", "int64") or (constant and spec.scale.size > 1):
        return 0, 0
    if constant and weights and spec.dtype in ("int2", "int4", "int8"):
        return 0, 0  # some kernels count it in, the specification allows none
    return code_limits(spec.dtype)


def dimensions(operators: Sequence[Operator], specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Weights whose scales run along another dimension than their output channels."""
    for index, operator in enumerate(operators):
        axis = facts(operator.name).filter_axis
        operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
        entry = None if axis is None else find(operator.name, operands)
        if axis is None or entry is None or entry.weights is None:
            continue
        tensor = operator.inputs[entry.weights]
        spec = specs[tensor]
        if not is_code(spec) or spec.scale.size < 2 or axis >= len(spec.shape):
            continue
        along = spec.quantized_dimension
        if spec.block_size or (along == axis and spec.scale.size == spec.shape[axis]):
            continue
        yield Fault(
            "wrong_quantized_dimension",
            "error",
            index,
            tensor,
            f"{called(spec, tensor)} of shape {list(spec.shape)}: {spec.scale.size} scales along "
            f"dimension {along}; {operator.name} needs one, or {spec.shape[axis]} along dimension "
            f"{axis}",
        )


def fixed(index: int, operator: Operator, specs: Sequence[TensorSpec]) -> Iterator[Fault]:
    """Outputs whose scale the operator's definition fixes."""
    if not operator.inputs or operator.inputs[0] == OPTIONAL:
        return
    for tensor in operator.outputs:
        spec = specs[tensor]
        wanted = fixed_output(operator.name, specs[operator.inputs[0]], spec)
        if wanted is None or spec.scale.size != 1:
            continue
        scale, zero = wanted
        if abs(spec.step - scale) > 1e-3 * scale or spec.zero != zero:
            yield Fault(
                "fixed_output_scale",
                "error",
                index,
                tensor,
                f"{operator.name} writes {called(spec, tensor)} with scale {spec.step:g} and zero "
                f"point {spec.zero}; {spec.dtype} needs scale 1/{1 / scale:g} ({scale:g}) and "
                f"zero point {zero}",
            )
