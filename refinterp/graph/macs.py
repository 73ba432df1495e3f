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
    Operands,
    Recurrent,
    SingleMatrixLstm,
    SingularFilter,
    TransposedWeighted,
    Weighted,
)
from refinterp.graph.operators import OPERATORS, OperatorFacts

Shapes = Sequence[Shape | None]

Rule = Callable[[Any, Shape, OperatorFacts], int]
"""From the operands' shapes, by name, that of the first output, and the operator's row."""


def macs(operator: str, inputs: Shapes, outputs: Shapes) -> int:
    """Count the multiply-accumulates of one sample of an operator (its schema name).

    inputs, outputs: shapes without the sample axis, None for an operand left out. 0 for operators
    without weights, and where operands are not what the operator needs.
    """
    facts = OPERATORS.get(operator)
    if facts is None or not facts.weights or not outputs or outputs[0] is None:
        return 0
    names = facts.signature(len(inputs))
    rule = _RULES.get(names)
    if rule is None:
        return 0
    try:
        return rule(names(inputs), outputs[0], facts)
    except (IndexError, TypeError, ZeroDivisionError):  # a model that prepare refuses
        return 0


def _filtered(operands: Weighted[Shape], output: Shape, facts: OperatorFacts) -> int:
    """Every output element adds up as many products as the filter has for its channel."""
    each = [size for axis, size in enumerate(operands.filter) if axis != facts.filter_axis]
    return math.prod(output) * math.prod(each)


def _spread(operands: TransposedWeighted[Shape], output: Shape, facts: OperatorFacts) -> int:
    """Every input element is multiplied into a window of every output channel, cropped or not."""
    return math.prod(operands.input) * math.prod(operands.filter[:-1])


def _matrices(operands: Binary[Shape], output: Shape, facts: OperatorFacts) -> int:
    """Products of x (…, m, k) or, transposed, (…, k, m), with y (…, m, n)."""
    x = operands.left
    return math.prod(output) * (x[-1] * x[-2] // output[-2])


def _svdf(operands: SingularFilter[Shape], output: Shape, facts: OperatorFacts) -> int:
    """Each filter over the features, then over its memory in time."""
    feature, time = operands.feature_weights, operands.time_weights
    return operands.input[0] * (math.prod(feature) + math.prod(time))


def _at_each_step(x: Shape, matrices: Iterable[Shape | None]) -> int:
    """Matrices that are there, each at every step of every sequence: x (…, features)."""
    return math.prod(x[:-1]) * sum(math.prod(shape) for shape in matrices if shape is not None)


def _rnn(operands: Recurrent[Shape], output: Shape, facts: OperatorFacts) -> int:
    return _at_each_step(operands.input, (operands.weights, operands.recurrent_weights))


def _basic_lstm(operands: SingleMatrixLstm[Shape], output: Shape, facts: OperatorFacts) -> int:
    """One matrix, for features and state together."""
    return _at_each_step(operands.input, (operands.weights,))


def _lstm(operands: FullLstm[Shape], output: Shape, facts: OperatorFacts) -> int:
    gates = [operands.gate(name) for name in LSTM_GATES]
    own = chain(*((gate.weights, gate.recurrent_weights) for gate in gates))
    return _at_each_step(operands.input, (*own, operands.projection_weights))


def _both_lstms(operands: BidirectionalLstm[Shape], output: Shape, facts: OperatorFacts) -> int:
    auxiliary = chain(*(operands.auxiliary_weights(way).values() for way in DIRECTIONS))
    own = sum(_lstm(operands.direction(way), output, facts) for way in DIRECTIONS)
    return own + _at_each_step(operands.input, auxiliary)


def _both_rnns(operands: BidirectionalRecurrent[Shape], output: Shape, facts: OperatorFacts) -> int:
    auxiliary = (operands.fw_auxiliary_weights, operands.bw_auxiliary_weights)
    own = sum(_rnn(operands.direction(way), output, facts) for way in DIRECTIONS)
    return own + _at_each_step(operands.input, auxiliary)


_RULES: Final[Mapping[type[Operands[Any]], Rule]] = MappingProxyType(
    {
        Binary: _matrices,
        BidirectionalLstm: _both_lstms,
        BidirectionalRecurrent: _both_rnns,
        FullLstm: _lstm,
        Recurrent: _rnn,
        SingleMatrixLstm: _basic_lstm,
        SingularFilter: _svdf,
        TransposedWeighted: _spread,
        Weighted: _filtered,
    }
)
"""How products are counted, by the operands that an operator with weights has."""
