"""What delegates ask of an operator beyond its types: a sentence where it is not so, else "".

The names are those of the tables (`xnnpack.json`, `ethos-u55.json`). Ratios are of float32, as the
delegates divide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from refinterp.verdicts.delegates.delegate_node import DelegateNode
from refinterp.verdicts.delegates.rules_operands import OPERAND_RULES

_WEIGHT_SUM: Final = 8323072  # of absolute 8-bit weights that meet one result, on an Ethos-U
_LARGE: Final = 256
_SMALL: Final = 8  # an average's window with padding, on an Ethos-U
_STRIDE: Final = 3
_REDUCED: Final = {"int8": 16777216, "uint8": 8388608, "int16": 65536}
_LSTM_PARTS: Final = (1, 5, 9, 10, 11, 16, 17)  # implied gate, peepholes, projection


def _ratio(above: float, below: float) -> float:
    return float(np.float32(above) / np.float32(below)) if below else math.inf


def _sum_scales(node: DelegateNode) -> str:
    out = node.outputs[0]
    for spec in node.given[:2]:
        if spec.quantized and not 2.0**-10 <= _ratio(spec.step, out.step) < 2.0**8:
            ratio = _ratio(spec.step, out.step)
            return f"an input's scale over the output's is {ratio:.4g}, not in 2^-10..2^8"
    return ""


def _product_scales(node: DelegateNode) -> str:
    out, given = node.outputs[0], node.given[:2]
    if not out.quantized or len(given) < 2:
        return ""
    product = float(np.float32(given[0].step) * np.float32(given[1].step))
    ratio = _ratio(product, out.step)
    if 2.0**-16 <= ratio < 2.0**8:
        return ""
    return f"the inputs' scales over the output's are {ratio:.4g}, not in 2^-16..2^8"


def _slope_scales(node: DelegateNode) -> str:
    x, out = node.given[0], node.outputs[0]
    positive = _ratio(x.step, out.step)
    negative = float(np.float32(positive) * np.float32(node.options.get("alpha", 0.0)))
    if not 2.0**-8 <= positive <= 2.0**7:
        return f"the input's scale over the output's is {positive:.4g}, not in 2^-8..2^7"
    if not (abs(negative) >= 2.0**-8 and -127.99609375 <= negative <= 128.0):
        return f"that ratio times alpha is {negative:.4g}, outside of 2^-8..2^7"
    return ""


def _requantized_to_int8(node: DelegateNode) -> str:
    x, out = node.given[0], node.outputs[0]
    if out.dtype != "int8" and (out.dtype, x.dtype) != ("uint8", "float32"):
        return f"its output is {out.dtype}, not int8"
    ratio = _ratio(x.step, out.step)
    if x.quantized and not 2.0**-8 <= ratio <= 2.0**7:
        return f"the input's scale over the output's is {ratio:.4g}, not in 2^-8..2^7"
    return ""


def _stride_within_window(node: DelegateNode) -> str:
    window, stride = node.window, node.stride
    if stride[0] <= window[0] and stride[1] <= window[1]:
        return ""
    return f"its stride {list(stride)} is larger than its window {list(window)}"


def _same_window_covers_stride(node: DelegateNode) -> str:
    if node.options.get("padding") != "SAME" or node.inputs[1] is None:
        return ""
    window, stride = node.inputs[1].shape[1:3], node.stride
    if len(window) == 2 and stride[0] <= window[0] and stride[1] <= window[1]:
        return ""
    return f"with SAME padding its stride {list(stride)} is larger than its window {list(window)}"


def _one_grid(node: DelegateNode) -> str:
    out = node.outputs[0]
    for spec in node.given:
        if (spec.step, spec.zero) != (out.step, out.zero):
            return "its inputs and its output have different scales or zero points"
    return ""


def _one_grid_with_output(node: DelegateNode) -> str:
    out = node.outputs[0]
    for spec in node.given:
        if spec.dtype == out.dtype and (spec.step, spec.zero) != (out.step, out.zero):
            return "an input and the output have different scales or zero points"
    return ""


def _grids(node: DelegateNode) -> str:
    for spec in (*node.given, *node.outputs):
        if spec.dtype in ("int32", "int64"):
            continue  # a parameter, or numbers without a grid
        if not spec.quantized:
            return f"{spec.name!r} has no scale"
        if spec.scale.size > 1:
            return f"{spec.name!r} has scales per channel"
        if spec.step <= 0:
            return f"{spec.name!r} has the scale {spec.step:g}"
    return ""


def _weights_8_bit(node: DelegateNode) -> str:
    weights = node.inputs[1] if len(node.inputs) > 1 else None
    if weights is None or weights.dtype not in ("int8", "uint8"):
        return f"its weights are {weights.dtype if weights else 'left out'}, not 8-bit"
    return "" if weights.data is not None else "its weights are no constant"


def _constant_bias(node: DelegateNode) -> str:
    bias = node.inputs[-1] if len(node.inputs) > 2 else None
    if bias is None or bias.dtype in ("int8", "uint8", "int16"):
        return ""
    if bias.dtype not in ("int32", "int64"):
        return f"its bias is {bias.dtype}, not int32 or int64"
    return "" if bias.data is not None else "its bias is no constant"


def _weight_sum(node: DelegateNode) -> str:
    weights = node.inputs[1]
    if weights is None or weights.data is None:
        return ""
    codes = np.abs(weights.data.astype(np.int64) - weights.zero)
    last = weights.quantized_dimension == weights.data.ndim - 1 and weights.data.ndim > 1
    by_channel = codes.reshape(-1, codes.shape[-1]).T if last else codes.reshape(len(codes), -1)
    most = int(by_channel.sum(axis=1).max(initial=0))
    if most <= _WEIGHT_SUM:
        return ""
    return f"its absolute weights sum up to {most:,}, over {_WEIGHT_SUM:,}"


def _small_stride(node: DelegateNode) -> str:
    stride = node.stride
    return (
        ""
        if max(stride) <= _STRIDE
        else f"its stride is {list(stride)}, at most {_STRIDE} is taken"
    )


def _small_stride_or_valid(node: DelegateNode) -> str:
    dilated = any(node.options.get(f"dilation_{axis}_factor", 1) != 1 for axis in "hw")
    if not dilated and node.options.get("padding") == "VALID":
        return ""
    return _small_stride(node)


def _average_window(node: DelegateNode) -> str:
    if node.options.get("padding") == "VALID":
        return _largest_window(node)
    window = node.window
    if max(window) <= _SMALL:
        return ""
    return f"its window is {list(window)}; with padding {_SMALL} is the most"


def _largest_window(node: DelegateNode) -> str:
    window = node.window
    if window[0] <= _LARGE and window[0] * window[1] <= _LARGE**2:
        return ""
    return f"its window is {list(window)}; {_LARGE} high and {_LARGE**2:,} in all are the most"


def _constant_parameters(node: DelegateNode) -> str:
    found = [place for place in range(1, len(node.inputs)) if not node.constant(place)]
    return f"its operand {found[0]} is no constant" if found else ""


def _few_axes(node: DelegateNode) -> str:
    rank = len(node.given[0].shape)
    return "" if rank <= _SMALL else f"it has {rank} axes; {_SMALL} are the most"


def _shallow_maximum(node: DelegateNode) -> str:
    x = node.given[0]
    axis = node.inputs[1] if len(node.inputs) > 1 else None
    if axis is None or axis.data is None:
        return "its axis is no constant"
    if int(axis.data.reshape(-1)[0]) % max(1, len(x.shape)) != len(x.shape) - 1:
        return "it is not along the last axis"
    return "" if x.shape[-1] <= 127 else f"it is over {x.shape[-1]} values; 127 are the most"


def _one_sample(node: DelegateNode) -> str:
    x = node.given[0]
    return "" if len(x.shape) < 4 or x.shape[0] == 1 else f"its batch is {x.shape[0]}; 1 is taken"


def _reduced_elements(node: DelegateNode) -> str:
    x, axes = node.given[0], node.inputs[1] if len(node.inputs) > 1 else None
    if axes is None or axes.data is None:
        return ""
    which = {int(a) % len(x.shape) for a in axes.data.reshape(-1)}
    sizes = [x.shape[a] for a in which]
    most = _REDUCED[x.dtype]
    if math.prod(sizes) > most:
        return f"it reduces {math.prod(sizes):,} values; {most:,} are the most"
    if max(sizes, default=0) >= 4096:
        return f"it reduces an axis of {max(sizes):,}; less than 4,096 is taken"
    depth = len(x.shape) - 1 in which
    if depth and all(size > 1 for size in x.shape[-3:]):
        return "it reduces the depth, and neither height, width nor depth is 1"
    return ""


def _powers_of_two_in_size(node: DelegateNode) -> str:
    x, y = node.given[0].shape, node.outputs[0].shape
    if len(x) != 4 or x == y or x[1:3] == (1, 1):
        return ""
    corners = bool(node.options.get("align_corners"))
    half = bool(node.options.get("half_pixel_centers"))
    factors = []
    for before, after in zip(x[1:3], y[1:3], strict=True):
        if (before, after) == (1, 1):
            continue
        factors.append((after - 1) / (before - 1) if corners and before > 1 else after / before)
    allowed = (2.0,) if half else (2.0, 4.0, 8.0)
    if len(set(factors)) == 1 and factors[0] in allowed:
        return ""
    told = ", ".join(f"{factor:.4g}" for factor in factors)
    return f"it resizes by {told}; one of {', '.join(f'{a:g}' for a in allowed)} is taken"


def _softmax_size(node: DelegateNode) -> str:
    x = node.given[0].shape
    area = math.prod(x[-3:-1])
    return "" if area < 65536 else f"its width times height is {area:,}, not below 65,536"


def _transposed_strides(node: DelegateNode) -> str:
    stride, weights, x = node.stride, node.inputs[1], node.inputs[2]
    if weights is None or x is None or stride in ((1, 1), (2, 2)):
        return ""
    if stride == (1, 2) and x.shape[1] == 1 and weights.shape[1] == 1:
        return ""
    if stride == (2, 1) and x.shape[2] == 1 and weights.shape[2] == 1:
        return ""
    return f"its stride is {list(stride)}; [1, 1] and [2, 2] are taken"


def _plain_lstm(node: DelegateNode) -> str:
    if any(place < len(node.inputs) and place != 1 and node.inputs[place] is not None
           for place in _LSTM_PARTS[2:]):  # fmt: skip
        return "it has peepholes or a projection"
    if any(place >= len(node.inputs) or node.inputs[place] is None for place in _LSTM_PARTS[:2]):
        return "its input gate is implied"
    if any(spec is not None for spec in node.inputs[20:24]):
        return "its gates are normalized"
    return ""


RULES: Final[Mapping[str, Callable[[DelegateNode], str]]] = {
    "sum_scales": _sum_scales,
    "product_scales": _product_scales,
    "slope_scales": _slope_scales,
    "requantized_to_int8": _requantized_to_int8,
    "stride_within_window": _stride_within_window,
    "same_window_covers_stride": _same_window_covers_stride,
    "one_grid": _one_grid,
    "one_grid_with_output": _one_grid_with_output,
    "grids": _grids,
    "weights_8_bit": _weights_8_bit,
    "constant_bias": _constant_bias,
    "weight_sum": _weight_sum,
    "small_stride": _small_stride,
    "small_stride_or_valid": _small_stride_or_valid,
    "average_window": _average_window,
    "largest_window": _largest_window,
    "constant_parameters": _constant_parameters,
    "few_axes": _few_axes,
    "shallow_maximum": _shallow_maximum,
    "one_sample": _one_sample,
    "reduced_elements": _reduced_elements,
    "powers_of_two_in_size": _powers_of_two_in_size,
    "softmax_size": _softmax_size,
    "transposed_strides": _transposed_strides,
    "plain_lstm": _plain_lstm,
    **OPERAND_RULES,
}
