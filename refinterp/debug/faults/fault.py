"""What can be wrong with a quantized operator: faults by their ids, and their remedies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refinterp.graph.finding import Severity
from refinterp.graph.spec import TensorSpec


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one operator, or of a tensor that it reads or writes.

    id: a name of the contract.
    severity: an error, a warning, or a note for what changes nothing.
    operator, tensor: indices.
    evidence: what was found and what is right, in numbers.
    channels: those it is about, None for all.
    measured: whether data showed it.
    bits: by what factor a range or the data is off, as a power of 2; None where that says nothing.
    fed: whether it is about what the model is fed.
    advice: what to do here, where that is known better than what is done about the id in general.
    """

    id: str
    severity: Severity
    operator: int
    tensor: int
    evidence: str
    channels: frozenset[int] | None = None
    measured: bool = False
    bits: float | None = None
    fed: bool = False
    advice: str | None = None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        known = NOTED[self.id] if self.severity == "note" else REMEDIES[self.id]
        return self.advice or known


NOTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad_scale": "nothing needs to be done where it runs; a converter that quantizes again "
        "may drop the constant",
        "multiplier_out_of_range": "nothing needs to be done: training switched these channels "
        "off; removing them makes the model smaller",
    }
)
"""What to do about a fault that changes nothing."""

OF_DATA: Final = frozenset({"range_too_wide", "range_clipped", "input_scaling"})
"""Faults that only data like the model's own can show."""

OF_STEPS: Final = frozenset(
    {"range_too_wide", "range_clipped", "weight_scale_spread", "weight_range_too_wide",
     "activation_outlier", "concat_scale_mismatch", "residual_side_lost"}
)  # fmt: skip
"""Faults of precision: what mending one gains at the layer need not be gained at the output."""

REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "range_too_wide": "calibrate with data like this and without outliers: take a percentile "
        "or the mean squared error's best range instead of the extremes",
        "range_clipped": "calibrate with data that reaches these values; where a wider range costs "
        "too much resolution, keep the layer in int16 or float",
        "weight_scale_spread": "equalize the weights across the layers (scale a channel here, its "
        "inverse in the next layer), clip outliers, or keep the layer in int16 or float",
        "bias_saturated": "make the input or weight scale larger, so that bias / (input scale * "
        "weight scale) fits in 32 bits, or keep the layer in float",
        "accumulator_overflow": "make the input or weight scale larger or the bias smaller, split "
        "the sum over several operators, or keep the layer in float",
        "multiplier_out_of_range": "recalibrate: input scale * weight scale / output scale must be "
        "below 1 and not vanish; a scale of this layer is wrong by orders of magnitude",
        "dead_channels": "remove the channels if they are meant to be constant; else find what "
        "ties them: weights of zero, a bias out of proportion, a scale far too large",
        "input_scaling": "feed the data the way the model was calibrated: same scaling, same "
        "offset; or calibrate again with the data as it is fed",
        "fixed_output_scale": "set the scale and zero point the operator's kernel writes with, and "
        "convert again; runtimes ignore or refuse others",
        "concat_scale_mismatch": "give the branches similar ranges (equalize the layers before "
        "them), or keep the concatenation and what reads it in int16 or float",
        "residual_side_lost": "give both sides similar ranges (equalize the layers before them), "
        "or keep the addition in int16 or float",
        "zero_point_out_of_range": "quantize again: a zero point is a code of the tensor's type, "
        "and 0 for int8 weights, biases and int16",
        "bad_scale": "quantize again: a scale is a positive, finite, normal number; a tensor that "
        "is constantly zero needs one too",
        "wrong_quantized_dimension": "quantize the weights again, along the dimension of their "
        "output channels",
        "bias_scale_mismatch": "quantize the bias again with input scale * weight scale, which is "
        "what kernels take its codes for",
        "weights_disagree": "convert the float model again: these weights are not its; or compare "
        "with the float model they came from",
        "weight_range_too_wide": "quantize the weights again, with a scale made for their largest "
        "value, or keep this layer in float",
        "activation_outlier": "keep this layer in float; or make the feature smaller where it is "
        "computed and its weights here larger (equalize), or clip it",
    }
)


def called(spec: TensorSpec, tensor: int) -> str:
    """What a tensor is called in evidence."""
    return f"tensor {tensor} ({spec.name!r})"
