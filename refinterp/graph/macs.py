"""Multiplications that are added up: an operator's work, from its operands' shapes alone.

Counted is what the definition multiplies, whether or not a factor is padding or zero. Operators
that have no products to add (pooling, element-wise, movement) have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from refinterp.graph.model import Shape
from refinterp.graph.operands import (
    DIRECTIONS,
    LSTM_GATES,
    BidirectionalLstm,
    BidirectionalRecurrent,
    Binary,
    FullLstm,
    Recurrent,
    SingleMatrixLstm,
    SingularFilter,
    TransposedWeighted,
    Weighted,
)
from refinterp.graph.operators import OPERATORS

Shapes = Sequence[Shape | None]


Rule = Callable[[Any, Shape], int]
"""From the operands' shapes, by name, and that of the first output."""


def macs(operator: str, inputs: Shapes, outputs: Shapes) -> int:
    """Count the multiply-accumulates of one sample of an operator (its schema name).

    inputs, outputs: shapes without the sample axis, None for an operand left out. 0 for operators
    that are not in `MACS`, and where operands are not what the operator needs.
    """
    rule = MACS.get(operator)
    if rule is None or not outputs or outputs[0] is None:
        return 0
    operands = OPERATORS[operator].signature(len(inputs))(inputs)
    try:
        return rule(operands, outputs[0])
    except (IndexError, TypeError, ZeroDivisionError):  # a model that prepare refuses
        return 0


def _per_output(axes: slice) -> Rule:
    """Every output element adds up as many products as the filter has over these axes."""

    def count(operands: Weighted[Shape], output: Shape) -> int:
        return math.prod(output) * math.prod(operands.filter[axes])

    return count


def _transpose_conv(operands: TransposedWeighted[Shape], output: Shape) -> int:
    """Every input element is multiplied into a window of every output channel, cropped or not."""
    return math.prod(operands.input) * math.prod(operands.filter[:3])


def _batch_matmul(operands: Binary[Shape], output: Shape) -> int:
    """Products of x (…, m, k) or, transposed, (…, k, m), with y (…, m, n)."""
    x = operands.left
    return math.prod(output) * (x[-1] * x[-2] // output[-2])


def _svdf(operands: SingularFilter[Shape], output: Shape) -> int:
    """Each filter over the features, then over its memory in time."""
    feature, time = operands.feature_weights, operands.time_weights
    return operands.input[0] * (math.prod(feature) + math.prod(time))


def _at_each_step(x: Shape, matrices: Iterable[Shape | None]) -> int:
    """Matrices that are there, each at every step of every sequence: x (…, features)."""
    return math.prod(x[:-1]) * sum(math.prod(shape) for shape in matrices if shape is not None)


def _rnn(operands: Recurrent[Shape], output: Shape) -> int:
    return _at_each_step(operands.input, (operands.weights, operands.recurrent_weights))


def _lstm(operands: FullLstm[Shape] | SingleMatrixLstm[Shape], output: Shape) -> int:
    """The basic kernel has one matrix, for features and state together."""
    if isinstance(operands, SingleMatrixLstm):
        return _at_each_step(operands.input, (operands.weights,))
    gates = [operands.gate(name) for name in LSTM_GATES]
    own = chain(*((gate.weights, gate.recurrent_weights) for gate in gates))
    return _at_each_step(operands.input, (*own, operands.projection_weights))


def _both_lstms(operands: BidirectionalLstm[Shape], output: Shape) -> int:
    auxiliary = chain(*(operands.auxiliary_weights(way).values() for way in DIRECTIONS))
    own = sum(_lstm(operands.direction(way), output) for way in DIRECTIONS)
    return own + _at_each_step(operands.input, auxiliary)


def _both_rnns(operands: BidirectionalRecurrent[Shape], output: Shape) -> int:
    auxiliary = (operands.fw_auxiliary_weights, operands.bw_auxiliary_weights)
    own = sum(_rnn(operands.direction(way), output) for way in DIRECTIONS)
    return own + _at_each_step(operands.input, auxiliary)


MACS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "BATCH_MATMUL": _batch_matmul,
        "BIDIRECTIONAL_SEQUENCE_LSTM": _both_lstms,
        "BIDIRECTIONAL_SEQUENCE_RNN": _both_rnns,
        "CONV_2D": _per_output(slice(1, 4)),
        "DEPTHWISE_CONV_2D": _per_output(slice(1, 3)),
        "FULLY_CONNECTED": _per_output(slice(-1, None)),
        "LSTM": _lstm,
        "RNN": _rnn,
        "SVDF": _svdf,
        "TRANSPOSE_CONV": _transpose_conv,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
        "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
    }
)
"""The rule of each operator that has any."""
