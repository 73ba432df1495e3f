"""Multiply-accumulates from shapes, against counting them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.graph.macs import macs
from refinterp.graph.operators import OPERATORS

SIZE = st.integers(1, 4)


def products(*extents: int) -> int:
    """Count the points of a loop nest."""
    return sum(1 for _ in itertools.product(*map(range, extents)))


@given(n=SIZE, h=SIZE, w=SIZE, kh=SIZE, kw=SIZE, inner=SIZE, outer=SIZE)
def test_convolutions_count_their_loops(n, h, w, kh, kw, inner, outer):
    """Each output element of a convolution is a sum over its window and its input channels."""
    y = [(n, h, w, outer)]
    conv = macs("CONV_2D", [(n, 9, 9, inner), (outer, kh, kw, inner), (outer,)], y)
    assert conv == products(n, h, w, outer, kh, kw, inner)
    depthwise = macs("DEPTHWISE_CONV_2D", [(n, 9, 9, outer), (1, kh, kw, outer), None], y)
    assert depthwise == products(n, h, w, outer, kh, kw)
    transposed = [(4,), (outer, kh, kw, inner), (n, h, w, inner)]
    assert macs("TRANSPOSE_CONV", transposed, [(n, 9, 9, outer)]) == products(
        n, h, w, inner, kh, kw, outer
    )


@given(b=SIZE, m=SIZE, k=SIZE, n=SIZE, transposed=st.booleans())
def test_products_of_matrices(b, m, k, n, transposed):
    """Matrices of m x k and k x n give m * k * n products, however the operands lie."""
    x = (b, k, m) if transposed else (b, m, k)
    assert macs("BATCH_MATMUL", [x, (b, k, n)], [(b, m, n)]) == products(b, m, k, n)
    assert macs("FULLY_CONNECTED", [(b, m, k), (n, k), None], [(b, m, n)]) == products(b, m, k, n)


def test_recurrent_operators():
    """SVDF filters features and then time; an LSTM multiplies every matrix at every step."""
    assert macs("SVDF", [(2, 5), (6, 5), (6, 7), None, (2, 42)], [(2, 3)]) == 2 * (30 + 42)
    lstm = [(4, 2, 5), *[(3, 5)] * 4, *[(3, 3)] * 4, *[None] * 7, (2, 3), None, (2, 3), (2, 3)]
    assert macs("UNIDIRECTIONAL_SEQUENCE_LSTM", lstm, [(4, 2, 3)]) == 8 * (4 * 15 + 4 * 9 + 6)
    assert macs("LSTM", [(2, 5), (2, 3), (12, 8), (12,), (2, 3)], [(2, 3)]) == 2 * 12 * 8
    rnn = [(4, 2, 5), (3, 5), (3, 3), (3,), (2, 3)]
    assert macs("UNIDIRECTIONAL_SEQUENCE_RNN", rnn, [(4, 2, 3)]) == 8 * (15 + 9)
    both = [*rnn, *rnn[1:], None, None, None]
    assert macs("BIDIRECTIONAL_SEQUENCE_RNN", both, [(4, 2, 6)]) == 2 * 8 * (15 + 9)


@pytest.mark.parametrize("name", ["ADD", "SOFTMAX", "no_such_operator"])
def test_operators_without_sums_have_none(name):
    """What adds up no products counts 0."""
    assert macs(name, [(1, 4), (1, 4)], [(1, 4)]) == 0


def test_operands_that_are_missing():
    """Shapes that no kernel takes count 0: other code says what is wrong with them."""
    assert macs("CONV_2D", [(1, 4, 4, 2)], [(1, 4, 4, 2)]) == 0
    assert macs("BATCH_MATMUL", [(4,), (4,)], [(1,)]) == 0
    assert macs("FULLY_CONNECTED", [(1, 4), None], [(1, 4)]) == 0


@given(n=SIZE, d=SIZE, h=SIZE, k=SIZE, inner=SIZE, outer=SIZE)
def test_volumes_count_their_loops(n, d, h, k, inner, outer):
    """Convolutions over three axes are as those over two."""
    y = [(n, d, h, 2, outer)]
    conv = macs("CONV_3D", [(n, 9, 9, 9, inner), (k, 2, 3, inner, outer), None], y)
    assert conv == products(n, d, h, 2, outer, k, 2, 3, inner)
    transposed = [(5,), (k, 2, 3, outer, inner), (n, d, h, 2, inner)]
    assert macs("CONV_3D_TRANSPOSE", transposed, [(n, 9, 9, 9, outer)]) == products(
        n, d, h, 2, inner, k, 2, 3, outer
    )


@pytest.mark.parametrize("name", [n for n, row in OPERATORS.items() if row.filter_axis is not None])
def test_every_filter_is_multiplied(name):
    """An operator with a filter has products."""
    rank = OPERATORS[name].ranks["filter"][0]
    filters, others = (2,) * rank, (2,) * rank
    names = OPERATORS[name].operands.names
    shapes = [filters if one == "filter" else others if one == "input" else None for one in names]
    assert macs(name, shapes, [others]) > 0
