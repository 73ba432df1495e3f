"""Tensors and channels that stand for 0 whatever the input, as the file shows.

Converters leave odd scales where nothing is left to scale: a constant of zeros with scale 0 (the
initial state of an unrolled LSTM), the product with it, a channel that training switched off and
whose weights have shrunk to 1e-20. Such scales are no fault: no code depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL, Operator
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec

_HALF: float = 0.5  # of a code: less than that rounds to the zero point
_LOST: float = 16.0  # times: more than a converter's rounding of tiny scales


def silent_tensors(
    operators: Sequence[Operator],
    specs: Sequence[TensorSpec],
    weighted: Iterable[WeightedOperator] = (),
) -> frozenset[int]:
    """Tensors all of whose codes stand for 0 at every run.

    They are constants of zeros, or with scale 0; products with one; and their copies. Not weights
    whose bias tells that their scale was another one.
    """
    lost = {one.w for one in weighted if _lost_scale(one).any()}
    found = {i for i, spec in enumerate(specs) if _is_zero(spec)} - lost
    for operator in operators:
        sources = found & {i for i in operator.inputs if i != OPTIONAL}
        known = facts(operator.name)
        if sources and (known.multiplies or (known.reshapes and operator.inputs[0] in found)):
            found |= {i for i in operator.outputs if i != OPTIONAL}
    return frozenset(found)


def _is_zero(spec: TensorSpec) -> bool:
    if spec.data is None or spec.scale.size != 1 or spec.data.dtype.kind not in "iu":
        return False
    return spec.step == 0 or bool((spec.data == spec.zero).all())


def silent_channels(weighted: Iterable[WeightedOperator]) -> dict[int, NDArray[np.bool_]]:
    """Weights, and biases → which of their channels add less than half a code, whatever the input.

    (channels,); only of layers of which some channels are so and some are not: where all are, a
    scale of the layer is wrong.
    """
    found: dict[int, NDArray[np.bool_]] = {}
    for one in weighted:
        least, most = one.reach()
        with np.errstate(all="ignore"):
            reach = np.maximum(np.abs(least), np.abs(most)) * one.factors
        channels = np.asarray(np.isfinite(reach) & (reach < _HALF) & ~_lost_scale(one))
        if channels.any() and not channels.all():
            for tensor in {one.w, one.bias} - {OPTIONAL}:
                found[tensor] = channels & found.get(tensor, channels)
    return found


def _lost_scale(one: WeightedOperator) -> NDArray[np.bool_]:
    """Channels whose weights have codes, but a scale far below what the bias tells: (channels,).

    A bias has the scale input * weights, so that of the weights was another one once; without a
    bias only 0 tells.
    """
    lost = one.scales == 0
    if one.bias != OPTIONAL and one.specs[one.bias].scale.size in (1, one.channels):
        wanted = one.specs[one.bias].scale.astype(np.float64)
        lost = wanted > _LOST * one.specs[one.x].step * one.scales
    return np.asarray(lost & one.codes.any(axis=1))
