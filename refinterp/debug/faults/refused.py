"""A report on a model that cannot be run: what its file shows, and no figures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from refinterp.debug.faults.implications import causes_by_operator
from refinterp.debug.faults.of_the_file import contract_faults
from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.reference.fold import fold
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.reference.weighted import weighted_operators
from refinterp.debug.result import DebugReport, Layer, rank
from refinterp.errors import ModelError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.specs import tensor_specs


@dataclass(frozen=True, slots=True)
class _RefusedOperator:
    operator: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def refused_report(model: Model, error: ModelError, flavour: str) -> DebugReport:
    """Return what the file tells of why `prepare` refused it; its layers have causes only.

    Raises the error again when the file's quantization has no error to show.
    """
    model = fold(model).model
    specs = tensor_specs(model, 0)
    graph = model.subgraphs[0]
    faults = contract_faults(model, 0, specs)
    if not any(fault.severity == "error" for fault in faults):
        raise error
    nodes = [
        _RefusedOperator(i, o.name, o.inputs, o.outputs) for i, o in enumerate(graph.operators)
    ]
    faults = tuple(f for f in faults if f.severity == "error")
    causes = causes_by_operator(
        nodes, faults, tuple(weighted_operators(graph.operators, specs)), shadowed=True
    )
    nothing = replace(ErrorSums().figures(), sqnr_db=math.nan, max_abs_error=math.nan)
    layers = []
    for node in nodes:
        own = tuple(causes.get(node.operator, ()))
        coded = [t for t in node.outputs if t != OPTIONAL and is_code(specs[t])]
        for tensor in coded or (node.outputs[:1] if own else ()):
            spec = specs[tensor]
            layers.append(
                Layer(
                    operator=node.operator,
                    op_name=node.name,
                    tensor=tensor,
                    name=spec.name,
                    shape=spec.shape,
                    dtype=spec.dtype,
                    scale=tuple(spec.scale.tolist()) or (float("nan"),),
                    zero_point=tuple(spec.zero_point.tolist()) or (0,),
                    local=nothing,
                    local_reference="shadow",
                    accumulated=None,
                    causes=own,
                )
            )
    return DebugReport(
        samples=0,
        flavour=flavour,
        reference="shadow",
        notes=(f"the model cannot be run: {error}",),
        unpaired=(),
        layers=tuple(sorted(layers, key=rank)),
        outputs=(),
        refused=str(error),
    )
