"""Pools: odd windows and strides, both paddings, every activation."""

from __future__ import annotations

from typing import Any

from conformance.operators.case import Case, generator
from conformance.operators.cases.conv import output_size
from conformance.operators.draw import ACTIVATIONS, Draw, chance, choice, inputs, scale, zero_point
from refinterp.graph.build import GraphBuilder


def draw_pool(d: Draw) -> tuple[dict[str, Any], tuple[int, int], tuple[int, int]]:
    """Options, input size and window; the window may reach beyond a padded image."""
    kernel = (d.integer(1, 5), d.integer(1, 5))
    padding = choice(d, ["SAME", "VALID"])
    least = kernel if padding == "VALID" else (1, 1)
    size = (d.integer(least[0], least[0] + 7), d.integer(least[1], least[1] + 7))
    options: dict[str, Any] = {
        "padding": padding,
        "stride_h": d.integer(1, 4),
        "stride_w": d.integer(1, 4),
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "fused_activation_function": choice(d, ACTIVATIONS),
    }
    return options, size, kernel


def pool(d: Draw, dtype: str, operator: str) -> Case:
    """One pool."""
    options, size, kernel = draw_pool(d)
    channels = d.integer(1, 6) if chance(d, 80) else d.integer(30, 70)
    x_shape = (d.integer(1, 2), *size, channels)
    y_shape = (x_shape[0], *output_size(options, size, kernel), channels)
    quantization: dict[str, Any] = {}
    if dtype != "float32":
        quantization = {"scale": scale(d, 2.0**-9, 1.0), "zero_point": zero_point(d, dtype)}
    g = GraphBuilder()
    x = g.input("x", x_shape, dtype, **quantization)
    y = g.tensor("y", y_shape, dtype, **quantization)
    g.operator(operator, [x], [y], options)
    return Case(g.build(outputs=[y]), [[inputs(d, x_shape, dtype)] for _ in range(3)], 0.0)


@generator("AVERAGE_POOL_2D", "float32", "int8", "uint8", "int16")
def average_pool_2d(d: Draw, dtype: str) -> Case:
    """One AVERAGE_POOL_2D."""
    return pool(d, dtype, "AVERAGE_POOL_2D")


@generator("MAX_POOL_2D", "float32", "int8", "uint8", "int16")
def max_pool_2d(d: Draw, dtype: str) -> Case:
    """One MAX_POOL_2D."""
    return pool(d, dtype, "MAX_POOL_2D")


@generator("L2_POOL_2D", "float32")
def l2_pool_2d(d: Draw, dtype: str) -> Case:
    """One L2_POOL_2D."""
    return pool(d, dtype, "L2_POOL_2D")
