"""What is compared with what: a quantized model and its reference, ready to be measured.

Three runs over the same samples:

quantized     the model as it is, several samples at once
float         the float twin, or the shadow of the same graph (`shadow`) where there is none
local         each float operator by itself, fed the *dequantized* inputs of its partner

**local** errors compare the first with the third: what this operator loses, its inputs being what
they are; with a float twin this includes what quantizing its weights loses. **accumulated** errors
compare the first with the second: what has been lost up to here. The float runs go one sample at a
time: the order in which a float sum is taken may depend on how many rows it is computed with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.of_the_file import contract_faults
from refinterp.debug.measure.accumulators import AccumulatorWatch
from refinterp.debug.measure.grid import Grid
from refinterp.debug.measure.output_parts import OutputLayout, output_layout
from refinterp.debug.measure.outputs import is_scores
from refinterp.debug.reference.fixed_outputs import fixed_output
from refinterp.debug.reference.fold import fold, prepare_folded
from refinterp.debug.reference.hybrid import (
    Hybrid,
    LossOperators,
    Scheme,
    hybrids,
    loss_operators,
    moved_program,
    scheme_of,
)
from refinterp.debug.reference.pairing import Pairing, Unpaired, unpaired
from refinterp.debug.reference.partners import (
    Local,
    Partners,
    Reference,
    ShadowProgram,
    local,
    partners,
    shadow_program,
)
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.reference.weighted import WeightedOperator, weighted_operators
from refinterp.errors import UsageError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operators import facts
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.run.program import Program, Step


@dataclass(frozen=True, slots=True, eq=False)
class ComparedOutput:
    """One output of the model.

    reference: the twin's tensor. scores: whether it is one row of scores; probabilities: whether
    these are. layout: the parts that may be told apart in it, None where there are none.
    """

    tensor: int
    reference: int
    scores: bool
    probabilities: bool
    layout: OutputLayout | None


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """A quantized model and its reference.

    quantized: the program, its constants unpacked as `fold` does.
    twin: the float model or the shadow, as `reference` says.
    reference: which of the two.
    inputs: graph input of the quantized model → the twin's.
    outputs: each output of the model, with the twin's.
    pairing: which operators and tensors of the twin belong to the quantized model's.
    unpaired: operators without a partner, and those that nothing computes in float.
    grids: quantized tensor that an operator writes → its grid.
    hybrids: operator → how it computes reals from constants in fewer bits.
    local: operator → what computes it in float.
    losses: hybrid operator → the float operators that tell the two parts of its loss.
    weighted: the integer operators with constant weights.
    contract: faults that the file shows by itself, without notes.
    watches: for operators whose sums may leave int32, what measures how far they go.
    """

    quantized: Program
    twin: Program
    reference: Reference
    inputs: Mapping[int, int]
    outputs: tuple[ComparedOutput, ...]
    pairing: Pairing
    unpaired: tuple[Unpaired, ...]
    grids: Mapping[int, Grid | None]
    hybrids: Mapping[int, Hybrid]
    local: Mapping[int, Local]
    losses: Mapping[int, LossOperators]
    weighted: tuple[WeightedOperator, ...]
    contract: tuple[Fault, ...]
    watches: Mapping[int, AccumulatorWatch]

    @property
    def float_model(self) -> Program | None:
        """The float model, None where the shadow takes its place."""
        return self.twin if self.reference == "float model" else None

    @property
    def scheme(self) -> Scheme:
        """How the model is quantized."""
        return scheme_of(self.quantized, self.hybrids, coded=bool(self.grids))

    @property
    def compared(self) -> frozenset[int]:
        """The tensors that are compared: those with a grid, and what hybrid operators write."""
        real = (
            tensor
            for step in self.quantized.steps
            if step.operator in self.losses
            for tensor in step.outputs
            if tensor != OPTIONAL
        )
        return frozenset((*self.grids, *real))

    @property
    def coded_inputs(self) -> list[int]:
        """The graph inputs that are taken as codes."""
        specs = self.quantized.specs
        return [i for i in self.quantized.graph.inputs if is_code(specs[i])]

    @property
    def fixed(self) -> list[int]:
        """The tensors whose grid their operator's definition fixes."""
        return [
            step.outputs[0]
            for step in self.quantized.steps
            if step.outputs and step.outputs[0] in self.grids and _is_fixed(self.quantized, step)
        ]


def set_up(
    model: Model, float_model: Model | None = None, *, flavour: str = DEFAULT_FLAVOUR
) -> Setup:
    """Prepare a model and its reference; arguments and errors as `compare.Comparison`."""
    with np.errstate(all="ignore"):  # scales may be anything
        folded = fold(model)
        quantized = prepare_folded(folded.model, flavour=flavour)
    shadowed = shadow_program(quantized)
    own = partners(quantized, float_model, shadowed)
    grids = {
        tensor: Grid.of(quantized.specs[tensor])
        for step in quantized.steps
        for tensor in step.outputs
        if tensor != OPTIONAL and is_code(quantized.specs[tensor])
    }
    found = hybrids(quantized, folded.origins)
    if not grids and not found:
        raise UsageError(
            f"{model.source or 'the model'} has no operator with a quantized output or "
            "quantized weights; debug takes a quantized model, and its float twin as --float"
        )
    locals_, missing = _locals(quantized, own, shadowed, grids, found)
    weighted = tuple(weighted_operators(quantized.graph.operators, quantized.specs))
    faults = contract_faults(folded.model, quantized.subgraph, quantized.specs, weighted)
    contract = tuple(fault for fault in faults if fault.severity != "note")
    return Setup(
        quantized=quantized,
        twin=own.twin,
        reference=own.reference,
        inputs=own.inputs,
        outputs=tuple(_outputs(quantized, own)),
        pairing=own.pairing,
        unpaired=(*own.pairing.unpaired, *missing),
        grids=grids,
        hybrids=found,
        local=locals_,
        losses=_losses(quantized, found, locals_, shadowed),
        weighted=weighted,
        contract=contract,
        watches=_watches(quantized, weighted, contract),
    )


def _locals(
    quantized: Program,
    own: Partners,
    shadowed: ShadowProgram,
    grids: dict[int, Grid | None],
    found: dict[int, Hybrid],
) -> tuple[dict[int, Local], list[Unpaired]]:
    """What computes each layer in float.

    Layers that no float operator computes are taken out of `grids` and `found`.
    """
    result: dict[int, Local] = {}
    missing = []
    for step in quantized.steps:
        if step.operator not in found and grids.keys().isdisjoint(step.outputs):
            continue
        try:
            result[step.operator] = local(quantized, step, own, shadowed)
        except LookupError as error:
            missing.append(unpaired("quantized", quantized, step, str(error)))
            found.pop(step.operator, None)
            for tensor in step.outputs:
                grids.pop(tensor, None)
    return result, missing


def _losses(
    quantized: Program,
    found: Mapping[int, Hybrid],
    locals_: Mapping[int, Local],
    shadowed: ShadowProgram,
) -> dict[int, LossOperators]:
    """The float operators that tell the two parts of what hybrid layers lose, by operator."""
    if not found:
        return {}
    shadow, program = shadowed()
    told = {i for i, one in locals_.items() if one.reference == "float model"}
    moved = None
    if not told.issuperset(found):
        moved = moved_program(shadow, quantized, found)
    result = {}
    for step in quantized.steps:
        if step.operator not in found:
            continue
        other = None if step.operator in told else moved
        own = loss_operators(quantized, step, shadow, program, other)
        if step.operator not in told:
            own = replace(own, dequantized=locals_[step.operator].operator)
        result[step.operator] = own
    return result


def _outputs(quantized: Program, own: Partners) -> list[ComparedOutput]:
    inputs = [quantized.specs[i] for i in quantized.graph.inputs]
    return [
        ComparedOutput(
            tensor,
            reference,
            is_scores(quantized.specs[tensor], inputs),
            any(facts(s.name).probabilities and tensor in s.outputs for s in quantized.steps),
            output_layout(quantized, tensor),
        )
        for tensor, reference in zip(quantized.graph.outputs, own.outputs, strict=True)
    ]


def _watches(
    quantized: Program, weighted: Sequence[WeightedOperator], contract: Sequence[Fault]
) -> dict[int, AccumulatorWatch]:
    """A watch for each operator whose sums may leave int32."""
    suspects = {fault.operator for fault in contract if fault.id == "accumulator_overflow"}
    operators = quantized.graph.operators
    return {
        one.operator: AccumulatorWatch.of(one, operators[one.operator])
        for one in weighted
        if one.operator in suspects
    }


def _is_fixed(program: Program, step: Step) -> bool:
    """Whether the definition of an operator fixes the one grid that its result has."""
    if not step.inputs or step.inputs[0] == OPTIONAL:
        return False
    x, y = program.specs[step.inputs[0]], program.specs[step.outputs[0]]
    return y.scale.size == 1 and fixed_output(step.name, x, y) is not None
