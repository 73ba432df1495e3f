"""Which hybrid layers to keep in float, going by what each loses by itself.

Layers with a cause of their own, and those that together make three quarters of all that the layers
lose, if the outputs need it and few layers do: where the loss is spread over many, no layer stands
out. It is a guess from figures that are there; `sensitivity` tries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

from refinterp.debug.result import Layer, Output

Part = Literal["weights", "data"]
_GOOD_DB: Final = 30.0  # of the outputs: nothing needs to be kept
_SHARE: Final = 0.75
_FEW: Final = 1 / 3  # of the hybrid layers


def keep_in_float(layers: Sequence[Layer], outputs: Sequence[Output]) -> tuple[int, ...]:
    """Return the operators to keep in float, in order; none for a model without hybrid layers."""
    own = [one for one in layers if one.weights is not None and one.local.samples]
    blamed = {one.operator for one in own if any(cause.implied_by is None for cause in one.causes)}
    losses: dict[int, float] = {}
    for one in own:
        loss = one.steps or 0.0
        loss = math.inf if math.isnan(loss) else loss**2
        losses[one.operator] = max(loss, losses.get(one.operator, 0.0))
    if not _worst(own, outputs) < _GOOD_DB:
        return tuple(sorted(blamed))
    found: set[int] = set()
    rest = sum(losses.values())
    for operator in sorted(losses, key=lambda i: -losses[i]):
        if not rest > (1 - _SHARE) * sum(losses.values()):
            break
        found.add(operator)
        rest -= losses[operator]
    if len(found) > max(1.0, _FEW * len(losses)):
        found = set()
    return tuple(sorted(found | blamed))


def larger_part(layers: Sequence[Layer], outputs: Sequence[Output]) -> Part | None:
    """Which part of what hybrid layers lose is the larger, where the outputs lose much.

    None where they do not, or there are no such layers.
    """
    own = [one for one in layers if one.weights is not None and one.activations is not None]
    if not own or not _worst(own, outputs) < _GOOD_DB:
        return None
    weights = sum(_noise(one.weights.errors.sqnr_db) for one in own if one.weights)
    data = sum(_noise(one.activations.errors.sqnr_db) for one in own if one.activations)
    return "data" if data > weights else "weights"


def _worst(layers: Sequence[Layer], outputs: Sequence[Output]) -> float:
    """The outputs' SQNR, or what weights are estimated to lose, which the outputs do not show."""
    told = [one.accumulated.sqnr_db for one in outputs]
    told += [o.weights.errors.sqnr_db for o in layers if o.weights and o.weights.estimated]
    return min(told, default=math.inf)


def _noise(sqnr_db: float) -> float:
    return 0.0 if math.isnan(sqnr_db) else min(1e9, 10 ** (-sqnr_db / 10))
