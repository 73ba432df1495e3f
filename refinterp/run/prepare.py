"""From a model to a program: a prepared kernel for every operator, a shape for every tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refinterp.errors import ModelError, RefinterpError, UnsupportedError
from refinterp.graph.constants import constant
from refinterp.graph.model import OPTIONAL, STORAGE, Model, Operator, Shape, Subgraph
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import (
    Entry,
    Kernel,
    NeedsValue,
    call,
    decode_options,
    dtypes_of,
    find,
)
from refinterp.numerics.flavours import DEFAULT_FLAVOUR, rules

_KNOWN_ELEMENTS = 1024
"""Values up to this many elements that follow from shapes alone are worked out before the run."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operator, ready to run. operator: its index; inputs, outputs: tensor indices, -1 none."""

    operator: int
    name: str
    kernel: Kernel
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A subgraph prepared for a flavour: specs[i] describes tensor i, with its shape resolved.

    constants of the file carry their data in the spec; values that merely follow from shapes do
    not: they are computed in the arena like everything else.
    """

    model: Model
    subgraph: int
    flavour: str
    specs: tuple[TensorSpec, ...]
    steps: tuple[Step, ...]

    @property
    def graph(self) -> Subgraph:
        """The subgraph that was prepared."""
        return self.model.subgraphs[self.subgraph]


def prepare(
    model: Model,
    *,
    subgraph: int = 0,
    flavour: str = DEFAULT_FLAVOUR,
    plain: bool = False,
    shapes: Mapping[int, Shape] | None = None,
) -> Program:
    """Prepare every operator of a subgraph.

    shapes: new shapes for inputs of the subgraph, by tensor index; what follows from them is
    computed anew. plain: use the plain definitions even where a fast path exists.

    Raises UnsupportedError listing every operator that has no kernel; ModelError, naming the
    operator, where the model cannot be run as it stands.
    """
    if not 0 <= subgraph < len(model.subgraphs):
        raise ModelError(
            f"subgraph {subgraph} does not exist; the model has {len(model.subgraphs)}"
        )
    graph = model.subgraphs[subgraph]
    specs = list(tensor_specs(model, subgraph))
    for tensor, shape in (shapes or {}).items():
        specs[tensor] = replace(specs[tensor], shape=tuple(shape))
    entries, missing = _entries(graph, specs, subgraph)
    _refuse(missing)
    known: dict[int, Any] = {}
    steps = []
    for index, (operator, entry) in enumerate(zip(graph.operators, entries, strict=True)):
        try:
            steps.append(_step(index, operator, entry, specs, known, flavour, plain))
        except NeedsValue as need:
            tensor = operator.inputs[need.index]
            raise UnsupportedError(
                f"{_where(subgraph, index, operator)}: the output's shape depends on the value of "
                f"tensor {tensor} ({specs[tensor].name!r}), which is known only at run time"
            ) from None
        except RefinterpError as error:
            raise type(error)(f"{_where(subgraph, index, operator)}: {error}") from error
    return Program(model, subgraph, flavour, tuple(specs), tuple(steps))


def check_supported(model: Model) -> None:
    """Raise UnsupportedError listing every operator of every subgraph that has no kernel.

    Raises ModelError when an operator names a tensor that does not exist.
    """
    missing: list[str] = []
    for subgraph, graph in enumerate(model.subgraphs):
        missing += _entries(graph, tensor_specs(model, subgraph, values=False), subgraph)[1]
    _refuse(missing)


def tensor_specs(model: Model, subgraph: int, *, values: bool = True) -> tuple[TensorSpec, ...]:
    """Describe a subgraph's tensors as the file has them, constants with their data if wanted."""
    specs = []
    for tensor in model.subgraphs[subgraph].tensors:
        spec = TensorSpec(
            tensor.name, tensor.shape, str(tensor.dtype), is_variable=tensor.is_variable
        )
        quantization = tensor.quantization
        if quantization is not None and quantization.scale.size:
            zeros = quantization.zero_point
            if zeros.size != quantization.scale.size:
                zeros = (
                    np.resize(zeros, quantization.scale.size)
                    if zeros.size
                    else np.zeros(quantization.scale.size, np.int64)
                )
            spec = replace(
                spec,
                scale=quantization.scale,
                zero_point=zeros,
                quantized_dimension=quantization.quantized_dimension,
            )
        if values and not tensor.is_variable:
            spec = replace(spec, data=constant(model, tensor))
        specs.append(spec)
    return tuple(specs)


def _entries(
    graph: Subgraph, specs: Sequence[TensorSpec], subgraph: int
) -> tuple[list[Entry], list[str]]:
    """Find the kernel of each operator; the second list says which operators have none."""
    found: list[Entry] = []
    missing: list[str] = []
    for index, operator in enumerate(graph.operators):
        for tensor in (*operator.inputs, *operator.outputs):
            if not OPTIONAL <= tensor < len(specs):
                raise ModelError(
                    f"{_where(subgraph, index, operator)}: tensor {tensor} does not exist; the "
                    f"subgraph has {len(specs)}"
                )
        operands = [specs[i] if i != OPTIONAL else None for i in operator.inputs]
        entry = find(operator.name, operands)
        if entry is None:
            types = ", ".join(spec.dtype if spec else "none" for spec in operands)
            allowed = ", ".join(dtypes_of(operator.name)) or "no type of this operator"
            version = operator.code.version if operator.code else "?"
            missing.append(
                f"{_where(subgraph, index, operator)} version {version} on ({types}); "
                f"supported: {allowed}"
            )
        else:
            found.append(entry)
    return found, missing


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        raise UnsupportedError(
            f"{len(missing)} operator(s) are not supported:\n  " + "\n  ".join(missing)
        )


def _step(
    index: int,
    operator: Operator,
    entry: Entry,
    specs: list[TensorSpec],
    known: dict[int, Any],
    flavour: str,
    plain: bool,
) -> Step:
    """Resolve the outputs' shapes, prepare the kernel, and work out values that are already known.

    specs and known (values by tensor) are updated.
    """
    options = decode_options(entry.options, operator.options)
    operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
    valued = [
        replace(spec, data=known[i]) if spec is not None and i in known else spec
        for i, spec in zip(operator.inputs, operands, strict=True)
    ]
    shapes = entry.kernel.output_shapes(valued, options)
    for tensor, shape in zip(operator.outputs, shapes, strict=False):
        if tensor != OPTIONAL:
            specs[tensor] = replace(specs[tensor], shape=tuple(int(size) for size in shape))
    results = [specs[i] for i in operator.outputs]
    for spec in results:
        if spec.dtype not in STORAGE:
            raise UnsupportedError(f"output {spec.name!r} is of type {spec.dtype}")
    kernel: Kernel = entry.kernel.prepare(
        valued, results, options, rules(flavour, operator.name, plain=plain)
    )
    step = Step(index, operator.name, kernel, operator.inputs, operator.outputs)
    _learn(step, valued, results, known)
    return step


def _learn(
    step: Step,
    operands: Sequence[TensorSpec | None],
    results: Sequence[TensorSpec],
    known: dict[int, Any],
) -> None:
    """Compute a small integer result now if all it depends on is known (SHAPE and its users)."""
    if any(spec.dtype not in ("int32", "int64") for spec in results):
        return
    if sum(spec.size for spec in results) > _KNOWN_ELEMENTS:
        return
    by_shape = step.name in ("SHAPE", "RANK")
    arrays: list[Any] = []
    for spec in operands:
        if spec is None:
            arrays.append(None)
        elif spec.data is not None:
            arrays.append(spec.data)
        elif by_shape:
            arrays.append(np.broadcast_to(np.zeros((), STORAGE[spec.dtype]), spec.shape))
        else:
            return
    values = call(step.kernel, arrays, results)
    known.update(zip(step.outputs, values, strict=True))


def _where(subgraph: int, index: int, operator: Operator) -> str:
    return f"subgraphs[{subgraph}].operators[{index}] ({operator.name})"


def nbytes(spec: TensorSpec) -> int:
    """Bytes of one sample of a tensor in the arena."""
    return math.prod(spec.shape) * STORAGE[spec.dtype].itemsize
