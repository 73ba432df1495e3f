"""Work by operator, from shapes alone: what a sample costs wherever it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.graph.macs import macs
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs


@dataclass(frozen=True, slots=True)
class OperatorWork:
    """One operator's work.

    operator: its index. name: the schema's. macs: products that are added up. elements: values it
    writes. reads: values it reads that the file does not hold. dtype: of its first output.
    """

    operator: int
    name: str
    macs: int
    elements: int
    reads: int
    dtype: str


def operator_work(model: Model, subgraph: int = 0) -> tuple[OperatorWork, ...]:
    """Return the work of every operator of a subgraph, as the file gives its shapes.

    Sizes that the file leaves open count as it writes them; control flow counts once.
    """
    specs = tensor_specs(model, subgraph, values=False)
    tensors = model.subgraphs[subgraph].tensors
    constant = [
        0 < tensor.buffer < len(model.buffers) and model.buffers[tensor.buffer].data.size > 0
        for tensor in tensors
    ]
    found = []
    for index, operator in enumerate(model.subgraphs[subgraph].operators):
        inputs = [_at(specs, i) for i in operator.inputs]
        outputs = [spec for i in operator.outputs if (spec := _at(specs, i)) is not None]
        shapes = [None if spec is None else spec.shape for spec in inputs]
        moving = [
            spec
            for i, spec in zip(operator.inputs, inputs, strict=True)
            if spec is not None and not constant[i]
        ]
        found.append(
            OperatorWork(
                index,
                operator.name,
                macs(operator.name, shapes, [spec.shape for spec in outputs]),
                sum(_size(spec) for spec in outputs),
                sum(_size(spec) for spec in moving),
                outputs[0].dtype if outputs else "none",
            )
        )
    return tuple(found)


def model_macs(model: Model) -> int:
    """Products that are added up for one sample of a model's main graph."""
    return sum(work.macs for work in operator_work(model)) if model.subgraphs else 0


def _at(specs: Sequence[TensorSpec], index: int) -> TensorSpec | None:
    return specs[index] if OPTIONAL < index < len(specs) else None


def _size(spec: TensorSpec) -> int:
    return math.prod(max(1, size) for size in spec.shape)
