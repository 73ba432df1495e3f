"""One field of a valid model changed: what the disturbed-model conformance draws.

Each disturbance is a function (draw, case, operator index) → (case, what was changed), or None
where the model has nothing of the kind. The rest of the model stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conformance.operators.case import Case
from conformance.operators.draw import Draw
from conformance.refusals.disturbed_operators import operands, option, version
from conformance.refusals.disturbed_shapes import constness, name, none, rank, size, value, variable
from conformance.refusals.disturbed_types import (
    all_types,
    axis_of_scales,
    dtype,
    per_channel,
    quantized,
    scale,
    unquantized,
    zero_point,
)
from conformance.refusals.edits import Disturbed

Disturbance = Callable[[Draw, Case, int], Disturbed | None]

DISTURBANCES: Final[dict[str, Disturbance]] = {
    "none": none,
    "dtype": dtype,
    "all types": all_types,
    "scale": scale,
    "zero point": zero_point,
    "unquantized": unquantized,
    "quantized": quantized,
    "per channel": per_channel,
    "axis of scales": axis_of_scales,
    "rank": rank,
    "size": size,
    "option": option,
    "operands": operands,
    "constness": constness,
    "value": value,
    "version": version,
    "variable": variable,
    "name": name,
}
"""Field → the function that changes it. What is drawn from a seed follows this order."""
