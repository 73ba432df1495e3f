"""BATCH_MATMUL: ranks 2 to 5, leading dimensions that broadcast, either factor turned or fed."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.conv import draw_output_scale, weights_type
from conformance.operators.draw import Draw, chance, codes, inputs, reals, scale, zero_point
from refinterp.graph.build import GraphBuilder


def draw_shapes(
    d: Draw, options: dict[str, Any]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
    """Shapes of the factors and the product, and the depth."""
    rows, depth, columns = d.integer(1, 5), d.integer(1, 8), d.integer(1, 5)
    if chance(d, 20):
        depth = d.integer(200, 400)
    lead = [d.integer(1, 3) for _ in range(d.integer(0, 3))]
    left = [1 if chance(d, 25) else n for n in lead]
    right = [1 if chance(d, 25) else n for n in lead]
    product = [max(pair) for pair in zip(left, right, strict=True)]
    if chance(d, 25):
        drop = d.integer(0, len(lead))
        right = right[drop:]
        product = [*left[:drop], *product[drop:]]
    x = (*left, *((depth, rows) if options["adj_x"] else (rows, depth)))
    w = (*right, *((columns, depth) if options["adj_y"] else (depth, columns)))
    return x, w, (*product, rows, columns), depth


@generator("BATCH_MATMUL", "float32", "int8", "int16", "int16x8", "float32x8")
def batch_matmul(d: Draw, dtype: str) -> Case:
    """One BATCH_MATMUL."""
    options = {"adj_x": chance(d, 35), "adj_y": chance(d, 35)}
    x_shape, w_shape, y_shape, depth = draw_shapes(d, options)
    x_type = dtype.split("x")[0] if dtype != "float32" else dtype
    x_type = "float32" if dtype.startswith("float32") else x_type
    w_type = x_type if dtype == "float32" else weights_type(dtype.replace("float32", "float", 1))
    mine: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    result: dict[str, Any] = {}
    y_type = "int32" if dtype == "int8" and chance(d, 15) else x_type  # TFLM: int8 only
    if x_type != "float32":
        mine = {"scale": scale(d, 2.0**-9, 1.0), "zero_point": zero_point(d, x_type)}
        theirs = {
            "scale": scale(d, 2.0**-9, 2.0**-3),
            "zero_point": zero_point(d, w_type) if x_type == "int8" else 0,
        }
        wide = (256 if x_type == "int16" else 1) * (256 if w_type == "int16" else 1)
        y_scale = draw_output_scale(d, mine["scale"] * wide, [theirs["scale"]], depth)
        result = {"scale": y_scale, "zero_point": zero_point(d, x_type)}
    elif w_type == "int8":
        theirs = {"scale": scale(d, 2.0**-9, 2.0**-3)}
        columns = -2 if options["adj_y"] else -1
        if chance(d, 40) and w_shape[columns] > 1:
            theirs = {
                "scale": [scale(d, 2.0**-9, 2.0**-3) for _ in range(w_shape[columns])],
                "quantized_dimension": len(w_shape) + columns,
            }
        five = len(w_shape) == 5 and w_shape[0] > 1  # of which LiteRT sums too few weights
        options["asymmetric_quantize_inputs"] = not five and chance(d, 50)
    g = GraphBuilder()
    x = g.input("x", x_shape, x_type, **mine)
    fed = chance(d, 50)
    weights = reals(d, w_shape) if w_type == "float32" else codes(d, w_shape, w_type)
    if fed:
        w = g.input("w", w_shape, w_type, **theirs)
    else:
        w = g.constant("w", weights, w_type, **theirs)
    y = g.tensor("y", y_shape, y_type, **result)
    g.operator("BATCH_MATMUL", [x, w], [y], options)
    samples = []
    for _ in range(3):
        sample = [inputs(d, x_shape, x_type)]
        samples.append([*sample, weights] if fed else sample)
    bound = 0.0
    if dtype == "float32":
        largest = max(float(np.abs(sample[0]).max()) for sample in samples)
        magnitude = depth * float(np.abs(weights).max())
        bound = 2 * (depth + 2) * float(np.finfo(np.float32).eps) * magnitude * largest
    return Case(g.build(outputs=[y]), samples, 0.0, bound)
