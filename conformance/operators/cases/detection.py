"""Operators that converted float models contain besides: volumes, segments, boxes, buckets."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.indexing import IndexingOperands
from conformance.operators.draw import ACTIVATIONS, Draw, chance, choice, reals, shape
from refinterp.numerics.window import window


def _steps(d: Draw) -> dict[str, Any]:
    options: dict[str, Any] = {
        "padding": choice(d, ["SAME", "VALID"]),
        "fused_activation_function": choice(d, ACTIVATIONS),
    }
    dilated = chance(d, 30)
    for axis in "dhw":
        options[f"stride_{axis}"] = d.integer(1, 3)
        options[f"dilation_{axis}_factor"] = d.integer(1, 2) if dilated else 1
    return options


def _place(options: dict[str, Any], axis: str, extent: int, taps: int) -> int:
    step, spread = options[f"stride_{axis}"], options[f"dilation_{axis}_factor"]
    return window(options["padding"], extent, taps, step, spread, where=axis).size


def _volume(d: Draw, operator: str) -> Case:
    options = _steps(d)
    taps = tuple(d.integer(1, 3) for _ in "dhw")
    extents = [
        (k - 1) * options[f"dilation_{axis}_factor"] + 1 + d.integer(0, 4)
        for axis, k in zip("dhw", taps, strict=True)
    ]
    fits = [_place(options, axis, n, k) for axis, n, k in zip("dhw", extents, taps, strict=True)]
    batch, depth, channels = d.integer(1, 2), d.integer(1, 5), d.integer(1, 5)
    turned = operator == "CONV_3D_TRANSPOSE"
    x_shape = (batch, *(fits if turned else extents), depth)
    y_shape = (batch, *(extents if turned else fits), channels)
    w_shape = (*taps, *((channels, depth) if turned else (depth, channels)))
    o = IndexingOperands(d)
    if turned:
        o.either((5,), "int32", lambda: np.array(y_shape, np.int32), constant=80)
    weights = reals(d, w_shape, 1.0)
    if turned:
        o.either(w_shape, "float32", lambda: weights, constant=80)
        o.fed(x_shape, "float32", lambda: reals(d, x_shape))
    else:
        o.fed(x_shape, "float32", lambda: reals(d, x_shape))
        o.either(w_shape, "float32", lambda: weights, constant=80)
    if chance(d, 60):
        o.either((channels,), "float32", lambda: reals(d, (channels,)))
    case = o.case(operator, [(y_shape, "float32", {})], options)
    largest = max(float(np.abs(a).max(initial=0)) for s in case.samples for a in s)
    count = int(np.prod(taps)) * depth
    total = float(np.abs(weights).sum()) * largest
    bound = 2 * count * float(np.finfo(np.float32).eps) * total
    return Case(case.model, case.samples, float_absolute=bound)


@generator("CONV_3D", "float32")
def conv_3d(d: Draw, dtype: str) -> Case:
    """Strides and dilation along three axes, filters constant or not."""
    return _volume(d, "CONV_3D")


@generator("CONV_3D_TRANSPOSE", "float32")
def conv_3d_transpose(d: Draw, dtype: str) -> Case:
    """Outputs of every size that fits, whose shape may be known at run time only."""
    return _volume(d, "CONV_3D_TRANSPOSE")


@generator("ATAN2", "float32", "float16")
def atan2(d: Draw, dtype: str) -> Case:
    """All quadrants and the axes."""
    dims = shape(d, d.integer(1, 4))
    o = IndexingOperands(d)
    o.fed(dims, dtype, lambda: reals(d, dims).astype(dtype))
    o.either(dims, dtype, lambda: reals(d, dims).astype(dtype))
    tolerance = 1e-3 if dtype == "float16" else 5e-7
    return o.case("ATAN2", [(dims, dtype, {})], float_tolerance=tolerance)


def _values(d: Draw, dims: tuple[int, ...], dtype: str) -> Any:
    if dtype == "float32":
        return reals(d, dims)
    return d.rng.integers(-(2**31), 2**31, dims).astype(np.int32)


@generator("SEGMENT_SUM", "float32", "int32")
def segment_sum(d: Draw, dtype: str) -> Case:
    """Sorted segments, constant or not."""
    dims = shape(d, d.integer(1, 3))
    names = np.cumsum(d.rng.integers(0, 2, dims[0]))
    names -= names[0]
    o = IndexingOperands(d)
    o.fed(dims, dtype, lambda: _values(d, dims, dtype))
    o.either(dims[:1], "int32", lambda: names.astype(np.int32))
    y_shape = (int(names[-1]) + 1, *dims[1:])
    return o.case("SEGMENT_SUM", [(y_shape, dtype, {})], float_tolerance=0.0)


def _unsorted(operator: str) -> None:
    @generator(operator, "float32", "int32")
    def draw(d: Draw, dtype: str) -> Case:
        dims = shape(d, d.integer(1, 3))
        lead = dims[: d.integer(1, len(dims))]
        count = d.integer(1, 6)
        o = IndexingOperands(d)
        o.fed(dims, dtype, lambda: _values(d, dims, dtype))
        o.either(lead, "int32", lambda: d.rng.integers(-1, count, lead).astype(np.int32))
        held = choice(d, [(), (1,)])
        o.either(held, "int32", lambda: np.full(held, count, np.int32))
        y_shape = (count, *dims[len(lead) :])
        return o.case(operator, [(y_shape, dtype, {})], float_tolerance=0.0)


for _name in ("SUM", "PROD", "MAX", "MIN"):
    _unsorted(f"UNSORTED_SEGMENT_{_name}")


@generator("LOCAL_RESPONSE_NORMALIZATION", "float32")
def local_response_normalization(d: Draw, dtype: str) -> Case:
    """Radii from none to more than there are channels."""
    dims = shape(d, 4, most=9)
    options = {
        "radius": d.integer(0, 10),
        "bias": choice(d, [1.0, 2.0, 0.5]),
        "alpha": choice(d, [1.0, 1e-4, 0.3]),
        "beta": choice(d, [0.5, 0.75, 1.0]),
    }
    o = IndexingOperands(d)
    o.fed(dims, dtype, lambda: reals(d, dims))
    return o.case("LOCAL_RESPONSE_NORMALIZATION", [(dims, dtype, {})], options)


@generator("FAKE_QUANT", "float32")
def fake_quant(d: Draw, dtype: str) -> Case:
    """Ranges on either side of 0 and around it, 2 to 16 bits."""
    dims = shape(d, d.integer(1, 4))
    low = choice(d, [0.0, -1.0, -6.0, -d.integer(1, 1000) / 77])
    high = choice(d, [1.0, 6.0, d.integer(1, 1000) / 77])
    options = {"min": low, "max": high, "num_bits": choice(d, [8, 8, 16, 2, 4])}
    o = IndexingOperands(d)
    o.fed(dims, dtype, lambda: reals(d, dims))
    return o.case("FAKE_QUANT", [(dims, dtype, {})], options, float_tolerance=0.0)


@generator("BUCKETIZE", "float32", "int32", "int64")
def bucketize(d: Draw, dtype: str) -> Case:
    """Boundaries that repeat, and elements that equal them."""
    dims = shape(d, d.integer(0, 4))
    limits = np.sort(d.rng.integers(-8, 9, d.integer(1, 8))).astype(np.float32)
    if chance(d, 30):
        limits = np.sort(limits * np.float32(2.0**24.3))
    wide = float(np.abs(limits).max()) + 3

    def draw() -> Any:
        values = np.where(
            d.rng.random(dims) < 0.4, d.rng.choice(limits, dims), d.rng.uniform(-wide, wide, dims)
        )
        return np.asarray(np.rint(values) if dtype != "float32" else values).astype(dtype)

    o = IndexingOperands(d)
    o.fed(dims, dtype, draw)
    return o.case("BUCKETIZE", [(dims, "int32", {})], {"boundaries": limits})


def _boxes(operator: str) -> None:
    @generator(operator, "float32")
    def draw(d: Draw, dtype: str) -> Case:
        count, most = d.integer(1, 20), d.integer(0, 12)
        o = IndexingOperands(d)

        def corners() -> Any:
            first = d.rng.random((count, 2)) * 4
            sides = d.rng.random((count, 2)) * 3 * (d.rng.random((count, 1)) < 0.9)
            both = np.concatenate([first, first + sides], 1)
            return np.where(d.rng.random((count, 1)) < 0.2, np.roll(both, 2, 1), both)

        steps = choice(d, [1000, 4])  # few: many scores are equal

        def scores() -> Any:
            return (d.rng.integers(0, steps, count) + 1) / steps

        def number(value: float) -> Any:
            return lambda: np.array(value, np.float32)

        o.fed((count, 4), dtype, lambda: corners().astype(np.float32))
        o.fed((count,), dtype, lambda: scores().astype(np.float32))
        o.either((), "int32", lambda: np.array(most, np.int32), constant=80)
        o.either((), dtype, number(choice(d, [0.5, 0.3, 0.1, 1.0])))
        o.either((), dtype, number(choice(d, [-1.0, 0.0, 0.2])))
        outputs: list[Any] = [((most,), "int32", {}), ((), "int32", {})]
        if operator.endswith("V5"):
            o.either((), dtype, number(choice(d, [0.0, 0.3, 0.5, 2.0])))
            outputs.insert(1, ((most,), dtype, {}))
        return o.case(operator, outputs, float_tolerance=1e-6)


_boxes("NON_MAX_SUPPRESSION_V4")
_boxes("NON_MAX_SUPPRESSION_V5")
