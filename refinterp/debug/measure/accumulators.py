"""How far the sums of an operator go on data: its codes multiplied and added in floating point.

Only operators whose sums can leave int32 are watched. float32 keeps a sum to one part in 10^6,
which is enough to tell whether it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.ranges import extremes
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL, Operator
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import Prepared, find, prepare
from refinterp.kernels.workspace import Workspace

Array = NDArray[Any]
_INT32: Final = 2.0**31


@dataclass(slots=True)
class AccumulatorRange:
    """The smallest and largest sum of each channel so far, bias included: (channels,)."""

    smallest: NDArray[np.float64]
    largest: NDArray[np.float64]

    @classmethod
    def nothing(cls, channels: int) -> AccumulatorRange:
        """Before any sample."""
        return cls(np.full(channels, np.inf), np.full(channels, -np.inf))

    def merge(self, other: AccumulatorRange) -> None:
        """Take another's samples into account."""
        np.minimum(self.smallest, other.smallest, out=self.smallest)
        np.maximum(self.largest, other.largest, out=self.largest)

    @property
    def over(self) -> NDArray[np.bool_]:
        """Channels whose sums have left int32."""
        return np.asarray((self.largest >= _INT32) | (self.smallest < -_INT32))


@dataclass(frozen=True, slots=True, eq=False)
class AccumulatorWatch:
    """A float operator that computes the sums of an integer one from its codes.

    operands: of the kernel, None in the place `data`. result: what it writes, (1, *shape).
    """

    weighted: WeightedOperator
    kernel: Prepared
    operands: tuple[Array | None, ...]
    data: int
    result: Array

    @classmethod
    def of(cls, weighted: WeightedOperator, operator: Operator) -> AccumulatorWatch:
        """Prepare the sums of one operator, without bias and activation."""
        specs = weighted.specs
        entry = find(operator.name, [None if i == OPTIONAL else specs[i] for i in operator.inputs])
        assert entry is not None
        assert entry.weights is not None
        inputs: list[TensorSpec | None] = []
        operands: list[Array | None] = []
        for place, tensor in enumerate(operator.inputs[: max(entry.data, entry.weights) + 1]):
            spec = None if tensor == OPTIONAL else specs[tensor]
            if place not in (entry.data, entry.weights) or spec is None:
                inputs.append(spec)
                operands.append(None if spec is None or spec.data is None else spec.data[None])
                continue
            value = None
            if place == entry.weights and spec.data is not None:
                zero = spec.zero if spec.dtype == "uint8" else 0
                value = spec.data.astype(np.float32) - np.float32(zero)
            inputs.append(TensorSpec(spec.name, spec.shape, "float32", data=value))
            operands.append(None if value is None else value[None])
        y = TensorSpec("sums", specs[weighted.y].shape, "float32")
        options = {**operator.options, "fused_activation_function": "NONE"}
        kernel = prepare(operator.name, inputs, [y], options)
        result = np.zeros((1, *y.shape), np.float32)
        return cls(weighted, kernel, tuple(operands), entry.data, result)

    def add(self, read: Callable[[int], Array], into: AccumulatorRange, work: Workspace) -> None:
        """Take one sample into account; read: a tensor's codes, (*shape)."""
        x = self.weighted.specs[self.weighted.x]
        operands: list[Any] = list(self.operands)
        operands[self.data] = (read(self.weighted.x).astype(np.float32) - np.float32(x.zero))[None]
        work.reset()
        self.kernel.eval(operands, [self.result], work)
        low, high = extremes(self.result.reshape(-1), self.weighted.channels)
        bias = self.weighted.bias_codes
        into.merge(AccumulatorRange(low.astype(np.float64) + bias, high.astype(np.float64) + bias))
