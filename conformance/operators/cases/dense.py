"""FULLY_CONNECTED: ranks 1 to 4, kept dimensions, one scale or one per unit, constant or fed."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.conv import (
    draw_bias,
    draw_output_scale,
    draw_weight_scales,
    sum_bound,
    weights_type,
)
from conformance.operators.draw import (
    ACTIVATIONS,
    Draw,
    chance,
    choice,
    codes,
    inputs,
    reals,
    scale,
    zero_point,
)
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Quantization


@generator("FULLY_CONNECTED", "float32x8", "float32x2")
def fully_connected_dynamic(d: Draw, dtype: str) -> Case:
    """One FULLY_CONNECTED of float32 data and integer weights."""
    depth, units = d.integer(1, 40), d.integer(1, 12)
    rows = d.integer(1, 5)
    g = GraphBuilder()
    x = g.input("x", (rows, depth))
    w_type = weights_type(dtype)
    w_scales = draw_weight_scales(d, units)
    w = g.constant("w", codes(d, (units, depth), w_type), w_type, scale=w_scales)
    b = g.constant("b", reals(d, (units,))) if chance(d, 70) else -1
    y = g.tensor("y", (rows, units))
    options = {
        "fused_activation_function": choice(d, ACTIVATIONS),
        "asymmetric_quantize_inputs": chance(d, 50),
    }
    g.operator("FULLY_CONNECTED", [x, w, b], [y], options)
    return Case(g.build(outputs=[y]), [[reals(d, (rows, depth))] for _ in range(3)], 0.0)


@generator(
    "FULLY_CONNECTED",
    "float32",
    "int8",
    "int8x4",
    "int8x2",
    "int16x8",
    "int16x4",
    "int16x2",
    "int16",
)
def fully_connected(d: Draw, dtype: str) -> Case:
    """One FULLY_CONNECTED."""
    depth = d.integer(1, 20) if chance(d, 80) else d.integer(100, 1500)
    units = d.integer(1, 12)
    lead = tuple(d.integer(1, 4) for _ in range(d.integer(0, 3)))
    keep = chance(d, 40)
    rows = int(np.prod(lead, dtype=int))
    x_shape: tuple[int, ...] = (*lead, depth)
    if not keep and chance(d, 20) and depth % 2 == 0:
        x_shape = (*lead, depth // 2, 2)  # rows that run over the last two dimensions
    y_shape = (*lead, units) if keep else (rows, units)
    options: dict[str, Any] = {
        "fused_activation_function": choice(d, ACTIVATIONS),
        "keep_num_dims": keep,
    }
    biased, fed = chance(d, 80), chance(d, 15)
    g = GraphBuilder()
    magnitude = 0.0
    w_shape = (units, depth)
    x_type, _, w_bits = dtype.partition("x")
    w_type = weights_type(dtype)
    fed = fed and w_bits not in ("4", "2")
    bias_type = "float32"
    if dtype == "float32":
        x = g.input("x", x_shape)
        weights = reals(d, w_shape, 1.0)
        magnitude = float(np.abs(weights).sum(axis=1).max())
        w = g.input("w", w_shape) if fed else g.constant("w", weights)
        operands = [x, w]
        bias = reals(d, (units,))
        b_scale = None
        y = g.tensor("y", y_shape)
    else:
        x_scale, x_zero = scale(d, 2.0**-9, 1.0), zero_point(d, x_type)
        w_scales = draw_weight_scales(d, units if dtype != "uint8" else 1)
        y_scale = draw_output_scale(d, x_scale * (256 if x_type == "int16" else 1), w_scales, depth)
        x = g.input("x", x_shape, x_type, scale=x_scale, zero_point=x_zero)
        if dtype == "int16":
            y_scale *= 256
        w_zero = zero_point(d, w_type) if len(w_scales) == 1 and w_bits == "" else 0
        quantization = {"scale": w_scales, "zero_point": [w_zero] * len(w_scales)}
        if fed:
            w = g.input("w", w_shape, w_type, **quantization)
        else:
            w = g.constant("w", codes(d, w_shape, w_type), w_type, **quantization)
        operands = [x, w]
        bias_type = "int64" if x_type == "int16" and chance(d, 50) else "int32"
        # without the option LiteRT reads any bias of int16 by int8 as int64, by int16 as int32
        named = bias_type == "int32" or dtype == "int16"
        if x_type == "int16" and (named or chance(d, 50)):
            options["quantized_bias_type"] = bias_type
        bias = draw_bias(d, units, bias_type, depth)
        b_scale = [x_scale * s for s in w_scales]
        # LiteRT reads the bias of uint8 to int16 unasked: without one it dies (SIGSEGV)
        y_type = "int16" if dtype == "uint8" and biased and chance(d, 30) else x_type
        y_scale /= 256 if y_type != x_type else 1
        y_zero = zero_point(d, y_type)
        y = g.tensor("y", y_shape, y_type, scale=y_scale, zero_point=y_zero)
    if biased and fed and chance(d, 50):
        operands.append(g.input("b", (units,), bias_type, scale=b_scale))
    elif biased:
        operands.append(g.constant("b", bias, bias_type, scale=b_scale))
    else:
        operands.append(-1)
    version = {"int16": 11}.get(x_type)
    g.operator("FULLY_CONNECTED", operands, [y], options, version=version)
    model = g.build(outputs=[y])
    samples = []
    for _ in range(3):
        sample = [inputs(d, x_shape, x_type)]
        if fed:
            sample.append(weights if dtype == "float32" else codes(d, w_shape, w_type))
        if len(model.subgraphs[0].inputs) == 3:
            sample.append(bias if dtype == "float32" else draw_bias(d, units, bias_type, depth))
        samples.append(sample)
    bound = sum_bound(depth, magnitude, samples)
    return Case(model, samples, float_absolute=bound)


@generator("FULLY_CONNECTED", "float32x4")
def fully_connected_int4(d: Draw, dtype: str) -> Case:
    """Weights with scales per tensor or unit, or with a scale per block of their depth."""
    if chance(d, 70):
        return fully_connected_dynamic(d, dtype)
    block = choice(d, [32, 32, 16, 64])
    blocks, units, rows = d.integer(2, 5), d.integer(4, 9), d.integer(1, 4)
    depth = block * blocks
    g = GraphBuilder()
    x = g.input("x", (rows, depth))
    scales = np.array([scale(d, 2.0**-9, 2.0**-3) for _ in range(units * blocks)], np.float16)
    tensor = g.constant("scales", scales.reshape(units, blocks))
    details = ("BlockwiseQuantization", {"scales": tensor, "zero_points": -1, "block_size": block})
    quantization = Quantization(np.empty(0, np.float32), np.empty(0, np.int64), 0, details=details)
    w = g.constant("w", codes(d, (units, depth), "int4"), "int4", quantization=quantization)
    b = g.constant("b", reals(d, (units,))) if chance(d, 70) else -1
    y = g.tensor("y", (rows, units))
    g.operator("FULLY_CONNECTED", [x, w, b], [y], version=12)
    samples = [[reals(d, (rows, depth))] for _ in range(3)]
    # LiteRT's reference kernel takes the scales for 0: see known_differences
    undefined = frozenset({"runtime:litert-reference"})
    return Case(g.build(outputs=[y]), samples, 0.0, undefined=undefined)


@generator("FULLY_CONNECTED", "uint8")
def fully_connected_uint8(d: Draw, dtype: str) -> Case:
    """Weights as they are, or shuffled."""
    if chance(d, 80):
        return fully_connected(d, dtype)
    rows, units, depth = choice(d, [1, 4]), 4 * d.integer(1, 4), 16 * d.integer(1, 5)
    g = GraphBuilder()
    x_scale, w_scale = scale(d, 2.0**-9, 1.0), scale(d, 2.0**-9, 2.0**-3)
    x = g.input("x", (rows, depth), "uint8", scale=x_scale, zero_point=128)
    w = g.constant("w", codes(d, (units, depth), "uint8"), scale=w_scale, zero_point=128)
    product = float(np.float32(x_scale) * np.float32(w_scale))
    b = g.constant("b", draw_bias(d, units, "int32", depth), scale=product)
    y_scale = draw_output_scale(d, x_scale, [w_scale], depth) / 256
    y = g.tensor("y", (rows, units), "int16", scale=y_scale, zero_point=0)
    z = g.tensor("z", (rows, depth), "uint8", scale=x_scale, zero_point=128)
    options = {
        "fused_activation_function": choice(d, ACTIVATIONS),
        "weights_format": "SHUFFLED4x16INT8",
    }
    g.operator("FULLY_CONNECTED", [x, w, b], [y, z], options, version=2)
    samples = [[codes(d, (rows, depth), "uint8")] for _ in range(3)]
    return Case(g.build(outputs=[y, z]), samples)
