"""What the debugger finds, as data: layers worst first, outputs, and what had no partner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.debug.measure.error_sums import ChannelErrors, ErrorFigures
from refinterp.debug.measure.neighbours import Smoothness
from refinterp.debug.measure.output_parts import OutputPart
from refinterp.debug.measure.outputs import Metric
from refinterp.debug.measure.ranges import CodeFigures, RealFigures
from refinterp.debug.measure.run_time import RunTimeFigures
from refinterp.debug.reference.hybrid import STATIC, Granularity, Scheme
from refinterp.debug.reference.pairing import Unpaired
from refinterp.debug.reference.partners import Reference

_REAL_STEPS: Final = 255 / 8  # a deviation in steps of 255 over 8 deviations


@dataclass(frozen=True, slots=True)
class LayerName:
    """What quantizers call an operator: its output tensor's name, here and in the float model."""

    operator: int
    name: str
    float_name: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a layer loses. id: a name of the contract; implied_by: the cause it follows from."""

    id: str
    evidence: str
    remedy: str
    implied_by: str | None = None


@dataclass(frozen=True, slots=True)
class WeightsPart:
    """What a hybrid layer loses by storing its constants in fewer bits.

    errors: at the layer's output.
    estimated: whether they are, by moving the weights at random within their rounding, because
        there is no float model to take them from.
    tensor, dtype: of the weights.
    granularity: what has a step of its own.
    step_lowest, step_highest: of the weights.
    codes_used, codes_possible: how many different codes occur, and how many there are; None for
        float16.
    ends_fraction: the share of weights at the smallest or largest code; nan for float16.
    """

    errors: ErrorFigures
    estimated: bool
    tensor: int
    dtype: str
    granularity: Granularity
    step_lowest: float
    step_highest: float
    codes_used: int | None
    codes_possible: int | None
    ends_fraction: float


@dataclass(frozen=True, slots=True)
class ActivationsPart:
    """What a hybrid layer loses by quantizing its data at run time: errors at its output.

    run_time: how its data are quantized; None where it computes in float.
    """

    errors: ErrorFigures
    run_time: RunTimeFigures | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One quantized output of one operator, in subgraph 0, or one that a hybrid operator writes.

    operator, op_name: which operator it is.
    tensor, name, shape, dtype: of the output.
    scale, zero_point: one, or one per channel; none where the output is real.
    local: the errors that the operator makes on the inputs it has.
    local_reference: whose float operator `local` compares with.
    accumulated: the errors up to here; None when the operator has no partner in the float model.
    codes: which codes occur; None before the first sample, and where the output is real.
    reals: where the reference's reals lie on the grid, those of the float run or, without a
        partner, of `local`'s operator; None as for `codes`.
    local_channels: `local` by channel, along the last axis.
    causes: why it loses, its own causes first.
    weights, activations: the two parts of what a hybrid layer loses; None for others.
    """

    operator: int
    op_name: str
    tensor: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    local: ErrorFigures
    local_reference: Reference
    accumulated: ErrorFigures | None
    codes: CodeFigures | None = None
    reals: RealFigures | None = None
    local_channels: ChannelErrors | None = None
    causes: tuple[Cause, ...] = ()
    weights: WeightsPart | None = None
    activations: ActivationsPart | None = None

    @property
    def steps(self) -> float | None:
        """How large the local error is, in steps of the output's scale.

        For reals: of the step that 8 bits over four deviations to each side would have; what
        storing the weights may have lost is counted in where it is only estimated.
        """
        if self.local.rmse_over_scale is not None or self.weights is None:
            return self.local.rmse_over_scale
        noise = _noise(self.local)
        if self.weights.estimated:
            noise += _noise(self.weights.errors)
        return _REAL_STEPS * math.sqrt(noise)

    @property
    def saturated_fraction(self) -> float:
        """Share of elements that the type's range has cut; see `measure.errors`, clipped."""
        return self.local.clipped_fraction


def _noise(errors: ErrorFigures) -> float:
    """The power of the errors over that of the reference."""
    return math.inf if errors.sqnr_db == -math.inf else 10.0 ** (-errors.sqnr_db / 10)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the model. top1_agreement: the share of samples whose largest element is in
    the same place on both sides (the first of equals), None for outputs that are no score list.
    parts: along an axis, where they are of different kinds; see `measure.output_parts`.
    """

    tensor: int
    name: str
    accumulated: ErrorFigures
    top1_agreement: float | None
    divergence: float | None = None
    metric: Metric | None = None
    parts: tuple[OutputPart, ...] = ()

    @property
    def worst_sqnr_db(self) -> float:
        """Its accumulated SQNR, or that of a part which is worse; nan counts as the worst."""
        return _worst([self.accumulated.sqnr_db, *(p.sqnr_db for p in self.parts if p.judged)])

    @property
    def worst_part(self) -> OutputPart | None:
        """The part that is worse than the whole, if one is."""
        judged = [part for part in self.parts if part.judged]
        worst = min(judged, key=lambda p: _order(p.sqnr_db), default=None)
        whole = _order(self.accumulated.sqnr_db)
        return worst if worst is not None and _order(worst.sqnr_db) < whole else None


def _order(value: float) -> tuple[bool, float]:
    return value == value, value  # nan before all numbers


def _worst(values: Sequence[float]) -> float:
    return min(values, key=_order, default=math.inf)


@dataclass(frozen=True, slots=True)
class Input:
    """One quantized input of the model: what its codes and the data's reals are.

    tensor, name, shape, dtype: of the input.
    scale, zero_point: one, or one per channel.
    codes: which codes occur; None before the first sample.
    reals: where the data lies on the grid; None before the first sample.
    smoother: what the codes are, read as the other 8-bit type.
    """

    tensor: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    codes: CodeFigures | None
    reals: RealFigures | None
    smoother: Smoothness | None = None


@dataclass(frozen=True, slots=True)
class DebugReport:
    """What a comparison found.

    samples: how many were measured.
    flavour: whose arithmetic the model was run with.
    reference: what it was held against.
    notes: what was done to the data.
    unpaired: operators without a partner.
    layers: the worst first.
    outputs, inputs: of the model.
    refused: why the model could not be run; then layers have causes, but no figures.
    asked: how many samples were to be measured, more than `samples` if somebody stopped it.
    wanted_db: the SQNR that the worst output is to have, where one was asked for.
    scheme: how the model is quantized.
    keep_in_float: the hybrid layers that a module of this name says to keep.
    random: the samples are random data, on which causes that need real data were not looked for.
    remarks: what to know before any layer, of the data and the model as a whole.
    """

    samples: int
    flavour: str
    reference: Reference
    notes: tuple[str, ...]
    unpaired: tuple[Unpaired, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[Output, ...]
    inputs: tuple[Input, ...] = ()
    refused: str | None = None
    asked: int | None = None
    wanted_db: float | None = None
    scheme: Scheme = STATIC
    keep_in_float: tuple[LayerName, ...] = ()
    random: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def interrupted(self) -> bool:
        """Whether fewer samples were measured than were asked for."""
        return self.asked is not None and self.samples < self.asked

    @property
    def worst_output_sqnr_db(self) -> float:
        """The smallest accumulated SQNR of outputs and their parts; nan counts as smallest."""
        return _worst([output.worst_sqnr_db for output in self.outputs])

    @property
    def worst_output(self) -> Output | None:
        """The output that has it."""
        return min(self.outputs, key=lambda one: _order(one.worst_sqnr_db), default=None)


def rank(layer: Layer) -> tuple[bool, float, int]:
    """Own causes first, then the largest local error; what is not a number is worst of all."""
    own = any(cause.implied_by is None for cause in layer.causes)
    error = layer.steps
    size = float("inf") if error is None or error != error else error
    return not own, -size, layer.operator
