"""Bytes of one 8-bit type taken for codes of the other, told by how far neighbours are apart."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.compare import debug
from refinterp.debug.measure.neighbours import NeighbourSums
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples
from tests.debug.faults.test_of_inputs import own

SIDE = 24


def pictures(count: int = 6) -> np.ndarray:
    """Smooth pictures as pixels 0..255, (count, SIDE, SIDE, 1) uint8."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    found = []
    for _ in range(count):
        a, b, c, d = rng.uniform(1, 4, 4)
        found.append(np.sin(a * x + b * y + c) + np.sin(d * x - a * y))
    stack = np.stack(found)[..., None]
    stack = (stack - stack.min()) / np.ptp(stack)
    return (20 + 215 * stack).astype(np.uint8)


def model(dtype: str) -> Model:
    g = GraphBuilder()
    zero = -128 if dtype == "int8" else 0
    x = g.input("image", (1, SIDE, SIDE, 1), dtype, scale=1 / 255, zero_point=zero)
    y = g.tensor("half", (1, SIDE // 2, SIDE // 2, 1), dtype, scale=1 / 255, zero_point=zero)
    options = {"padding": "VALID", "stride_h": 2, "stride_w": 2}
    g.operator("AVERAGE_POOL_2D", [x], [y], {**options, "filter_height": 2, "filter_width": 2})
    return g.build(outputs=[y])


def doubled() -> Model:
    """What is computed from the image leaves its range where the image is more than half white."""
    g = GraphBuilder()
    grid = {"scale": 1 / 255, "zero_point": -128}
    x = g.input("image", (1, SIDE, SIDE, 1), "int8", **grid)
    y = g.tensor("double", (1, SIDE, SIDE, 1), "int8", **grid)
    g.operator("ADD", [x, x], [y])
    return g.build(outputs=[y])


def samples(data: np.ndarray) -> Samples:
    return Samples(len(data), lambda i: [data[i : i + 1]], "drawn")


def causes(dtype: str, codes: np.ndarray) -> set[tuple[int, str]]:
    return own(debug(model(dtype), samples(codes)))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_pixels_taken_byte_by_byte_wrap_around(dtype):
    """The other type's bytes are named, the type's own are not."""
    pixels = pictures()
    shifted = (pixels ^ np.uint8(0x80)).view(np.int8)
    right, wrong = (
        (shifted, pixels.view(np.int8)) if dtype == "int8" else (pixels, shifted.view(np.uint8))
    )
    assert causes(dtype, right) == set()
    assert causes(dtype, wrong) == {(0, "input_scaling")}


def test_black_and_white_and_noise_say_nothing():
    """Edges from end to end, edges from near end to near end, and noise are no wrapped slopes."""
    rng = np.random.default_rng(1)
    shape = (6, SIDE, SIDE, 1)
    edges = np.where(pictures() > 128, 127, -128).astype(np.int8)
    near = np.where(pictures() > 128, 120, -122).astype(np.int8) + rng.integers(-3, 4, shape)
    assert causes("int8", edges) == set()
    assert causes("int8", near.astype(np.int8)) == set()
    assert causes("int8", rng.integers(-128, 128, shape).astype(np.int8)) == set()


@pytest.mark.parametrize("times", [1, 255])
def test_white_is_no_wrapped_byte_where_ranges_are_exceeded(times):
    """Black and white reals are the data; 255 times as large they are of another scale."""
    white = np.where(pictures() > 128, times, 0).astype(np.float32)
    report = debug(doubled(), samples(white))
    assert own(report) == {(0, "range_clipped" if times == 1 else "input_scaling")}
    assert not any("byte" in c.evidence for layer in report.layers for c in layer.causes)


@pytest.mark.parametrize("wrapped", [False, True])
def test_slopes_from_end_to_end_wrap_once(wrapped):
    """Pictures of full contrast are twice as smooth as what they are; the ranges exceeded tell."""
    row = np.abs(np.arange(4 * SIDE) * 9 % 510 - 255).astype(np.uint8).reshape(4, SIDE)
    pixels = np.broadcast_to(row[:, None, :, None], (4, SIDE, SIDE, 1))
    codes = pixels.astype(np.int8) if wrapped else (pixels ^ np.uint8(0x80)).view(np.int8)
    found = {id_ for _, id_ in own(debug(doubled(), samples(codes)))}
    assert found == ({"input_scaling"} if wrapped else {"range_clipped"})


def test_sums_are_those_of_the_definition():
    """Pairs along rows and columns, each once, in both readings."""
    codes = np.array([[[[-128], [127]], [[0], [-1]]]], np.int8)
    sums = NeighbourSums()
    sums.add(codes)
    assert (sums.pairs, sums.apart, sums.apart_otherwise) == (4, 255 + 1 + 128 + 128, 1 + 255 + 256)
