"""GRAPH: branchy models of 5 to 30 operators, every tensor of which is compared.

Each operator takes tensors made so far, so that inputs are shared and branches meet again. Output
scales follow an estimate of the values' size, kept per tensor, so that few codes are clipped. A
third of the graphs keep to what TFLM runs. The integer graphs hold integer operators only; "mixed"
graphs change the type on the way, and in float32 use operators whose every bit is defined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    zero_point,
)
from refinterp.graph.build import GraphBuilder
from refinterp.numerics.window import window

_HALF = {"int8": 127, "int16": 32767, "uint8": 127}
_MOST = 4096  # elements of one tensor


@dataclass(frozen=True, slots=True)
class MadeTensor:
    """A tensor made so far. size: about how large its reals are."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero: int
    size: float


@dataclass(slots=True)
class Net:
    """A graph in the making. micro: only what TFLM runs; exact: only floats defined to the bit."""

    d: Draw
    g: GraphBuilder
    micro: bool
    exact: bool
    nodes: list[MadeTensor] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def pick(self, accept: Callable[[MadeTensor], bool] = lambda _: True) -> MadeTensor | None:
        """A tensor that the condition holds for; late and unused ones come up more often."""
        found = [n for n in self.nodes if accept(n)]
        if not found:
            return None
        fresh = [n for n in found if n.index not in self.used]
        pool = (
            fresh if fresh and chance(self.d, 60) else found[-6:] if chance(self.d, 60) else found
        )
        return choice(self.d, pool)

    def out(
        self, shape: Sequence[int], dtype: str, size: float, like: MadeTensor | None = None
    ) -> MadeTensor:
        """Add a tensor: quantized as another one, or for reals of a size."""
        shape = tuple(int(s) for s in shape)
        size = min(max(size, 1e-6), 1e6)
        scale, zero = 0.0, 0
        if like is not None:
            scale, zero = like.scale, like.zero
        elif dtype in _HALF:
            scale = size * choice(self.d, [3.0, 2.0, 4.0, 1.0]) / _HALF[dtype]
            if chance(self.d, 25):
                scale = 2.0 ** round(math.log2(scale))
            scale = float(np.float32(scale))
            zero = zero_point(self.d, dtype) if chance(self.d, 50) else 0
            zero = int(np.clip(zero, -40, 40)) if chance(self.d, 70) and dtype == "int8" else zero
        return self.fixed(shape, dtype, scale, zero, size)

    def fixed(
        self, shape: Sequence[int], dtype: str, scale: float, zero: int, size: float
    ) -> MadeTensor:
        """Add a tensor of a given quantization."""
        mark = {"scale": scale, "zero_point": zero} if scale else {}
        index = self.g.tensor(f"t{len(self.nodes)}", shape, dtype, **mark)
        return MadeTensor(index, tuple(shape), dtype, scale, zero, size)

    def data(self, shape: Sequence[int], dtype: str) -> MadeTensor:
        """Add a constant operand for element-wise operators."""
        node = self.out(shape, dtype, 1.0)
        mark = {"scale": node.scale, "zero_point": node.zero} if node.scale else {}
        values = reals(self.d, shape, 1.0) if dtype == "float32" else codes(self.d, shape, dtype)
        index = self.g.constant("c", values, dtype, **mark)
        return MadeTensor(index, tuple(shape), dtype, node.scale, node.zero, 1.0)

    def ints(self, values: Any) -> int:
        """Add a constant of shapes, axes or counts."""
        return self.g.constant("i", np.array(values, np.int32), "int32")

    def add(
        self,
        operator: str,
        operands: Sequence[MadeTensor | int],
        results: Sequence[MadeTensor],
        options: dict[str, Any] | None = None,
        **rest: Any,
    ) -> bool:
        """Append an operator."""
        given = [n.index if isinstance(n, MadeTensor) else n for n in operands]
        self.g.operator(operator, given, [n.index for n in results], options, **rest)
        self.used.update(given)
        self.nodes += results
        return True


Maker = Callable[[Net], bool]
"""Appends an operator, or returns False where no tensor suits it."""


def _small(n: MadeTensor) -> bool:
    return math.prod(n.shape) <= _MOST // 4


def _image(n: MadeTensor) -> bool:
    return len(n.shape) == 4 and n.dtype != "bool" and _small(n)


def _number(n: MadeTensor) -> bool:
    return n.dtype in ("int8", "int16", "float32")


def unary(net: Net) -> bool:
    """An element-wise function of one tensor."""
    d = net.d
    x = net.pick(_number)
    if x is None:
        return False
    names = ["RELU", "RELU6"]
    if x.dtype == "int8":
        names += ["LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "ABS", "QUANTIZE"]
        if not net.micro:
            names += ["RELU_N1_TO_1", "EXP", "GELU", "PRELU"]
    elif x.dtype == "int16":
        names = ["LOGISTIC", "TANH", "LEAKY_RELU", "QUANTIZE"]
        if not net.micro:
            names += ["ABS", "EXP", "RELU", "RELU6"]
    else:
        names += ["LEAKY_RELU", "ABS", "NEG", "SQUARE"]
        if not net.exact:
            names += ["LOGISTIC", "TANH", "HARD_SWISH"]
    name = choice(d, names)
    options: dict[str, Any] = {}
    if name in ("LOGISTIC", "TANH") and x.dtype != "float32":
        at = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}[name]
        if x.dtype == "int16":
            if net.micro and chance(d, 50):
                return False
            at = (1 / 32768, 0)
        y = net.fixed(x.shape, x.dtype, *at, 0.5)
        return net.add(name, [x], [y])
    like = None
    size = x.size
    if name in ("RELU", "RELU6", "RELU_N1_TO_1") and net.micro and x.dtype == "int8":
        like = x if chance(d, 60) else None
    if name == "LEAKY_RELU":
        options = {"alpha": float(np.float32(choice(d, [0.1, 0.3, 0.01, -0.2, 1.5])))}
    if name == "EXP":
        size = min(math.exp(min(x.size, 3)), 20)
    if name == "SQUARE":
        if x.size > 100:
            return False
        size = x.size**2
    operands: list[MadeTensor | int] = [x]
    if name == "PRELU":
        if len(x.shape) < 2:
            return False
        operands.append(net.data(x.shape[-1:], x.dtype))
    y = net.out(x.shape, x.dtype, size, like)
    return net.add(name, operands, [y], options)


def binary(net: Net) -> bool:
    """An element-wise function of two tensors, or of one and a constant."""
    d = net.d
    x = net.pick(_number)
    if x is None:
        return False
    names = ["ADD", "MUL", "SUB"]
    if x.dtype != "int16":
        names += ["MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"]
    elif not net.micro:
        names += ["MAXIMUM", "MINIMUM"]
    name = choice(d, names)
    other = net.pick(
        lambda n: (
            n.dtype == x.dtype
            and n.index != x.index
            and (
                n.shape == x.shape
                or (n.shape[-1:] == x.shape[-1:] and math.prod(n.shape) == n.shape[-1])
            )
            and len(n.shape) <= len(x.shape)
            and (name not in ("MAXIMUM", "MINIMUM") or (n.scale, n.zero) == (x.scale, x.zero))
        )
    )
    if name in ("MAXIMUM", "MINIMUM"):
        other = other or x
        y = net.out(x.shape, x.dtype, x.size, x)
        return net.add(name, [x, other], [y])
    if other is None or chance(d, 20):
        other = net.data(choice(d, [x.shape[-1:], (1,), x.shape]), x.dtype)
    options: dict[str, Any] = {"fused_activation_function": choice(d, ACTIVATIONS)}
    if name == "SQUARED_DIFFERENCE":
        options = {}
        size = (x.size + other.size) ** 2
    else:
        size = x.size * other.size if name == "MUL" else math.hypot(x.size, other.size)
    if name in ("ADD", "SUB"):
        options["pot_scale_int16"] = False
    if x.dtype == "float32" and size > 1e4:
        return False
    pair: list[MadeTensor | int] = [x, other] if chance(d, 70) else [other, x]
    return net.add(name, pair, [net.out(x.shape, x.dtype, size)], options)


def _weights(net: Net, shape: tuple[int, ...], axis: int, dtype: str) -> tuple[int, float, float]:
    """A filter; returns its index, its reals' size, and the largest scale."""
    d = net.d
    if dtype == "float32":
        values = d.rng.standard_normal(shape).astype(np.float32) * 0.5
        return net.g.constant("w", values), 0.5, 0.0
    count = shape[axis] if chance(d, 70) else 1
    scales = [
        float(np.float32(2.0 ** -d.integer(5, 8) * (0.5 + d.rng.random()))) for _ in range(count)
    ]
    values = d.rng.integers(-127, 128, shape)
    index = net.g.constant(
        "w", values, "int8", scale=scales, quantized_dimension=axis if count > 1 else 0
    )
    return index, max(scales) * 73, max(scales)


def _bias(
    net: Net, channels: int, dtype: str, size: float, scale: float, needed: bool = False
) -> int:
    if not needed and chance(net.d, 20):
        return -1
    values = net.d.rng.standard_normal(channels) * size
    if dtype == "float32":
        return net.g.constant("b", values.astype(np.float32))
    kind = "int64" if dtype == "int16" else "int32"
    return net.g.constant("b", np.clip(np.rint(values / max(scale, 1e-12)), -2e9, 2e9).astype(kind))


def conv(net: Net) -> bool:
    """CONV_2D or DEPTHWISE_CONV_2D."""
    d = net.d
    x = net.pick(lambda n: _image(n) and _number(n) and n.shape[3] <= 24)
    if x is None or (x.dtype == "float32" and net.exact):
        return False
    kernel = (d.integer(1, 3), d.integer(1, 3))
    options: dict[str, Any] = {
        "padding": choice(d, ["SAME", "VALID"]),
        "fused_activation_function": choice(d, ACTIVATIONS[:3]),
    }
    stride = d.integer(1, 2)
    out = []
    for axis, (extent, taps) in zip("hw", zip(x.shape[1:3], kernel, strict=True), strict=True):
        dilation = d.integer(1, 2)
        place = window(options["padding"], extent, taps, stride, dilation, where=axis)
        options[f"stride_{axis}"], options[f"dilation_{axis}_factor"] = stride, dilation
        out.append(place.size)
    if min(out) < 1:
        return False
    if chance(d, 60):
        channels, depth = d.integer(1, 8), math.prod(kernel) * x.shape[3]
        w, w_size, w_scale = _weights(net, (channels, *kernel, x.shape[3]), 0, x.dtype)
        name = "CONV_2D"
    else:
        options["depth_multiplier"] = d.integer(1, 2)
        channels, depth = x.shape[3] * options["depth_multiplier"], math.prod(kernel)
        w, w_size, w_scale = _weights(net, (1, *kernel, channels), 3, x.dtype)
        name = "DEPTHWISE_CONV_2D"
    size = x.size * w_size * math.sqrt(depth)
    if x.dtype == "float32" and size > 1e3:
        return False
    b = _bias(net, channels, x.dtype, size, x.scale * w_scale, name == "CONV_2D")
    y = net.out((x.shape[0], *out, channels), x.dtype, size)
    operands = [x, w, b] if b >= 0 else [x, w]
    return net.add(name, operands, [y], options)


def transpose_conv(net: Net) -> bool:
    """TRANSPOSE_CONV."""
    d = net.d
    x = net.pick(lambda n: _image(n) and _number(n) and math.prod(n.shape) <= 400)
    if x is None or (x.dtype == "float32" and net.exact):
        return False
    kernel, stride, padding = d.integer(1, 3), d.integer(1, 2), choice(d, ["SAME", "VALID"])
    out = [n * stride if padding == "SAME" else (n - 1) * stride + kernel for n in x.shape[1:3]]
    channels = d.integer(1, 5)
    w, w_size, w_scale = _weights(net, (channels, kernel, kernel, x.shape[3]), 0, x.dtype)
    size = x.size * w_size * math.sqrt(kernel * kernel * x.shape[3])
    if x.dtype == "float32" and size > 1e3:
        return False
    b = _bias(net, channels, x.dtype, size, x.scale * w_scale)
    y = net.out((x.shape[0], *out, channels), x.dtype, size)
    operands = [net.ints(y.shape), w, x] + ([b] if b >= 0 else [])
    options = {"padding": padding, "stride_h": stride, "stride_w": stride}
    return net.add("TRANSPOSE_CONV", operands, [y], options)


def fully_connected(net: Net) -> bool:
    """FULLY_CONNECTED."""
    d = net.d
    x = net.pick(lambda n: _number(n) and len(n.shape) >= 2 and n.shape[-1] <= 256 and _small(n))
    if x is None or (x.dtype == "float32" and net.exact):
        return False
    channels, depth = d.integer(1, 12), x.shape[-1]
    w, w_size, w_scale = _weights(net, (channels, depth), 0, x.dtype)
    size = x.size * w_size * math.sqrt(depth)
    if x.dtype == "float32" and size > 1e3:
        return False
    b = _bias(net, channels, x.dtype, size, x.scale * w_scale)
    keep = len(x.shape) > 2 and chance(d, 60)
    lead = x.shape[:-1] if keep or len(x.shape) == 2 else (math.prod(x.shape[:-1]),)
    y = net.out((*lead, channels), x.dtype, size)
    options = {"keep_num_dims": keep, "fused_activation_function": choice(d, ACTIVATIONS)}
    return net.add("FULLY_CONNECTED", [x, w, b], [y], options)


def batch_matmul(net: Net) -> bool:
    """BATCH_MATMUL of a tensor by itself, turned."""
    x = net.pick(lambda n: _number(n) and 2 <= len(n.shape) <= 4 and math.prod(n.shape) <= 600)
    if x is None or (x.dtype == "float32" and net.exact) or x.shape[-2] > 40:
        return False
    size = x.size**2 * math.sqrt(x.shape[-1])
    if x.dtype == "float32" and size > 1e3:
        return False
    y = net.out((*x.shape[:-1], x.shape[-2]), x.dtype, size)
    return net.add("BATCH_MATMUL", [x, x], [y], {"adj_x": False, "adj_y": True})


def pool(net: Net) -> bool:
    """AVERAGE_POOL_2D or MAX_POOL_2D."""
    d = net.d
    x = net.pick(lambda n: _image(n) and _number(n))
    if x is None:
        return False
    name = choice(d, ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
    if x.dtype == "float32" and net.exact:
        name = "MAX_POOL_2D"
    options: dict[str, Any] = {
        "padding": choice(d, ["SAME", "VALID"]),
        "fused_activation_function": choice(d, ACTIVATIONS),
    }
    out = []
    for axis, extent in zip("hw", x.shape[1:3], strict=True):
        taps, stride = d.integer(1, 3), d.integer(1, 3)
        place = window(options["padding"], extent, taps, stride, where=axis)
        if place.size < 1:
            return False
        options[{"h": "filter_height", "w": "filter_width"}[axis]] = taps
        options[f"stride_{axis}"] = stride
        out.append(place.size)
    y = net.out((x.shape[0], *out, x.shape[3]), x.dtype, x.size, x)
    return net.add(name, [x], [y], options)


def reduce(net: Net) -> bool:
    """MEAN, REDUCE_MAX, REDUCE_MIN; SUM of floats."""
    d = net.d
    x = net.pick(_number)
    if x is None:
        return False
    name = choice(d, ["MEAN", "REDUCE_MAX", "REDUCE_MIN"])
    if name == "MEAN" and x.dtype == "float32" and net.exact:
        return False
    if net.micro and (x.dtype == "int16" and name != "MEAN"):
        return False
    rank = len(x.shape)
    axes = sorted({d.integer(0, rank - 1) for _ in range(d.integer(1, 2))})
    keep = chance(d, 50)
    shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes]
    if not shape:
        return False
    like = x if name != "MEAN" or chance(d, 30) else None
    y = net.out(shape, x.dtype, x.size, like)
    return net.add(name, [x, net.ints(axes)], [y], {"keep_dims": keep})


def softmax(net: Net) -> bool:
    """SOFTMAX, LOG_SOFTMAX or L2_NORMALIZATION."""
    d = net.d
    x = net.pick(lambda n: _number(n) and len(n.shape) <= 4)
    if x is None or (x.dtype == "float32" and net.exact):
        return False
    name = choice(d, ["SOFTMAX", "SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"])
    if name == "SOFTMAX":
        at = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0), "float32": (0.0, 0)}[x.dtype]
        y = net.fixed(x.shape, x.dtype, *at, 0.3)
        return net.add(name, [x], [y], {"beta": 1.0})
    if x.dtype == "int16" or len(x.shape) < 2:
        return False
    if name == "LOG_SOFTMAX":
        y = net.fixed(x.shape, x.dtype, *((16 / 256, 127) if x.dtype == "int8" else (0.0, 0)), 2.0)
        return net.add(name, [x], [y])
    y = net.fixed(x.shape, x.dtype, *((1 / 128, 0) if x.dtype == "int8" else (0.0, 0)), 0.4)
    return net.add(name, [x], [y])


def reshape(net: Net) -> bool:
    """RESHAPE, SQUEEZE, EXPAND_DIMS or TRANSPOSE."""
    d = net.d
    x = net.pick(lambda n: _number(n))
    if x is None:
        return False
    name = choice(d, ["RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS"])
    rank = len(x.shape)
    if name == "TRANSPOSE":
        order = [int(i) for i in d.rng.permutation(rank)]
        y = net.out([x.shape[i] for i in order], x.dtype, x.size, x)
        return net.add(name, [x, net.ints(order)], [y])
    if name == "SQUEEZE":
        ones = [i for i, n in enumerate(x.shape) if n == 1]
        if not ones or rank < 3:
            return False
        gone = choice(d, ones)
        y = net.out([n for i, n in enumerate(x.shape) if i != gone], x.dtype, x.size, x)
        return net.add(name, [x], [y], {"squeeze_dims": np.array([gone], np.int32)})
    if name == "EXPAND_DIMS":
        if rank > 3:
            return False
        axis = d.integer(0, rank)
        y = net.out([*x.shape[:axis], 1, *x.shape[axis:]], x.dtype, x.size, x)
        return net.add(name, [x, net.ints([axis])], [y])
    rest, shape = math.prod(x.shape), []
    for _ in range(d.integer(1, 3)):
        sizes = [k for k in range(1, 13) if rest % k == 0]
        shape.append(choice(d, sizes))
        rest //= shape[-1]
    shape.insert(d.integer(0, len(shape)), rest)
    y = net.out(shape, x.dtype, x.size, x)
    return net.add(name, [x, net.ints(shape)], [y], {"new_shape": np.array(shape, np.int32)})


def pad(net: Net) -> bool:
    """PAD, PADV2 or MIRROR_PAD."""
    d = net.d
    x = net.pick(lambda n: _number(n) and len(n.shape) <= 4 and _small(n))
    if x is None:
        return False
    name = choice(d, ["PAD", "PAD", "PADV2", "MIRROR_PAD"])
    if name == "MIRROR_PAD" and net.micro and x.dtype == "int16":
        return False
    reflect = choice(d, ["REFLECT", "SYMMETRIC"])
    borders = []
    for size in x.shape:
        most = 2 if name != "MIRROR_PAD" else min(2, size - (reflect == "REFLECT"))
        borders.append([d.integer(0, most), d.integer(0, most)] if chance(d, 60) else [0, 0])
    shape = [n + before + after for n, (before, after) in zip(x.shape, borders, strict=True)]
    if math.prod(shape) > _MOST:
        return False
    y = net.out(shape, x.dtype, x.size, x)
    operands: list[MadeTensor | int] = [x, net.ints(borders)]
    options = {"mode": reflect} if name == "MIRROR_PAD" else None
    if name == "PADV2":
        mark = {"scale": x.scale, "zero_point": x.zero} if x.scale else {}
        value = np.array([choice(d, [0, 1, -5, 100])], x.dtype)
        operands.append(net.g.constant("v", value, x.dtype, **mark))
    return net.add(name, operands, [y], options)


def concatenation(net: Net) -> bool:
    """CONCATENATION, PACK."""
    d = net.d
    x = net.pick(lambda n: _number(n) and len(n.shape) <= 4)
    if x is None:
        return False
    same = [n for n in net.nodes if n.dtype == x.dtype and len(n.shape) == len(x.shape)]
    axis = d.integer(0, len(x.shape) - 1)
    fits = [
        n for n in same
        if all(a == b for i, (a, b) in enumerate(zip(n.shape, x.shape, strict=True)) if i != axis)
        and (n.scale, n.zero) == (x.scale, x.zero)  # LiteRT refuses others
    ]  # fmt: skip
    parts = [x, *(choice(d, fits) for _ in range(d.integer(1, 2)))]
    total = sum(n.shape[axis] for n in parts)
    shape = [total if i == axis else n for i, n in enumerate(x.shape)]
    if math.prod(shape) > _MOST:
        return False
    if chance(d, 25) and len(x.shape) < 4:
        y = net.out([*x.shape[:axis], 2, *x.shape[axis:]], x.dtype, x.size, x)
        return net.add("PACK", [x, x], [y], {"values_count": 2, "axis": axis})
    y = net.out(shape, x.dtype, max(n.size for n in parts), x)
    return net.add(
        "CONCATENATION", parts, [y], {"axis": axis - (len(x.shape) if chance(d, 30) else 0)}
    )


def split(net: Net) -> bool:
    """SPLIT, SPLIT_V or UNPACK."""
    d = net.d
    x = net.pick(lambda n: _number(n) and max(n.shape) >= 2)
    if x is None:
        return False
    axis = choice(d, [i for i, n in enumerate(x.shape) if n >= 2])
    extent = x.shape[axis]

    def part(size: int) -> MadeTensor:
        return net.out(
            [size if i == axis else n for i, n in enumerate(x.shape)], x.dtype, x.size, x
        )

    name = choice(d, ["SPLIT", "SPLIT_V", "UNPACK"])
    if name == "UNPACK":
        if extent > 4 or len(x.shape) < 2 or (net.micro and x.dtype == "int16"):
            return False
        shape = [n for i, n in enumerate(x.shape) if i != axis]
        parts = [net.out(shape, x.dtype, x.size, x) for _ in range(extent)]
        return net.add(name, [x], parts, {"num": extent, "axis": axis})
    if name == "SPLIT":
        count = choice(d, [k for k in (1, 2, 3, 4) if extent % k == 0])
        parts = [part(extent // count) for _ in range(count)]
        return net.add(name, [net.ints(axis), x], parts, {"num_splits": count})
    first = d.integer(1, extent - 1)
    sizes = [first, extent - first]
    operands = [x, net.ints(sizes), net.ints(axis)]
    return net.add(name, operands, [part(n) for n in sizes], {"num_splits": 2})


def take(net: Net) -> bool:
    """SLICE, STRIDED_SLICE, GATHER, TILE, REVERSE_V2 or BROADCAST_TO."""
    d = net.d
    x = net.pick(lambda n: _number(n) and len(n.shape) <= 4 and _small(n))
    if x is None:
        return False
    names = ["SLICE", "STRIDED_SLICE", "GATHER"]
    if not net.micro:
        names += ["TILE", "REVERSE_V2", "BROADCAST_TO"]
    name = choice(d, names)
    rank = len(x.shape)
    if name == "SLICE":
        begin = [d.integer(0, n - 1) for n in x.shape]
        size = [d.integer(1, n - b) for n, b in zip(x.shape, begin, strict=True)]
        y = net.out(size, x.dtype, x.size, x)
        return net.add(name, [x, net.ints(begin), net.ints(size)], [y])
    if name == "STRIDED_SLICE":
        begin = [d.integer(0, n - 1) for n in x.shape]
        end = [d.integer(b + 1, n) for n, b in zip(x.shape, begin, strict=True)]
        step = [d.integer(1, 3) for _ in x.shape]
        shape = [-(-(e - b) // s) for b, e, s in zip(begin, end, step, strict=True)]
        y = net.out(shape, x.dtype, x.size, x)
        operands: list[MadeTensor | int] = [x, net.ints(begin), net.ints(end), net.ints(step)]
        return net.add(name, operands, [y])
    if name == "GATHER":
        if net.micro and x.dtype == "int16":
            return False
        axis = d.integer(0, rank - 1)
        at = d.rng.integers(0, x.shape[axis], d.integer(1, 4))
        y = net.out([*x.shape[:axis], len(at), *x.shape[axis + 1 :]], x.dtype, x.size, x)
        return net.add(name, [x, net.ints(at)], [y], {"axis": axis})
    if name == "TILE":
        times = [d.integer(1, 2) for _ in x.shape]
        y = net.out([n * t for n, t in zip(x.shape, times, strict=True)], x.dtype, x.size, x)
        return net.add(name, [x, net.ints(times)], [y])
    if name == "REVERSE_V2":
        y = net.out(x.shape, x.dtype, x.size, x)
        return net.add(name, [x, net.ints([d.integer(0, rank - 1)])], [y])
    shape = [3 if n == 1 else n for n in x.shape]
    y = net.out(shape, x.dtype, x.size, x)
    return net.add(name, [x, net.ints(shape)], [y])


def space(net: Net) -> bool:
    """SPACE_TO_DEPTH and its relatives, and the resizing operators."""
    d = net.d
    x = net.pick(lambda n: _image(n) and _number(n))
    if x is None or (net.micro and x.dtype == "int16"):
        return False
    b, h, w, c = x.shape
    even = h % 2 == 0 and w % 2 == 0
    names = ["RESIZE_NEAREST_NEIGHBOR"]
    names += ["RESIZE_BILINEAR"] if not (x.dtype == "float32" and net.exact) else []
    names += ["SPACE_TO_DEPTH", "SPACE_TO_BATCH_ND"] if even else []
    names += ["DEPTH_TO_SPACE"] if c % 4 == 0 else []
    names += ["BATCH_TO_SPACE_ND"] if b % 4 == 0 else []
    if x.dtype == "int16":
        names = [n for n in names if not n.endswith("DEPTH") and not n.startswith("DEPTH")]
    name = choice(d, names)
    if name.startswith("RESIZE"):
        new = [d.integer(1, 9), d.integer(1, 9)]
        mode = choice(d, [(False, False), (True, False), (False, True)])
        if b * new[0] * new[1] * c > _MOST:
            return False
        y = net.out((b, *new, c), x.dtype, x.size, x)
        options = {"align_corners": mode[0], "half_pixel_centers": mode[1]}
        return net.add(name, [x, net.ints(new)], [y], options)
    shapes = {
        "SPACE_TO_DEPTH": (b, h // 2, w // 2, c * 4),
        "DEPTH_TO_SPACE": (b, h * 2, w * 2, c // 4),
        "SPACE_TO_BATCH_ND": (b * 4, h // 2, w // 2, c),
        "BATCH_TO_SPACE_ND": (b // 4, h * 2, w * 2, c),
    }
    y = net.out(shapes[name], x.dtype, x.size, x)
    if name.endswith("ND"):
        return net.add(name, [x, net.ints([2, 2]), net.ints([[0, 0], [0, 0]])], [y])
    return net.add(name, [x], [y], {"block_size": 2})


def select(net: Net) -> bool:
    """A comparison of two tensors and, mostly, a SELECT_V2 by what it says."""
    d = net.d
    x = net.pick(lambda n: n.dtype in ("int8", "float32"))
    if x is None:
        return False
    other = net.pick(
        lambda n: (
            n.dtype == x.dtype and n.shape == x.shape and (n.dtype == "float32" or n.scale < 1)
        )
    )
    if other is None or x.scale >= 1 or (x.dtype == "float32" and not net.exact):
        return False
    name = choice(d, ["GREATER", "LESS", "GREATER_EQUAL", "LESS_EQUAL", "EQUAL", "NOT_EQUAL"])
    mask = net.fixed(x.shape, "bool", 0.0, 0, 1.0)
    net.add(name, [x, other], [mask])
    if len(x.shape) > 4 or (x.scale, x.zero) != (other.scale, other.zero):
        return True
    return net.add("SELECT_V2", [mask, x, other], [net.out(x.shape, x.dtype, x.size, x)])


def arg_max(net: Net) -> bool:
    """ARG_MAX or ARG_MIN: indices, which nothing reads."""
    d = net.d
    x = net.pick(lambda n: n.dtype == "int8" or (n.dtype == "float32" and net.exact))
    if x is None or len(x.shape) < 2:
        return False
    axis = d.integer(0, len(x.shape) - 1)
    y = net.fixed([n for i, n in enumerate(x.shape) if i != axis], "int32", 0.0, 0, 1.0)
    name = choice(d, ["ARG_MAX", "ARG_MIN"])
    return net.add(name, [x, net.ints([axis])], [y], {"output_type": "int32"})


def convert(net: Net) -> bool:
    """QUANTIZE or DEQUANTIZE to another type."""
    d = net.d
    x = net.pick(_number)
    if x is None:
        return False
    if x.dtype == "float32":
        dtype = choice(d, ["int8", "int16"])
        return net.add("QUANTIZE", [x], [net.out(x.shape, dtype, x.size)])
    if chance(d, 50):
        return net.add("DEQUANTIZE", [x], [net.out(x.shape, "float32", x.size)])
    dtype = {"int8": "int16", "int16": "int8"}[x.dtype]
    return net.add("QUANTIZE", [x], [net.out(x.shape, dtype, x.size)])


COMMON: tuple[Maker, ...] = (
    unary, unary, binary, binary, conv, conv, fully_connected, pool, reduce, softmax, reshape, pad,
    concatenation, split, take, space, select, arg_max, transpose_conv, batch_matmul,
)  # fmt: skip


@generator("GRAPH", "int8", "int16", "float32", "mixed")
def graph(d: Draw, key: str) -> Case:
    """One graph."""
    g = GraphBuilder()
    mixed = key == "mixed"
    net = Net(d, g, micro=chance(d, 34), exact=mixed)
    live: list[MadeTensor] = []
    for number in range(d.integer(1, 3)):
        dtype = choice(d, ["int8", "int16", "float32"]) if mixed else key
        rank = choice(d, [4, 4, 2, 3])
        shape = (d.integer(1, 2), *(d.integer(1, 8) for _ in range(rank - 1)))
        probe = net.out(shape, dtype, 1.0)
        mark = {"scale": probe.scale, "zero_point": probe.zero} if probe.scale else {}
        index = g.input(f"x{number}", shape, dtype, **mark)
        live.append(MadeTensor(index, shape, dtype, probe.scale, probe.zero, 1.0))
    net.nodes += live
    makers = (*COMMON, convert, convert, convert) if mixed else COMMON
    wanted, made = d.integer(5, 30), 0
    for _ in range(6 * wanted):
        made += choice(d, makers)(net)
        if made >= wanted:
            break
    fixed = {n.index for n in live}
    ends = [n.index for n in net.nodes if n.index not in net.used and n.index not in fixed]
    inner = [n.index for n in net.nodes if n.index in net.used and n.index not in fixed]
    ends += [choice(d, inner)] if inner and chance(d, 30) else []
    samples = [[inputs(d, n.shape, n.dtype) for n in live] for _ in range(2)]
    samples = [[a if a.dtype != np.float32 else np.clip(a, -3, 3) for a in s] for s in samples]
    return Case(g.build(outputs=ends), samples, float_tolerance=1e-4)
