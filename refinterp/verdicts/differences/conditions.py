"""What rows ask of an operator; each answers no for operands that are not there or do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from refinterp.graph.operators import facts
from refinterp.numerics.fixedpoint import log2_if_power
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand


def operand(node: Node, position: int) -> Operand | None:
    """An input, None if it is left out."""
    return node.inputs[position] if node.has(position) else None


def output(node: Node) -> Operand | None:
    """The first output, None if there is none."""
    return node.outputs[0] if node.outputs else None


def narrow_bias(position: int) -> Callable[[Node], bool]:
    """Whether the bias, an input at this position, is int32."""

    def concerns(node: Node) -> bool:
        bias = operand(node, position)
        return bias is not None and bias.dtype == "int32"

    return concerns


def unnamed_bias(position: int) -> Callable[[Node], bool]:
    """Whether the bias is int32 and `quantized_bias_type` does not say so."""
    narrow = narrow_bias(position)
    return lambda node: narrow(node) and node.option("quantized_bias_type") != "int32"


def no_bias(node: Node) -> bool:
    """Whether the third input is left out."""
    return not node.has(2)


def wide_step(node: Node) -> bool:
    """Whether one of two operands has a scale above 1."""
    return any(o is not None and o.scale > 1 for o in node.inputs[:2])


def six_axes(node: Node) -> bool:
    """Whether the first input has more than five axes."""
    x = operand(node, 0)
    return x is not None and x.rank > 5


def pads(node: Node) -> bool:
    """Whether a SPACE_TO_BATCH_ND adds anything; by the sizes where paddings are not constant."""
    paddings = operand(node, 2)
    if paddings is not None and paddings.value is not None:
        return bool(np.any(paddings.value != 0))
    x, y = operand(node, 0), output(node)
    return x is not None and y is not None and y.size > x.size


def finer_than_inputs(node: Node) -> bool:
    """Whether twice the larger input scale is 2**20 output scales or more."""
    scales = [o.scale for o in (*node.inputs[:2], *node.outputs[:1]) if o is not None]
    return len(scales) == 3 and min(scales) > 0 and 2 * max(scales[:2]) >= 2**20 * scales[2]


def shifted_pair(node: Node) -> bool:
    """Whether an ADD works at powers of two on operands of unlike shapes."""
    a, b = operand(node, 0), operand(node, 1)
    if a is None or b is None or not node.option("pot_scale_int16"):
        return False
    steps = [o.scale for o in (a, b, output(node)) if o is not None]
    return a.shape != b.shape and all(s > 0 and log2_if_power(s) is not None for s in steps)


def bare_starts(node: Node) -> bool:
    """Whether the starts of a STABLEHLO_GATHER have no axis of coordinates."""
    start = operand(node, 1)
    return start is not None and node.option("index_vector_dim") == start.rank


def odd_slices(node: Node) -> bool:
    """Whether a GATHER moves slices of an odd number of elements."""
    x = operand(node, 0)
    if x is None:
        return False
    axis = int(node.option("axis", 0))
    return bool(math.prod(x.shape[axis + 1 :] if axis != -1 else ()) % 2)


def reduces(node: Node) -> bool:
    """Whether a reduction takes several elements together; all axes may be of size 1, or none."""
    x, y = operand(node, 0), output(node)
    return x is not None and y is not None and x.size > y.size


def reduces_nothing(node: Node) -> bool:
    """Whether a reduction leaves as many elements as there were."""
    x, y = operand(node, 0), output(node)
    return x is not None and y is not None and x.size == y.size


def computed_weights(node: Node) -> bool:
    """Whether the second input is there and not a constant."""
    weights = operand(node, 1)
    return weights is not None and not weights.constant


def unlike_scales(bias: int) -> Callable[[Node], bool]:
    """Whether weights and bias (an input at this position) have one scale and several, or back."""

    def concerns(node: Node) -> bool:
        weights, found = operand(node, 1), operand(node, bias)
        if weights is None or found is None or not found.quantized:
            return False
        return (weights.scales.size == 1) != (found.scales.size == 1)

    return concerns


def wide_kernel(node: Node) -> bool:
    """Whether a TRANSPOSE_CONV is VALID, or its filter at least as large as its steps."""
    weights = operand(node, 1)
    if node.option("padding") == "VALID" or weights is None or weights.rank != 4:
        return weights is not None
    steps = int(node.option("stride_h", 1)), int(node.option("stride_w", 1))
    return all(size >= step for size, step in zip(weights.shape[1:3], steps, strict=True))


def wide_factor(data: int) -> Callable[[Node], bool]:
    """Whether scales of data (an input at this position) times weights are 256 output scales."""

    def concerns(node: Node) -> bool:
        x, weights, y = operand(node, data), operand(node, 1), output(node)
        if x is None or weights is None or y is None or not y.scale or not weights.quantized:
            return False
        if weights.zeros.any() or not all(o.constant for o in node.inputs[1:] if o is not None):
            return False  # XNNPACK leaves those alone
        factors = np.float32(x.scale) * weights.scales / np.float32(y.scale)
        return bool(np.any(factors >= 256))

    return concerns


def other_scale(node: Node) -> bool:
    """Whether the output has another scale or zero point than the first input."""
    x, y = operand(node, 0), output(node)
    paddings = operand(node, 1)
    if x is None or y is None or paddings is None or node.has(2):
        return False
    if not paddings.constant or paddings.dtype != "int32":
        return False  # XNNPACK leaves those alone, and a value of its own
    return (x.scale, x.zero) != (y.scale, y.zero)


def densified(node: Node) -> bool:
    """Whether a DENSIFY makes the weights."""
    weights = node.operator.inputs[1:2]
    makers = [one for one in node.graph.operators if set(weights) & set(one.outputs)]
    return any(facts(one.name).densifies for one in makers)


def other_batch(node: Node) -> bool:
    """Whether a TRANSPOSE_CONV's output shape starts with another size than its data."""
    shape, x = operand(node, 0), operand(node, 2)
    if shape is None or x is None or shape.value is None or not shape.value.size or not x.rank:
        return False
    return int(shape.value.reshape(-1)[0]) != x.shape[0]


def divides_by_zero(node: Node) -> bool:
    """Whether a constant divisor holds the code of zero."""
    divisor = operand(node, 1)
    if divisor is None or divisor.value is None:
        return False
    return bool(np.any(divisor.value == (divisor.zero if divisor.quantized else 0)))


def computed_divisor(node: Node) -> bool:
    """Whether the divisor is known in a run only."""
    divisor = operand(node, 1)
    return divisor is not None and not divisor.constant


def blocks(node: Node) -> bool:
    """Whether the weights have a scale per block."""
    weights = operand(node, 1)
    return weights is not None and weights.blocks is not None


def int16_output(node: Node) -> bool:
    """Whether the output is int16 and the third input left out."""
    y = output(node)
    return y is not None and y.dtype == "int16" and no_bias(node)


def long_rows(node: Node) -> bool:
    """Whether exponentials along the last axis can add up to 512, and need not."""
    x = operand(node, 0)
    return x is not None and x.rank > 0 and x.shape[-1] >= 512 and not flat_rows(node)


def flat_rows(node: Node) -> bool:
    """Whether exponentials along the last axis add up to 512 whatever the data."""
    x = operand(node, 0)
    if x is None or not x.rank or x.scale <= 0:
        return False
    least = math.exp(-255 * x.scale * abs(float(node.option("beta", 1.0))))
    return x.shape[-1] * least > 520  # the exponentials of the runtimes are fixed-point


def beyond_the_last(node: Node) -> bool:
    """Whether positions of a RESIZE_BILINEAR in 1/1024 lead past the last row or column."""
    x, y = operand(node, 0), output(node)
    if x is None or y is None or x.rank != 4 or y.rank != 4:
        return False
    size = operand(node, 1)
    value = None if size is None else size.value
    made = y.shape[1:3] if value is None or value.size != 2 else [int(n) for n in value.reshape(-1)]
    return any(_past(count, given, node) for count, given in zip(made, x.shape[1:3], strict=True))


def _past(count: int, given: int, node: Node) -> bool:
    if count < 1 or given < 1:
        return False
    if node.option("align_corners") and count > 1:
        factor = (1024 * (given - 1) + (count - 1) // 2) // (count - 1)
    else:
        factor = (1024 * given + count // 2) // count
    last = (count - 1) * factor
    if node.option("half_pixel_centers"):
        last += factor // 2 - 512
    return last >= 1024 * given
