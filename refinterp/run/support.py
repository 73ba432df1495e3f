"""What of a model runs: each operator's types, and whether there is a kernel for it."""

from __future__ import annotations

from dataclasses import dataclass

from refinterp.graph.misfits import model_misfits
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.specs import tensor_specs
from refinterp.kernels.registry import REFUSED_TYPES, dtypes_of, facts_of, find


@dataclass(frozen=True, slots=True)
class Support:
    """One operator, and whether it can be run.

    subgraph: its index in the model.
    operator: its index in the subgraph.
    name: the operator's, or a custom operator's own.
    version: as the file has it.
    inputs: the operands' types.
    dtype: the kernel's dtype key, None when there is no kernel.
    allowed: the dtype keys the operator is known in.
    misfits: what is wrong with its operands and results, as far as the file tells.
    """

    subgraph: int
    operator: int
    name: str
    version: int
    inputs: tuple[str, ...]
    dtype: str | None
    allowed: tuple[str, ...]
    misfits: tuple[str, ...]


def support(model: Model) -> tuple[Support, ...]:
    """Say for every operator of every subgraph whether there is a kernel for its operands."""
    found = []
    wrong = {(number, index): said for number, index, said in model_misfits(model)}
    for number, graph in enumerate(model.subgraphs):
        specs = tensor_specs(model, number, values=False)
        for index, operator in enumerate(graph.operators):
            operands = [specs[i] if OPTIONAL < i < len(specs) else None for i in operator.inputs]
            results = [specs[i] for i in operator.outputs if OPTIONAL < i < len(specs)]
            entry = find(operator.name, operands)
            if any(spec and spec.dtype in REFUSED_TYPES for spec in (*operands, *results)):
                entry = None
            found.append(
                Support(
                    number,
                    index,
                    operator.name,
                    operator.code.version if operator.code else 0,
                    tuple(spec.dtype if spec else "none" for spec in operands),
                    entry.dtype if entry else None,
                    dtypes_of(operator.name),
                    tuple(wrong.get((number, index), ())) if facts_of(operator.name) else (),
                )
            )
    return tuple(found)
