"""Element-wise functions of one tensor, QUANTIZE, DEQUANTIZE, and SOFTMAX."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, codes, inputs, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Shape

ULP = float(np.finfo(np.float32).eps)


def ulp(dtype: str) -> float:
    """The spacing of a float type's numbers, relative; float32's for others."""
    return float(np.finfo(np.float16).eps) if dtype == "float16" else ULP


def draw_shape(d: Draw) -> Shape:
    """A small shape of any rank; now and then a long one."""
    dims = shape(d, d.integer(1, 4))
    return (d.integer(1, 3), d.integer(1000, 30000)) if chance(d, 5) else dims


def draw_data(d: Draw, dims: Shape, dtype: str) -> Any:
    """Data of a type; 8-bit codes include every one of them half the time."""
    if dtype in ("int8", "uint8") and chance(d, 50):
        every = np.arange(256, dtype=np.uint8).view(dtype)
        return np.resize(d.rng.permutation(every), dims)
    return inputs(d, dims, dtype)


def unary(
    d: Draw,
    operator: str,
    dtype: str,
    x_mark: dict[str, Any],
    y_mark: dict[str, Any],
    options: dict[str, Any] | None = None,
    *,
    y_dtype: str | None = None,
    dims: Shape | None = None,
    float_tolerance: float = 0.0,
    version: int | None = None,
) -> Case:
    """A model of one operator from x to y of the same shape, and three samples."""
    dims = draw_shape(d) if dims is None else dims
    g = GraphBuilder()
    x = g.input("x", dims, dtype, **x_mark)
    y = g.tensor("y", dims, y_dtype or dtype, **y_mark)
    g.operator(operator, [x], [y], options, version=version)
    samples = [[draw_data(d, dims, dtype)] for _ in range(3)]
    return Case(g.build(outputs=[y]), samples, float_tolerance=float_tolerance)


def mark(d: Draw, dtype: str, low: float, high: float) -> dict[str, Any]:
    """Scale and zero point for a quantized type, nothing for others."""
    if dtype not in ("int8", "uint8", "int16", "int32"):
        return {}
    zero = 0 if dtype == "int32" else zero_point(d, dtype)
    return {"scale": scale(d, low, high), "zero_point": zero}


def rescaling_marks(d: Draw, dtype: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Input and output quantization: related scales, the same, or wild ones."""
    x = mark(d, dtype, 2.0**-10, 1.0)
    if not x:
        return {}, {}
    kind = choice(d, ["near", "near", "same", "wild"])
    if kind == "same":
        return x, dict(x)
    spread = 4.0 if kind == "near" else 2.0**9
    return x, mark(d, dtype, x["scale"] / spread, x["scale"] * spread)


@generator("RELU", "float32", "int8", "uint8", "int16")
def relu(d: Draw, dtype: str) -> Case:
    """One RELU."""
    return unary(d, "RELU", dtype, *rescaling_marks(d, dtype))


@generator("RELU6", "float32", "int8", "uint8", "int16")
def relu6(d: Draw, dtype: str) -> Case:
    """One RELU6."""
    return unary(d, "RELU6", dtype, *rescaling_marks(d, dtype))


@generator("RELU_N1_TO_1", "float32", "int8", "uint8")
def relu_n1_to_1(d: Draw, dtype: str) -> Case:
    """One RELU_N1_TO_1."""
    return unary(d, "RELU_N1_TO_1", dtype, *rescaling_marks(d, dtype))


@generator("RELU_0_TO_1", "float32", "int8", "uint8")
def relu_0_to_1(d: Draw, dtype: str) -> Case:
    """One RELU_0_TO_1."""
    return unary(d, "RELU_0_TO_1", dtype, *rescaling_marks(d, dtype))


@generator("LEAKY_RELU", "float32", "int8", "uint8", "int16")
def leaky_relu(d: Draw, dtype: str) -> Case:
    """One LEAKY_RELU; alpha may be above one, zero or negative."""
    alpha = choice(d, [0.1, 0.25, 0.0, 1.0, 1.5, -0.3, d.integer(-1000, 1000) / 777.0])
    return unary(d, "LEAKY_RELU", dtype, *rescaling_marks(d, dtype), {"alpha": alpha})


@generator("HARD_SWISH", "float32", "int8", "uint8")
def hard_swish(d: Draw, dtype: str) -> Case:
    """One HARD_SWISH; the output's scale is above 1/128 of the input's, as C demands."""
    x = mark(d, dtype, 2.0**-16 if chance(d, 10) else 2.0**-8, 2.0**3 if chance(d, 10) else 0.25)
    y: dict[str, Any] = {}
    if x:
        wild = chance(d, 15)
        y = mark(d, dtype, x["scale"] / (64 if wild else 4), x["scale"] * (2.0**9 if wild else 4))
    return unary(d, "HARD_SWISH", dtype, x, y)


@generator("LOGISTIC", "float32", "float16", "int8", "uint8", "int16")
def logistic(d: Draw, dtype: str) -> Case:
    """One LOGISTIC, with the output scale both runtimes ask for."""
    x = mark(d, dtype, *((2.0**-15, 2.0**-6) if dtype == "int16" else (2.0**-10, 2.0)))
    y: dict[str, Any] = {
        "int8": {"scale": 1 / 256, "zero_point": -128},
        "uint8": {"scale": 1 / 256, "zero_point": 0},
        "int16": {"scale": 1 / 32768, "zero_point": 0},
    }.get(dtype, {})
    if dtype == "int16" and chance(d, 30):
        x["scale"] = 2.0**-12
    return unary(d, "LOGISTIC", dtype, x, y, float_tolerance=2 * ulp(dtype))


@generator("TANH", "float32", "float16", "int8", "uint8", "int16")
def tanh(d: Draw, dtype: str) -> Case:
    """One TANH, with the output scale the converter gives."""
    x = mark(d, dtype, *((2.0**-15, 2.0**-6) if dtype == "int16" else (2.0**-10, 2.0)))
    y: dict[str, Any] = {
        "int8": {"scale": 1 / 128, "zero_point": 0},
        "uint8": {"scale": 1 / 128, "zero_point": 128},
        "int16": {"scale": 1 / 32768, "zero_point": 0},
    }.get(dtype, {})
    if dtype == "int16" and chance(d, 30):
        x["scale"] = 2.0 ** -choice(d, [12, 11])
    return unary(d, "TANH", dtype, x, y, float_tolerance=2 * ulp(dtype))


@generator("SOFTMAX", "float32", "float16", "int8", "uint8", "int16")
def softmax(d: Draw, dtype: str) -> Case:
    """One SOFTMAX; 8-bit input may have an int16 output."""
    beta = choice(d, [1.0, 1.0, 0.5, 2.0, d.integer(1, 4000) / 1000.0])
    x = mark(d, dtype, 2.0**-12, 2.0**-2) if dtype != "int16" else mark(d, dtype, 2.0**-16, 2.0**-8)
    y_dtype = "int16" if dtype == "int8" and chance(d, 25) else dtype
    y: dict[str, Any] = {
        "int8": {"scale": 1 / 256, "zero_point": -128},
        "uint8": {"scale": 1 / 256, "zero_point": 0},
        "int16": {"scale": 1 / 32768, "zero_point": 0},
    }.get(y_dtype, {})
    if dtype == "int8" and y_dtype == "int16":
        y = {"scale": 1 / 65536, "zero_point": -32768}
    lead = shape(d, d.integer(0, 3))
    depth = d.integer(1, 12) if chance(d, 80) else d.integer(13, 400)
    return unary(
        d,
        "SOFTMAX",
        dtype,
        x,
        y,
        {"beta": beta},
        y_dtype=y_dtype,
        dims=(*lead, depth),
        float_tolerance=4 * ULP,
    )


@generator("QUANTIZE", "float32", "int8", "uint8", "int16", "int32")
def quantize(d: Draw, dtype: str) -> Case:
    """One QUANTIZE to any type a runtime has."""
    targets = {
        "float32": ["int8", "int8", "int16", "uint8", "int4", "uint4"],
        "int8": ["int8", "int8", "uint8", "int16", "int32"],
        "uint8": ["int8", "uint8"],
        "int16": ["int8", "int16", "int32"],
        "int32": ["int8", "int16"],
    }
    y_dtype = choice(d, targets[dtype])
    dims = draw_shape(d)
    x = mark(d, dtype, 2.0**-10, 1.0)
    base = x.get("scale", 2.0**-4)
    spread = 4.0 if chance(d, 80) else 2.0**8
    if dtype == "int32":
        base *= 2.0**22
    y = mark(d, y_dtype, base / spread, base * spread)
    if y_dtype in ("int4", "uint4"):
        y = {"scale": scale(d, base, base * 16), "zero_point": zero_point(d, y_dtype)}
    if dtype == "float32" and y_dtype not in ("int4", "uint4") and chance(d, 20):
        axis = d.integer(0, len(dims) - 1)
        count = dims[axis]
        y = {
            "scale": [scale(d, 2.0**-8, 1.0) for _ in range(count)],
            "zero_point": [0 if y_dtype == "int16" else zero_point(d, y_dtype)] * count,
            "quantized_dimension": axis,
        }
    case = unary(d, "QUANTIZE", dtype, x, y, y_dtype=y_dtype, dims=dims)
    if dtype == "float32" and np.ndim(y["scale"]) == 0 and chance(d, 50):
        if chance(d, 20):  # quotients beyond int32, and no numbers at all
            case.samples[0][0] = d.rng.choice(
                np.array([3e38, -3e38, 1e10, -1e10, np.inf, -np.inf, np.nan, 0.0], np.float32), dims
            )
        for sample in case.samples[1:]:  # values midway between codes, where rounding rules part
            halves = d.rng.integers(-600, 600, dims) / 2
            sample[0] = (halves * y["scale"]).astype(np.float32)
    return case


@generator("DEQUANTIZE", "int8", "uint8", "int16", "float16", "int4", "uint4", "int2")
def dequantize(d: Draw, dtype: str) -> Case:
    """One DEQUANTIZE; 8-bit input may have a scale per channel."""
    dims = draw_shape(d)
    x = mark(d, dtype, 2.0**-12, 8.0)
    if dtype in ("int8", "uint8") and chance(d, 20):
        axis = d.integer(0, len(dims) - 1)
        x = {
            "scale": [scale(d, 2.0**-8, 1.0) for _ in range(dims[axis])],
            "zero_point": [zero_point(d, dtype) for _ in range(dims[axis])],
            "quantized_dimension": axis,
        }
    g = GraphBuilder()
    packed = dtype in ("int4", "uint4", "int2")  # only as constants, as converters write them
    if packed:
        x = {"scale": scale(d, 2.0**-8, 1.0), "zero_point": zero_point(d, dtype)}
        tensor = g.constant("x", codes(d, dims, dtype), dtype, **x)
    else:
        tensor = g.input("x", dims, dtype, **x)
    y = g.tensor("y", dims)
    g.operator("DEQUANTIZE", [tensor], [y])
    if dtype == "float16":
        samples = [[d.rng.standard_normal(dims).astype(np.float16)] for _ in range(3)]
    elif packed:
        samples = [[]]
    else:
        samples = [[draw_data(d, dims, dtype)] for _ in range(3)]
    return Case(g.build(outputs=[y]), samples, float_tolerance=0.0)
