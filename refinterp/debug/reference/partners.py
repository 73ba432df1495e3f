"""The model that a quantized one is held against, and which of its operators computes a layer.

That is the float model it came from, or, where that is not given, the shadow: the same graph on the
reals that its codes stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from refinterp.debug.reference.fold import fold, prepare_folded
from refinterp.debug.reference.local import (
    LocalChain,
    LocalOperator,
    identity,
    local_chain,
    local_operator,
)
from refinterp.debug.reference.match_edges import match_inputs, match_outputs
from refinterp.debug.reference.pairing import Pairing, pair, pair_shadow
from refinterp.debug.reference.pairing_by_values import differs, pair_by_values
from refinterp.debug.reference.shadow import Shadow, shadow_of
from refinterp.graph.model import Model
from refinterp.graph.operators import facts
from refinterp.run.program import Program, Step

Reference = Literal["float model", "shadow"]
ShadowProgram = Callable[[], tuple[Shadow, Program]]
"""Gives the shadow and its program, made the first time it is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Partners:
    """What a quantized model is held against.

    twin: the float model or the shadow, `reference` says which. inputs: graph input of the
    quantized model → the twin's; outputs: the twin's tensor for each of the quantized model's.
    """

    twin: Program
    reference: Reference
    inputs: Mapping[int, int]
    outputs: Sequence[int]
    pairing: Pairing


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """What computes a layer in float, and whose operators these are."""

    operator: LocalOperator | LocalChain
    reference: Reference


def shadow_program(quantized: Program) -> ShadowProgram:
    """Return a function that makes the shadow when it is first needed; often it never is."""

    @cache
    def made() -> tuple[Shadow, Program]:
        shadow = shadow_of(quantized.model, quantized.subgraph)
        return shadow, prepare_folded(shadow.model, quantized.subgraph)

    return made


def partners(quantized: Program, float_model: Model | None, shadowed: ShadowProgram) -> Partners:
    """Pair a program with its float model, or with its shadow where there is none.

    Raises UsageError when the float model's inputs or outputs are not the program's.
    """
    if float_model is None:
        shadow, program = shadowed()
        inputs = {i: i for i in quantized.graph.inputs}
        return Partners(program, "shadow", inputs, program.graph.outputs, pair_shadow(shadow))
    twin = prepare_folded(fold(float_model).model)
    inputs = match_inputs(quantized, twin)
    outputs = match_outputs(quantized, twin)
    pairing = pair(quantized, twin, inputs)
    if differs(quantized, twin, pairing):
        pairing = pair_by_values(quantized, twin, inputs, pairing)
    return Partners(twin, "float model", inputs, outputs, pairing)


def local(quantized: Program, step: Step, own: Partners, shadowed: ShadowProgram) -> Local:
    """The float operator of a layer: its partner's, or the shadow's where there is none.

    Raises LookupError when it has none that can run by itself.
    """
    if facts(step.name).conversion:
        return Local(identity(quantized, step), own.reference)
    partner = own.pairing.operators.get(step.operator)
    if partner is not None:
        other = next(s for s in own.twin.steps if s.operator == partner)
        try:
            return Local(local_operator(quantized, step, own.twin, other), own.reference)
        except LookupError:
            pass  # operands in another order, or constant on one side only
    if own.reference == "float model":
        try:
            chain = local_chain(quantized, step, own.twin, own.pairing.tensors)
            return Local(chain, own.reference)
        except LookupError:
            pass  # fused or divided in a way that no float operators stand for
    shadow, program = shadowed()
    place = shadow.operators[step.operator]
    other = next(one for one in program.steps if one.operator == place)
    return Local(local_operator(quantized, step, program, other), "shadow")
