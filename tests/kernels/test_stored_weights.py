"""Weights stored otherwise than row by row, published random words, shapes only the output has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.ops.stablehlo_rng_bit_generator import philox, threefry
from refinterp.kernels.registry import call, prepare


def constant(value: Any, dtype: str, scale: float, zero: int = 0) -> TensorSpec:
    array = np.array(value, dtype)
    return TensorSpec.of("constant", array.shape, dtype, scale, zero, data=array)


@pytest.mark.parametrize("rows", [1, 4])
def test_shuffled_weights_are_the_same_weights(rows: int) -> None:
    """A product with shuffled weights is the product with the weights in order."""
    rng = np.random.default_rng(7)
    plain = rng.integers(0, 256, (8, 32)).astype(np.uint8)
    tiles = plain.reshape(2, 4, 2, 16).transpose(0, 2, 1, 3).reshape(8, 32) ^ np.uint8(0x80)
    data = rng.integers(0, 256, (rows, 32)).astype(np.uint8)
    x = TensorSpec.of("x", (rows, 32), "uint8", 0.5, 128)
    y = TensorSpec.of("y", (rows, 8), "int16", 8.0)
    z = TensorSpec.of("z", (rows, 32), "uint8", 0.5, 128)
    bias = constant(np.arange(8) * 1000, "int32", 0.25)
    results = []
    for weights, options in ((plain, {}), (tiles, {"weights_format": "SHUFFLED4x16INT8"})):
        inputs = [x, constant(weights, "uint8", 0.5, 128), bias]
        kernel = prepare("FULLY_CONNECTED", inputs, [y, z][: 1 + len(options)], options)
        arrays = [data, weights, bias.data]
        results.append(call(kernel, arrays, [y, z][: 1 + len(options)]))
    assert results[0][0].tolist() == results[1][0].tolist()
    first = (data ^ 0x80)[:, :16]
    assert results[1][1].reshape(-1)[: 16 * rows].tolist() == first.reshape(-1).tolist()


def test_weights_that_cannot_be_shuffled() -> None:
    """Sizes that are no multiples of four by sixteen are an error."""
    x = TensorSpec.of("x", (1, 20), "uint8", 0.5, 128)
    inputs = [x, constant(np.zeros((4, 20)), "uint8", 0.5, 128), constant([0] * 4, "int32", 0.25)]
    y = TensorSpec.of("y", (1, 4), "int16", 8.0)
    with pytest.raises(ModelError, match="multiples of 4 by 16"):
        prepare("FULLY_CONNECTED", inputs, [y], {"weights_format": "SHUFFLED4x16INT8"})


def test_published_random_words() -> None:
    """The first words of Threefry-2x32-20 and Philox-4x32-10 are those of their authors."""
    zero, ones = np.zeros(2, np.uint32), np.full(2, 0xFFFFFFFF, np.uint32)
    assert threefry(zero, zero[None]).tolist() == [[0x6B200159, 0x99BA4EFE]]
    assert threefry(ones, ones[None]).tolist() == [[0x1CB996FC, 0xBB002BE7]]
    wide = np.zeros((1, 4), np.uint32)
    assert philox(zero, wide).tolist() == [[0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]]
    full = np.full((1, 4), 0xFFFFFFFF, np.uint32)
    assert philox(ones, full).tolist() == [[0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]]


def test_a_reshape_without_a_shape() -> None:
    """Where neither a tensor nor the option gives a shape, the output's counts, as in TFLM."""
    x, y = TensorSpec.of("x", (6,), "int8"), TensorSpec.of("y", (2, 3), "int8")
    kernel = prepare("RESHAPE", [x], [y], {"declared_shapes": ((2, 3),)}, flavour="tflm")
    (out,) = call(kernel, [np.arange(6, dtype=np.int8)], [y])
    assert out.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_blocks_that_do_not_fill_the_depth() -> None:
    """A scale for each block of the depth, and no depth left over, or the model is an error."""
    x, y = TensorSpec.of("x", (1, 40), "float32"), TensorSpec.of("y", (1, 4), "float32")
    w = TensorSpec(
        "w", (4, 40), "int4", np.ones(4, np.float32), np.zeros(4, np.int64),
        data=np.zeros((4, 40), np.int8), block_size=32,
    )  # fmt: skip
    with pytest.raises(ModelError, match="blocks of 32"):
        prepare("FULLY_CONNECTED", [x, w], [y])
