"""What would make an arena smaller or larger: other chips and kernels, integer inputs, plans.

Every answer is a ledger of its own, not an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from refinterp.arena.offline import METADATA_NAME
from refinterp.arena.reorder import reorder
from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import PLANNERS, plan_model
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Model, Operator, Signature, Subgraph
from refinterp.graph.operators import facts
from refinterp.tflm.ledger import totals
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.planning import Planner
from refinterp.tflm.targets import Profile, profiles

_OPTIMAL: Final = "optimal"
SECONDS: Final = 1.0  # that one plan may take: there are a dozen answers
_quick: Final = partial(plan_model, time_limit=SECONDS)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One change and what it comes to.

    change: in words. The bytes are None when TFLM refuses the model then; reason says why.
    gain_bytes: how many bytes less the smallest arena has; negative when it has more.
    """

    change: str
    profile: Profile
    planner: str
    arena_used_bytes: int | None
    minimum_arena_bytes: int | None
    gain_bytes: int | None
    reason: str | None = None


def other_profiles(model: Model, ledger: Ledger, *, plan: Planner = _quick) -> Iterator[WhatIf]:
    """Yield the model on every other target and kernel library there are figures for.

    plan: what plans, as `ledger.measure` takes it; by default `plan_model`, a second at most.
    """
    for profile in profiles():
        if (profile.target, profile.kernels) != (ledger.profile.target, ledger.profile.kernels):
            change = f"{profile.target.name} with {profile.kernels.name}"
            yield _ask(model, ledger, change, profile, ledger.plan.planner, plan)


def smaller(model: Model, ledger: Ledger, *, plan: Planner = _quick) -> Iterator[WhatIf]:
    """Yield what would make the arena smaller on the same chip; plan: as for `other_profiles`."""
    integer = with_integer_edges(model)
    if integer is not None:
        change = "integer inputs and outputs in place of float32"
        yield _ask(integer, ledger, change, ledger.profile, ledger.plan.planner, plan)
    planner = ledger.plan.planner
    if _OPTIMAL in PLANNERS and planner != _OPTIMAL and ledger.plan.waste_bytes:
        yield _ask(model, ledger, "the optimal planner", ledger.profile, _OPTIMAL, plan)
    moved = in_another_order(model, ledger)
    if moved is not None:
        change = "operators in another order"
        yield _ask(moved, ledger, change, ledger.profile, planner, plan)
        if planner != _OPTIMAL:
            change += ", and the optimal planner"
            yield _ask(moved, ledger, change, ledger.profile, _OPTIMAL, plan)


def _ask(
    model: Model, ledger: Ledger, change: str, profile: Profile, planner: str, plan: Planner
) -> WhatIf:
    try:
        used, least = totals(model, profile, planner, plan=plan)
    except (UnsupportedError, ModelError) as error:
        return WhatIf(change, profile, planner, None, None, None, str(error))
    return WhatIf(change, profile, planner, used, least, ledger.minimum_arena_bytes - least)


def in_another_order(model: Model, ledger: Ledger) -> Model | None:
    """Return the model with its operators in an order that has fewer bytes live at the peak.

    None when no such order is found, or the file plans offsets, which hold for its order.
    """
    if any(entry.name == METADATA_NAME for entry in model.metadata):
        return None
    scratch = tuple(
        Scratch(buffer.subgraph, buffer.operator, buffer.requested_bytes)
        for buffer in ledger.plan.buffers
        if buffer.kind == "scratch" and buffer.operator is not None
    )
    try:
        moved = reorder(model, scratch=scratch)
    except (UnsupportedError, ModelError):
        return None
    return moved.model if moved.changed else None


def with_integer_edges(model: Model) -> Model | None:
    """Return the model without QUANTIZE at its float32 inputs and DEQUANTIZE at its outputs.

    None when it has neither, or when the file plans offsets, which count its tensors.
    """
    if any(entry.name == METADATA_NAME for entry in model.metadata) or not model.subgraphs:
        return None
    graph = model.subgraphs[0]
    stand_in: dict[int, int] = {}
    dropped: set[int] = set()
    for number, operator in enumerate(graph.operators):
        edge = _edge(graph, operator)
        if edge is not None and edge[0] not in stand_in:
            stand_in[edge[0]] = edge[1]
            dropped.add(number)
    if not dropped:
        return None
    kept = [i for i in range(len(graph.tensors)) if i not in stand_in]
    place = {old: new for new, old in enumerate(kept)} | {-1: -1}

    def moved(tensors: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(place[stand_in.get(i, i)] for i in tensors)

    operators = tuple(
        replace(
            operator,
            inputs=moved(operator.inputs),
            outputs=moved(operator.outputs),
            intermediates=moved(operator.intermediates),
        )
        for number, operator in enumerate(graph.operators)
        if number not in dropped
    )
    first = replace(
        graph,
        tensors=tuple(graph.tensors[i] for i in kept),
        inputs=moved(graph.inputs),
        outputs=moved(graph.outputs),
        operators=operators,
    )
    signatures = tuple(
        Signature(
            s.key,
            s.subgraph,
            tuple((name, moved((i,))[0]) for name, i in s.inputs),
            tuple((name, moved((i,))[0]) for name, i in s.outputs),
        )
        if s.subgraph == 0
        else s
        for s in model.signatures
    )
    return replace(model, subgraphs=(first, *model.subgraphs[1:]), signatures=signatures)


def _edge(graph: Subgraph, operator: Operator) -> tuple[int, int] | None:
    """Return (float tensor, integer tensor) of an operator that only turns one into the other."""
    if len(operator.inputs) != 1 or len(operator.outputs) != 1:
        return None
    source, made = operator.inputs[0], operator.outputs[0]
    uses = [i for o in graph.operators for i in o.inputs]
    at_input = source in graph.inputs and uses.count(source) == 1 and made not in graph.outputs
    at_output = made in graph.outputs and made not in uses
    known, real = facts(operator.name), graph.tensors[source].dtype == "float32"
    if known.makes_codes and at_input and real:
        return source, made
    if known.makes_reals and at_output and source not in (*graph.inputs, *graph.outputs):
        return made, source
    return None
