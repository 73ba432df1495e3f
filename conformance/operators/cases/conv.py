"""CONV_2D: groups, dilation, odd strides, both paddings, per-tensor and per-channel scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
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
from refinterp.numerics.window import window


def draw_window(d: Draw, kernel: tuple[int, int]) -> tuple[dict[str, Any], tuple[int, int]]:
    """Strides, dilation and padding for a kernel, and an input size that leaves an output."""
    dilated = chance(d, 30)
    options: dict[str, Any] = {
        "padding": choice(d, ["SAME", "VALID"]),
        "stride_h": d.integer(1, 3),
        "stride_w": d.integer(1, 3),
        "dilation_h_factor": d.integer(1, 3) if dilated else 1,
        "dilation_w_factor": d.integer(1, 3) if dilated else 1,
    }
    size = []
    for extent, axis in zip(kernel, "hw", strict=True):
        reach = (extent - 1) * options[f"dilation_{axis}_factor"] + 1
        least = reach if options["padding"] == "VALID" else 1
        size.append(d.integer(least, least + 7))
    return options, (size[0], size[1])


def output_size(
    options: dict[str, Any], size: tuple[int, int], kernel: tuple[int, int]
) -> tuple[int, int]:
    """Height and width of the output."""
    rows, columns = (
        window(
            options["padding"],
            size[i],
            kernel[i],
            options[f"stride_{axis}"],
            options.get(f"dilation_{axis}_factor", 1),
            where=axis,
        ).size
        for i, axis in enumerate("hw")
    )
    return rows, columns


def weights_type(dtype: str) -> str:
    """The type of the weights in a dtype key."""
    data, _, bits = dtype.partition("x")
    return {"": data, "8": "int8", "4": "int4", "2": "int2"}[bits]


def draw_weight_scales(d: Draw, channels: int) -> list[float]:
    """One scale, or one per channel; now and then a channel that is all but dead."""
    if chance(d, 30):
        return [scale(d, 2.0**-9, 2.0**-3)]
    scales = [scale(d, 2.0**-9, 2.0**-3) for _ in range(channels)]
    if chance(d, 20):
        scales[d.integer(0, channels - 1)] = 1e-9
    return scales


def draw_output_scale(d: Draw, x_scale: float, w_scales: list[float], depth: int) -> float:
    """An output scale that lets most sums land inside the range; sometimes a wild one."""
    if chance(d, 10):
        return scale(d, 2.0**-12, 2.0**4)
    typical = x_scale * max(w_scales) * 40 * np.sqrt(max(depth, 1)) * 60
    return scale(d, max(typical / 256, 2.0**-30), max(typical / 32, 2.0**-29))


def draw_bias(d: Draw, channels: int, dtype: str, depth: int) -> Any:
    """Biases of the size of the sums; sometimes far beyond, up to sums that wrap in int32."""
    typical = int(40 * np.sqrt(max(depth, 1)) * 60)
    span = typical if chance(d, 85) else choice(d, [2**29, 2**31 - 1])
    return d.rng.integers(-span, span + 1, channels).astype(dtype)


@generator("CONV_2D", "float32", "int8", "int8x4", "int16x8", "int16x4", "uint8")
def conv_2d(d: Draw, dtype: str) -> Case:
    """One CONV_2D."""
    kernel = (d.integer(1, 4), d.integer(1, 4))
    options, size = draw_window(d, kernel)
    groups = choice(d, [1, 1, 1, 2, 3]) if not dtype.endswith("x4") else 1
    per_group = d.integer(1, 5) if chance(d, 80) else d.integer(30, 70)
    channels = groups * d.integer(1, 6)
    depth = kernel[0] * kernel[1] * per_group
    options["fused_activation_function"] = choice(d, ACTIVATIONS)
    x_shape = (d.integer(1, 2), *size, per_group * groups)
    y_shape = (x_shape[0], *output_size(options, size, kernel), channels)
    w_shape = (channels, *kernel, per_group)
    biased = chance(d, 80)
    g = GraphBuilder()
    magnitude = 0.0
    if dtype == "float32":
        x = g.input("x", x_shape)
        weights = reals(d, w_shape, 1.0)
        magnitude = float(np.abs(weights).reshape(channels, -1).sum(axis=1).max())
        operands = [x, g.constant("w", weights)]
        if biased:
            operands.append(g.constant("b", reals(d, (channels,))))
        y = g.tensor("y", y_shape)
        x_type = "float32"
    else:
        x_type = dtype.split("x")[0]
        w_type = weights_type(dtype)
        x_scale, x_zero = scale(d, 2.0**-9, 1.0), zero_point(d, x_type)
        w_scales = draw_weight_scales(d, channels if dtype != "uint8" else 1)
        w_zeros = [zero_point(d, w_type) if dtype == "uint8" else 0] * len(w_scales)
        y_scale = draw_output_scale(d, x_scale * (256 if x_type == "int16" else 1), w_scales, depth)
        y_zero = zero_point(d, x_type)
        x = g.input("x", x_shape, x_type, scale=x_scale, zero_point=x_zero)
        w = g.constant("w", codes(d, w_shape, w_type), w_type, scale=w_scales, zero_point=w_zeros)
        operands = [x, w]
        bias_type = "int64" if x_type == "int16" and chance(d, 50) else "int32"
        if x_type == "int16":
            options["quantized_bias_type"] = bias_type
        if biased:
            bias = draw_bias(d, channels, bias_type, depth)
            b_scales = [x_scale * s for s in w_scales]
            operands.append(g.constant("b", bias, bias_type, scale=b_scales))
        y = g.tensor("y", y_shape, x_type, scale=y_scale, zero_point=y_zero)
    g.operator("CONV_2D", operands, [y], options)
    samples = [[inputs(d, x_shape, x_type)] for _ in range(3)]
    bound = sum_bound(depth, magnitude, samples)
    return Case(g.build(outputs=[y]), samples, float_absolute=bound)


@generator("CONV_2D", "float32x8", "float32x4")
def conv_2d_dynamic(d: Draw, dtype: str) -> Case:
    """One CONV_2D of float32 data and integer weights."""
    kernel = (d.integer(1, 4), d.integer(1, 4))
    options, size = draw_window(d, kernel)
    groups = choice(d, [1, 1, 1, 2, 3])
    per_group, channels = d.integer(1, 8), groups * d.integer(1, 6)
    options["fused_activation_function"] = choice(d, ACTIVATIONS)
    x_shape = (d.integer(1, 3), *size, per_group * groups)
    y_shape = (x_shape[0], *output_size(options, size, kernel), channels)
    w_shape, w_type = (channels, *kernel, per_group), weights_type(dtype)
    w_scales = draw_weight_scales(d, channels)
    if groups > 1 and len(w_scales) == 1:
        w_scales = w_scales * channels
    g = GraphBuilder()
    x = g.input("x", x_shape)
    w = g.constant("w", codes(d, w_shape, w_type), w_type, scale=w_scales)
    b = g.constant("b", reals(d, (channels,)))
    y = g.tensor("y", y_shape)
    g.operator("CONV_2D", [x, w, b], [y], options)
    return Case(g.build(outputs=[y]), [[reals(d, x_shape)] for _ in range(3)], 0.0)


def sum_bound(depth: int, magnitude: float, samples: list[Any]) -> float:
    """2 * K * eps * sum|x * w| with sum|x * w| <= max|x| * sum|w|; 0 for integer data."""
    largest = max(float(np.abs(sample[0]).max(initial=0)) for sample in samples)
    return 2 * (depth + 2) * float(np.finfo(np.float32).eps) * magnitude * largest
