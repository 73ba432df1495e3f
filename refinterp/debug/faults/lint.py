"""What is wrong with a model, as far as its file tells: its structure and its quantization.

What no other finding is an error about, but kernels refuse all the same, is one of its own:
`cannot_run`, in the words of the refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from refinterp.debug.faults.of_grids import quantized_operands
from refinterp.debug.faults.of_the_file import contract_faults, first_users
from refinterp.debug.faults.runtime_findings import runtime_findings
from refinterp.debug.reference.fold import fold
from refinterp.errors import ModelError, RefinterpError
from refinterp.graph.check import check
from refinterp.graph.check_tensors import grid_faults
from refinterp.graph.finding import SEVERITIES, Finding
from refinterp.graph.misfits import model_misfits
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operators import facts
from refinterp.graph.specs import tensor_specs
from refinterp.run.prepare import prepare

_UNREADABLE: Final = frozenset(
    {
        "buffer_index_out_of_range", "buffer_size_mismatch", "external_buffer_unknown",
        "negative_size", "operator_code_out_of_range", "tensor_index_out_of_range",
    }
)  # fmt: skip
"""Findings of `graph.check` that leave a subgraph's tensors or operators without a meaning."""

_LARGE: Final = 1 << 12  # bytes: more than a shape, or an index, takes

LOOKED_FOR: Final = (
    "indices, sizes and shapes that do not fit together",
    "operators in an order that cannot run",
    "scales, zero points and quantized dimensions that cannot be meant",
    "grids that an operator's kernel does not write with",
    "biases, multipliers and sums that leave their range",
    "channels that cannot move",
    "whatever else kernels refuse",
    "what LiteRT, TFLM, CMSIS-NN and ESP-NN refuse, abort on or compute otherwise",
)
"""What a look at a file is for, in words."""


def lint(model: Model) -> tuple[Finding, ...]:
    """Return all findings, errors first, then in the order of the file."""
    structural = check(model, grids=False)
    broken = {f.subgraph for f in structural if f.id in _UNREADABLE}
    found = [] if None in broken else _wrong_operands(model, broken)
    broken.update(f.subgraph for f in found)
    judged: set[tuple[int, int]] = set()
    for subgraph in range(len(model.subgraphs)):
        if subgraph not in broken and None not in broken:
            faults, operands = _contract(model, subgraph)
            found += faults
            judged |= {(subgraph, tensor) for tensor in operands}
    found += _other_grids(model, judged)
    if not any(f.severity == "error" for f in (*structural, *found)):
        found += _refusal(model)
    dimensions = any(f.id == "wrong_quantized_dimension" for f in structural)
    found += [f for f in runtime_findings(model) if f.operator is not None or not dimensions]
    return tuple(sorted((*structural, *found), key=lambda f: SEVERITIES.index(f.severity)))


def _contract(model: Model, subgraph: int) -> tuple[list[Finding], list[int]]:
    """Where one subgraph breaks the kernels' contract, and the tensors whose grids that covers.

    Not those that unpacking has changed: their own grid is no kernel's.
    """
    unpacked = fold(model, subgraph).model
    specs = tensor_specs(unpacked, subgraph)
    graph = unpacked.subgraphs[subgraph]
    findings = [
        Finding(
            fault.id,
            fault.severity,
            subgraph,
            fault.operator,
            fault.tensor,
            fault.evidence,
            fault.remedy,
        )
        for fault in contract_faults(unpacked, subgraph, specs)
    ]
    own = model.subgraphs[subgraph].tensors
    operands = quantized_operands(specs, first_users(graph.operators))
    return findings, [tensor for tensor in operands if graph.tensors[tensor] is own[tensor]]


def _other_grids(model: Model, judged: Container[tuple[int, int]]) -> Iterator[Finding]:
    """Scales and zero points of tensors by whose grids no kernel goes. judged: the other ones."""
    for subgraph, graph in enumerate(model.subgraphs):
        for tensor in range(len(graph.tensors)):
            if (subgraph, tensor) not in judged:
                yield from grid_faults(model, subgraph, tensor)


def _wrong_operands(model: Model, broken: Collection[int | None]) -> list[Finding]:
    """Operands that operators do not have, by number, rank or type; scales are looked at apart."""
    return [
        Finding(
            "wrong_operands",
            "error",
            subgraph,
            operator,
            None,
            f"operator {operator} ({model.subgraphs[subgraph].operators[operator].name}): "
            + "; ".join(said),
            "write the model again: no operands of this kind mean anything to the operator",
        )
        for subgraph, operator, said in model_misfits(model, scales=False)
        if subgraph not in broken
    ]


def _refusal(model: Model) -> list[Finding]:
    """Why the kernels refuse a model without a known fault, if they do."""
    try:
        with np.errstate(all="ignore"):
            prepare(_without_weights(model))
    except ModelError as error:
        remedy = "convert the model again, with ranges that hold what its layers compute"
        return [Finding("cannot_run", "error", 0, None, None, str(error), remedy)]
    except RefinterpError:
        pass  # operators that are not there are not the model's fault
    return []


def _without_weights(model: Model) -> Model:
    """The same model with zeros for large weights: no kernel refuses one for their values.

    Laying out weights is most of what preparing a model takes.
    """
    large = set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            names = facts(operator.name).operands.names
            named = zip(names, operator.inputs, strict=False)  # a damaged list may be shorter
            large |= {
                graph.tensors[tensor].buffer
                for name, tensor in named
                if name == "filter" and tensor != OPTIONAL
            }
    buffers = tuple(
        replace(one, data=np.zeros_like(one.data))
        if place in large and one.data.size >= _LARGE
        else one
        for place, one in enumerate(model.buffers)
    )
    return replace(model, buffers=buffers)
