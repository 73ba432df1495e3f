"""DEPTHWISE_CONV_2D: channel multipliers, dilation, odd strides, both paddings, all scales."""

from __future__ import annotations

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.conv import (
    draw_bias,
    draw_output_scale,
    draw_weight_scales,
    draw_window,
    output_size,
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


@generator("DEPTHWISE_CONV_2D", "float32", "int8", "int8x4", "int16x8", "uint8")
def depthwise_conv_2d(d: Draw, dtype: str) -> Case:
    """One DEPTHWISE_CONV_2D; the filter is now and then an input instead of a constant."""
    kernel = (d.integer(1, 5), d.integer(1, 5))
    options, size = draw_window(d, kernel)
    channels = d.integer(1, 6) if chance(d, 80) else d.integer(30, 70)
    multiplier = choice(d, [1, 1, 1, 2, 3])
    out = channels * multiplier
    depth = kernel[0] * kernel[1]
    options["fused_activation_function"] = choice(d, ACTIVATIONS)
    options["depth_multiplier"] = multiplier
    x_shape = (d.integer(1, 2), *size, channels)
    y_shape = (x_shape[0], *output_size(options, size, kernel), out)
    w_shape = (1, *kernel, out)
    biased = chance(d, 80)
    g = GraphBuilder()
    magnitude, fed = 0.0, False
    if dtype == "float32":
        x_type = "float32"
        x = g.input("x", x_shape)
        weights = reals(d, w_shape, 1.0)
        magnitude = float(np.abs(weights).sum(axis=(0, 1, 2)).max())
        operands = [x, g.constant("w", weights)]
        if biased:
            operands.append(g.constant("b", reals(d, (out,))))
        y = g.tensor("y", y_shape)
    else:
        x_type = dtype.split("x")[0]
        w_type = weights_type(dtype)
        x_scale, x_zero = scale(d, 2.0**-9, 1.0), zero_point(d, x_type)
        w_scales = draw_weight_scales(d, out if dtype != "uint8" else 1)
        w_zeros = [zero_point(d, w_type) if dtype == "uint8" else 0] * len(w_scales)
        y_scale = draw_output_scale(d, x_scale * (256 if x_type == "int16" else 1), w_scales, depth)
        y_zero = zero_point(d, x_type)
        x = g.input("x", x_shape, x_type, scale=x_scale, zero_point=x_zero)
        fed = w_type == "int8" and chance(d, 15)
        quantization = {"scale": w_scales, "zero_point": w_zeros, "quantized_dimension": 3}
        if fed:
            w = g.input("w", w_shape, w_type, **quantization)
        else:
            w = g.constant("w", codes(d, w_shape, w_type), w_type, **quantization)
        operands = [x, w]
        if biased:
            bias_type = "int64" if x_type == "int16" else "int32"
            bias = draw_bias(d, out, bias_type, depth)
            b_scales = [x_scale * s for s in w_scales]
            operands.append(g.constant("b", bias, bias_type, scale=b_scales))
        y = g.tensor("y", y_shape, x_type, scale=y_scale, zero_point=y_zero)
    g.operator("DEPTHWISE_CONV_2D", operands, [y], options)
    samples = [[inputs(d, x_shape, x_type)] for _ in range(3)]
    if fed:
        for sample in samples:
            sample.append(codes(d, w_shape, "int8"))
    bound = sum_bound(depth, magnitude, samples)
    return Case(g.build(outputs=[y]), samples, float_absolute=bound)


@generator("DEPTHWISE_CONV_2D", "float32x8")
def depthwise_conv_2d_dynamic(d: Draw, dtype: str) -> Case:
    """One DEPTHWISE_CONV_2D of float32 data and int8 weights."""
    kernel = (d.integer(1, 5), d.integer(1, 5))
    options, size = draw_window(d, kernel)
    channels, multiplier = d.integer(1, 8), choice(d, [1, 1, 2, 3])
    out = channels * multiplier
    options["fused_activation_function"] = choice(d, ACTIVATIONS)
    options["depth_multiplier"] = multiplier
    x_shape = (d.integer(1, 3), *size, channels)
    y_shape = (x_shape[0], *output_size(options, size, kernel), out)
    w_shape = (1, *kernel, out)
    w_scales = [scale(d, 2.0**-9, 2.0**-3) for _ in range(out)]
    g = GraphBuilder()
    operands = [
        g.input("x", x_shape),
        g.constant("w", codes(d, w_shape, "int8"), "int8", scale=w_scales, quantized_dimension=3),
    ]
    if chance(d, 80):
        operands.append(g.constant("b", reals(d, (out,))))
    y = g.tensor("y", y_shape)
    g.operator("DEPTHWISE_CONV_2D", operands, [y], options)
    return Case(g.build(outputs=[y]), [[reals(d, x_shape)] for _ in range(3)], 0.0)
