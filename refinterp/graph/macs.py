"""Multiplications that are added up: an operator's work, from its operands' shapes alone.

Counted is what the definition multiplies, whether or not a factor is padding or zero. Operators
that have no products to add (pooling, element-wise, movement) have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from refinterp.graph.model import Shape

Shapes = Sequence[Shape | None]


def macs(operator: str, inputs: Shapes, outputs: Shapes) -> int:
    """Count the multiply-accumulates of one sample of an operator (its schema name).

    inputs, outputs: shapes without the sample axis, None for an operand left out. 0 for operators
    that are not in `MACS`, and where operands are not what the operator needs.
    """
    rule = MACS.get(operator)
    if rule is None:
        return 0
    try:
        return rule(inputs, outputs)
    except (IndexError, TypeError, ZeroDivisionError):  # a model that prepare refuses
        return 0


def _per_output(axes: slice) -> Callable[[Shapes, Shapes], int]:
    """Every output element adds up as many products as the weights have over these axes."""

    def count(inputs: Shapes, outputs: Shapes) -> int:
        return math.prod(_shape(outputs, 0)) * math.prod(_shape(inputs, 1)[axes])

    return count


def _transpose_conv(inputs: Shapes, outputs: Shapes) -> int:
    """Every input element is multiplied into a window of every output channel, cropped or not."""
    return math.prod(_shape(inputs, 2)) * math.prod(_shape(inputs, 1)[:3])


def _batch_matmul(inputs: Shapes, outputs: Shapes) -> int:
    """Products of x (…, m, k) or, transposed, (…, k, m), with y (…, m, n)."""
    x, y = _shape(inputs, 0), _shape(outputs, 0)
    return math.prod(y) * (x[-1] * x[-2] // y[-2])


def _svdf(inputs: Shapes, outputs: Shapes) -> int:
    """Each filter over the features, then over its memory in time."""
    x, feature, time = (_shape(inputs, i) for i in range(3))
    return x[0] * (math.prod(feature) + math.prod(time))


def _recurrent(*matrices: int) -> Callable[[Shapes, Shapes], int]:
    """The matrices at these inputs, each at every step of every sequence: x (…, features)."""

    def count(inputs: Shapes, outputs: Shapes) -> int:
        present = [inputs[i] for i in matrices if i < len(inputs)]
        sizes = [math.prod(shape) for shape in present if shape is not None]
        return math.prod(_shape(inputs, 0)[:-1]) * sum(sizes)

    return count


def _lstm(inputs: Shapes, outputs: Shapes) -> int:
    """The basic kernel has one matrix, for features and state together."""
    return (_recurrent(2) if len(inputs) == 5 else _recurrent(*_LSTM))(inputs, outputs)


def _shape(shapes: Shapes, index: int) -> Shape:
    shape = shapes[index]
    if shape is None:
        raise TypeError("the operand is left out")
    return shape


_LSTM: Final = (*range(1, 9), 16)
"""Input, recurrent and projection weights among the inputs of an LSTM."""

MACS: Final[Mapping[str, Callable[[Shapes, Shapes], int]]] = MappingProxyType(
    {
        "BATCH_MATMUL": _batch_matmul,
        "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent(*_LSTM, *(i + 17 for i in _LSTM), *range(40, 48)),
        "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent(1, 2, 5, 6, 10, 11),
        "CONV_2D": _per_output(slice(1, 4)),
        "DEPTHWISE_CONV_2D": _per_output(slice(1, 3)),
        "FULLY_CONNECTED": _per_output(slice(-1, None)),
        "LSTM": _lstm,
        "RNN": _recurrent(1, 2),
        "SVDF": _svdf,
        "TRANSPOSE_CONV": _transpose_conv,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent(*_LSTM),
        "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent(1, 2),
    }
)
"""The rule of each operator that has any."""
