"""Operators in plain Python integers and floats, one element at a time.

They stand in where a runtime has no defined result, and share no code with the kernels.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case

Array = NDArray[Any]

_MAX, _MIN = 2**31 - 1, -(2**31)


def _single(value: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _high_product(a: int, b: int) -> int:
    """round(a * b / 2**31), halves up; C cuts a nudged product instead, which is the same."""
    return min((a * b + 2**30) >> 31, _MAX)


def _shift_right(value: int, bits: int) -> int:
    """Value / 2**bits, halves away from zero."""
    if not bits:
        return value
    size = (abs(value) + (1 << (bits - 1))) >> bits
    return size if value >= 0 else -size


def _shift_left(value: int, bits: int) -> int:
    return max(_MIN, min(_MAX, value << bits))


def _exp_of_negative(a: int, integer_bits: int) -> int:
    """exp(a / 2**(31 - integer_bits)) in 1/2**31, for a <= 0."""
    if a == 0:
        return _MAX
    fraction = 31 - integer_bits
    quarter = 1 << (fraction - 2)
    within = (a & (quarter - 1)) - quarter
    x = _shift_left(within, integer_bits) + (1 << 28)  # around -1/8
    x2 = _high_product(x, x)
    x3 = _high_product(x2, x)
    x4 = _shift_right(_high_product(x2, x2), 2)
    tail = _shift_right(_high_product(x4 + x3, round(2**31 / 3)) + x2, 1)
    eighth = round(math.exp(-1 / 8) * 2**31)
    result = eighth + _high_product(x + tail, eighth)
    for power in range(-2, integer_bits):
        if (within - a) >> (fraction + power) & 1:
            result = _high_product(result, round(math.exp(-(2.0**power)) * 2**31))
    return result


def _reciprocal_of_one_plus(x: int) -> int:
    """1 / (1 + x) for x in [0, 1), all in 1/2**31: three Newton-Raphson steps."""
    half = (x + _MAX + 1) >> 1  # (1 + x) / 2, halves up
    estimate = round(48 / 17 * 2**29) + _high_product(half, -round(32 / 17 * 2**29))
    for _ in range(3):
        error = (1 << 29) - _high_product(half, estimate)
        estimate += _shift_left(_high_product(estimate, error), 2)
    return _shift_left(estimate, 1)


def softmax(case: Case) -> list[list[Array]]:
    """SOFTMAX of 8-bit codes; the sum of the exponentials has no limit."""
    graph = case.model.subgraphs[0]
    operator = graph.operators[0]
    x, y = (graph.tensors[i] for i in (operator.inputs[0], operator.outputs[0]))
    assert x.quantization is not None
    real = min(_single(float(operator.options["beta"])) * float(x.quantization.scale[0]) * 2**26,
               float(_MAX))  # fmt: skip
    fraction, exponent = math.frexp(real)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    if mantissa == 2**31:
        mantissa, exponent = 2**30, exponent + 1
    lowest = -math.floor(31 * 2**26 / 2**exponent)
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}[str(y.dtype)]
    bits = 16 if y.dtype == "int16" else 8

    def row(codes: Sequence[int]) -> list[int]:
        largest = max(codes)
        exponentials = [
            _exp_of_negative(_high_product((code - largest) << exponent, mantissa), 5)
            if code - largest >= lowest
            else 0
            for code in codes
        ]
        total = sum(_shift_right(value, 12) for value in exponentials)
        over = 12 - (32 - total.bit_length())
        inverse = _reciprocal_of_one_plus((total << (32 - total.bit_length())) - 2**31)
        return [
            max(low, min(high, _shift_right(_high_product(inverse, value), over + 31 - bits) + low))
            if value
            else low
            for value in exponentials
        ]

    return [
        [
            np.array([row(codes) for codes in sample[0].reshape(-1, x.shape[-1]).tolist()])
            .reshape(sample[0].shape)
            .astype(str(y.dtype))
        ]
        for sample in case.samples
    ]


def _factor(real: float) -> tuple[int, int]:
    """A factor as mantissa / 2**31 * 2**exponent, the mantissa rounded half away."""
    fraction, exponent = math.frexp(real)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    return (2**30, exponent + 1) if mantissa == 2**31 else (mantissa, exponent)


def _rescale(value: int, factor: tuple[int, int]) -> int:
    mantissa, exponent = factor
    high = _high_product(_shift_left(value, max(exponent, 0)), mantissa)
    return _shift_right(high, max(-exponent, 0))


def difference(case: Case) -> list[list[Array]]:
    """SUB of int8 operands of one shape, without an activation; the output factor has no limit."""
    graph = case.model.subgraphs[0]
    operator = graph.operators[0]
    marks = [graph.tensors[i].quantization for i in (*operator.inputs, *operator.outputs)]
    (a, b, y) = [(float(q.scale[0]), int(q.zero_point[0])) for q in marks if q is not None]
    twice = 2 * max(a[0], b[0])
    factors = [_factor(s) for s in (a[0] / twice, b[0] / twice, twice / (2**20 * y[0]))]

    def element(first: int, second: int) -> int:
        left = _rescale((first - a[1]) << 20, factors[0])
        right = _rescale((second - b[1]) << 20, factors[1])
        return max(-128, min(127, _rescale(left - right, factors[2]) + y[1]))

    return [
        [
            np.array([element(*p) for p in zip(*(s.ravel().tolist() for s in sample), strict=True)])
            .reshape(sample[0].shape)
            .astype(np.int8)
        ]
        for sample in case.samples
    ]


def resize_bilinear(case: Case) -> list[list[Array]]:
    """RESIZE_BILINEAR of codes; beyond the last element it is repeated."""
    graph = case.model.subgraphs[0]
    operator = graph.operators[0]
    shape = graph.tensors[operator.outputs[0]].shape
    options = operator.options

    def places(size: int, count: int) -> list[tuple[int, int, int]]:
        step = ((size << 10) + count // 2) // count
        if options["align_corners"] and count > 1:
            step = (((size - 1) << 10) + (count - 1) // 2) // (count - 1)
        found = []
        for i in range(count):
            place = i * step + (step // 2 - 512 if options["half_pixel_centers"] else 0)
            first = max(place // 1024, 0) if place >= 0 else 0
            second = min(-(-place // 1024) if place > 0 else 0, size - 1)
            found.append((min(first, size - 1), second, place - 1024 * first))
        return found

    results = []
    for x, *_ in case.samples:
        y = np.zeros(shape, x.dtype)
        codes = x.tolist()
        columns = places(x.shape[2], shape[2])
        for i, (top, bottom, down) in enumerate(places(x.shape[1], shape[1])):
            for j, (left, right, across) in enumerate(columns):
                for b in range(shape[0]):
                    for c in range(shape[3]):
                        image = codes[b]
                        value = (
                            image[top][left][c] * (1024 - down) * (1024 - across)
                            + image[bottom][left][c] * down * (1024 - across)
                            + image[top][right][c] * (1024 - down) * across
                            + image[bottom][right][c] * down * across
                        )
                        y[b, i, j, c] = _shift_right(value, 20)
        results.append([y])
    return results
