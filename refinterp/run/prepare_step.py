"""One operator prepared: before the run where shapes are known, else during it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.room import require_room_of
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Kernel, NeedsValue
from refinterp.kernels.empty import unless_empty
from refinterp.kernels.registry import Prepared, call, require_fit
from refinterp.run.program import Step

_KNOWN_ELEMENTS = 1024
"""Values up to this many elements that follow from shapes alone are worked out before the run."""


def prepare_step(
    step: Step, specs: list[TensorSpec], known: dict[int, Any], unknown: set[int]
) -> Step:
    """Resolve the outputs' shapes, prepare the kernel, and work out values that are already known.

    specs, known (values by tensor) and unknown are updated.
    """
    for tensor in step.outputs:
        if specs[tensor].dtype not in STORAGE:
            raise UnsupportedError(
                f"output {specs[tensor].name!r} is of type {specs[tensor].dtype}"
            )
    if not unknown.isdisjoint(step.inputs):
        unknown.update(step.outputs)
        return step
    valued = [
        None if i == OPTIONAL else replace(specs[i], data=known[i]) if i in known else specs[i]
        for i in step.inputs
    ]
    try:
        kernel, results = _prepare_kernel(step, valued, [specs[i] for i in step.outputs])
    except NeedsValue:
        unknown.update(step.outputs)
        return step
    for tensor, spec in zip(step.outputs, results, strict=True):
        specs[tensor] = spec
    _learn(step, kernel, valued, results, known)
    return step.with_kernel(kernel)


def _prepare_kernel(
    step: Step, operands: Sequence[TensorSpec | None], results: Sequence[TensorSpec]
) -> tuple[Kernel, list[TensorSpec]]:
    """Prepare a kernel for operands of known shape; returns it and the outputs' resolved specs."""
    named = step.entry.operands(operands)
    shapes = step.entry.kernel.output_shapes(named, step.options)
    resolved = list(results)
    for position, extents in enumerate(shapes[: len(resolved)]):
        shape = tuple(map(int, extents))
        if shape != resolved[position].shape:
            resolved[position] = replace(resolved[position], shape=shape)
            require_room_of(resolved[position])
    kernel: Kernel = step.entry.kernel.prepare(named, resolved, step.options, step.rule)
    if step.entry.facts is not None:  # the user's own may do more than is known here
        kernel = unless_empty(kernel, operands, resolved)
    return kernel, resolved


def prepare_late(
    step: Step,
    operands: Sequence[TensorSpec | None],
    values: Sequence[Any],
    results: Sequence[TensorSpec],
) -> tuple[Kernel, list[TensorSpec], tuple[int, ...]]:
    """Prepare a step during a run, when its operands' shapes and values are there.

    values: arrays (*shape) by input. Returns the kernel, the outputs' specs, and the positions of
    the inputs whose values it was prepared for.
    """
    require_fit(step.entry, operands, results)
    wanted: list[int] = []
    while True:
        valued = [
            replace(spec, data=values[i]) if spec is not None and i in wanted else spec
            for i, spec in enumerate(operands)
        ]
        try:
            kernel, resolved = _prepare_kernel(step, valued, results)
        except NeedsValue as need:
            index = next(i for i, spec in enumerate(valued) if spec is need.operand)
            if index in wanted:
                raise ModelError(f"{need.operand.name!r} has no usable value") from None
            wanted.append(index)
        else:
            return kernel, resolved, tuple(wanted)


def _learn(
    step: Step,
    kernel: Kernel,
    operands: Sequence[TensorSpec | None],
    results: Sequence[TensorSpec],
    known: dict[int, Any],
) -> None:
    """Compute a small integer result now if all it depends on is known (SHAPE and its users)."""
    if not kernel.always_known:
        if any(spec.dtype not in ("int32", "int64") for spec in results):
            return
        if sum(spec.size for spec in results) > _KNOWN_ELEMENTS:
            return
    by_shape = step.entry.facts is not None and step.entry.facts.shape_only
    arrays: list[Any] = []
    for spec in operands:
        if spec is None or kernel.always_known:
            arrays.append(None)
        elif spec.data is not None:
            arrays.append(spec.data)
        elif by_shape:
            arrays.append(np.broadcast_to(np.zeros((), STORAGE[spec.dtype]), spec.shape))
        else:
            return
    values = call(Prepared(step.entry, kernel), arrays, results)
    known.update(zip(step.outputs, values, strict=True))
