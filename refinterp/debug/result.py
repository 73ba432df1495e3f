"""What the debugger finds, as data: layers worst first, outputs, and what had no partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refinterp.debug.metrics import ChannelErrors, ErrorFigures
from refinterp.debug.outputs import Metric
from refinterp.debug.pairing import Unpaired
from refinterp.debug.ranges import CodeFigures, RealFigures

Reference = Literal["float model", "shadow"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a layer loses. id: a name of the contract; implied_by: the cause it follows from."""

    id: str
    evidence: str
    remedy: str
    implied_by: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One quantized output of one operator, in subgraph 0.

    local_reference: whose operator the local figures compare with. accumulated: None when the
    operator has no partner in the float model. scale, zero_point: one, or one per channel.
    codes: which codes occur; reals: where the reference's reals lie on the grid: those of the
    float run, or, without a partner, of `local`'s operator. local_channels, accumulated_channels:
    the same errors channel by channel, along the last axis. All None before the first sample.
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
    accumulated_channels: ChannelErrors | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def saturated_fraction(self) -> float:
        """Share of elements that the type's range has cut; see `metrics`, clipped."""
        return self.local.clipped_fraction


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the model. top1_agreement: the share of samples whose largest element is in
    the same place on both sides (the first of equals), None for outputs that are no score list.
    """

    tensor: int
    name: str
    accumulated: ErrorFigures
    top1_agreement: float | None
    divergence: float | None = None
    metric: Metric | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """One quantized input of the model: what its codes and the data's reals are."""

    tensor: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    codes: CodeFigures | None
    reals: RealFigures | None


@dataclass(frozen=True, slots=True)
class DebugReport:
    """What a comparison found. layers: worst first. notes: what was done to the data.

    refused: why the model could not be run; then layers have causes, but no figures.
    asked: how many samples were to be measured, more than `samples` if somebody stopped it.
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

    @property
    def interrupted(self) -> bool:
        """Whether fewer samples were measured than were asked for."""
        return self.asked is not None and self.samples < self.asked

    @property
    def worst_output_sqnr_db(self) -> float:
        """The smallest accumulated SQNR of the model's outputs; nan counts as the smallest."""
        values = [output.accumulated.sqnr_db for output in self.outputs]
        return min(values, key=lambda v: (v == v, v)) if values else float("inf")


def rank(layer: Layer) -> tuple[bool, float, int]:
    """Own causes first, then the largest local error; what is not a number is worst of all."""
    own = any(cause.implied_by is None for cause in layer.causes)
    error = layer.local.rmse_over_scale
    size = float("inf") if error is None or error != error else error
    return not own, -size, layer.operator
