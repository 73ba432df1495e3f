"""Operators that multiply by weights and accumulate: their integers, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL, STORAGE, Operator
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import find
from refinterp.numerics.activation import INTEGER_RANGE, integer_bounds

_OVERWHELMING: Final = 8

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WeightedOperator:
    """y = clamp(R(factor * (bias + sum(w * (x - x_zero)))) + y_zero), channel by channel.

    operator, name: which operator it is.
    axis: the dimension of the weights along which output channels run.
    x, w, bias, y: indices of the data, weights, bias (-1 if there is none) and result.
    specs: of all tensors.
    codes: of the weights without their zero point, (channels, terms).
    positive, negative: the sums of the weight codes above and below 0, (channels,).
    scales: of the weights, (channels,).
    bias_codes: (channels,), zeros without a bias.
    low, high: the clamp, in codes.
    """

    operator: int
    name: str
    axis: int
    x: int
    w: int
    bias: int
    y: int
    specs: Sequence[TensorSpec]
    codes: NDArray[np.int16]
    positive: I64
    negative: I64
    scales: F64
    bias_codes: I64
    low: int
    high: int

    @property
    def factors(self) -> F64:
        """What a sum is multiplied by to become a code, (channels,)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.specs[self.x].step * self.scales / self.specs[self.y].step)

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return len(self.codes)

    def reach(self) -> tuple[I64, I64]:
        """The smallest and largest sum that any input codes give, bias included: (channels,)."""
        x = self.specs[self.x]
        lowest, highest = (edge - x.zero for edge in INTEGER_RANGE[x.dtype])
        return (
            self.bias_codes + self.positive * lowest + self.negative * highest,
            self.bias_codes + self.positive * highest + self.negative * lowest,
        )

    def stuck(self) -> NDArray[np.bool_]:
        """Channels whose code is the same whatever the input: (channels,)."""
        edges = []
        with np.errstate(all="ignore"):
            for sums in self.reach():
                codes = np.rint(sums * self.factors) + self.specs[self.y].zero
                edges.append(np.clip(codes, self.low, self.high))
        return np.asarray(edges[0] == edges[1])

    def killed(self) -> NDArray[np.bool_]:
        """Channels that were stopped, not trained so: no weights, or a bias out of their reach.

        (channels,); the bias is then more than 8 times what the weights can add to it.
        """
        low, high = self.reach()
        moves = np.maximum(np.maximum(high - self.bias_codes, self.bias_codes - low), 1)
        return np.asarray(
            ~self.codes.any(axis=1) | (np.abs(self.bias_codes) > _OVERWHELMING * moves)
        )


def weighted_operators(
    operators: Sequence[Operator], specs: Sequence[TensorSpec]
) -> Iterator[WeightedOperator]:
    """Yield the integer operators whose weights are constants and whose scales are all there."""
    for index, operator in enumerate(operators):
        found = weighted_operator(index, operator, specs)
        if found is not None:
            yield found


def weighted_operator(
    index: int, operator: Operator, specs: Sequence[TensorSpec]
) -> WeightedOperator | None:
    """Return one operator's integers, None for other operators."""
    axis = facts(operator.name).filter_axis
    if axis is None or not operator.outputs:
        return None
    operands = [None if i == OPTIONAL else specs[i] for i in operator.inputs]
    entry = find(operator.name, operands)
    if entry is None or entry.weights is None:
        return None
    x, w, y = operator.inputs[entry.data], operator.inputs[entry.weights], operator.outputs[0]
    data = specs[w].data
    whole = all(is_code(specs[i]) for i in (x, w, y)) and specs[x].scale.size == 1
    if not whole or data is None or specs[y].scale.size != 1 or data.ndim <= axis:
        return None
    if specs[y].dtype not in INTEGER_RANGE or specs[x].dtype not in INTEGER_RANGE:
        return None
    count = data.shape[axis]
    if specs[w].scale.size not in (1, count) or not data.size:
        return None
    zero = specs[w].zero if specs[w].scale.size == 1 and specs[w].dtype == "uint8" else 0
    codes = np.moveaxis(data, axis, 0).reshape(count, -1).astype(np.int16) - np.int16(zero)
    total = codes.sum(axis=1, dtype=np.int64)
    positive = np.maximum(codes, 0).sum(axis=1, dtype=np.int64)
    bias = OPTIONAL
    bias_codes = np.zeros(count, np.int64)
    for place in operator.inputs[max(entry.data, entry.weights) + 1 :]:
        values = specs[place].data if place != OPTIONAL else None
        if values is not None and values.size == count and values.dtype.kind == "i":
            bias, bias_codes = place, values.reshape(-1).astype(np.int64)
    low, high = _clamp(operator, specs[y])
    scales = np.broadcast_to(specs[w].scale.astype(np.float64), (count,))
    return WeightedOperator(
        index,
        operator.name,
        axis,
        x,
        w,
        bias,
        y,
        specs,
        codes,
        positive,
        total - positive,
        scales,
        bias_codes,
        low,
        high,
    )


def _clamp(operator: Operator, y: TensorSpec) -> tuple[int, int]:
    activation: Any = operator.options.get("fused_activation_function", "NONE")
    limits = np.iinfo(STORAGE[y.dtype])
    if not np.isfinite(y.step) or y.step <= 0 or activation not in ("RELU", "RELU6"):
        return int(limits.min), int(limits.max)
    with np.errstate(all="ignore"):
        try:
            return integer_bounds(activation, y.dtype, y.step, y.zero)
        except (OverflowError, ValueError):
            return int(limits.min), int(limits.max)
