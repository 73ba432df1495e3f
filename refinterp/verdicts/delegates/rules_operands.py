"""What XNNPACK asks of single operands: a sentence where it is not so, else "".

The names are those of `xnnpack.json`. Each was met on LiteRT's own list of nodes, on models drawn
at random (`conformance.operators.cases`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from refinterp.graph.spec import TensorSpec
from refinterp.verdicts.delegates.delegate_node import DelegateNode

_CODES: Final = ("int8", "uint8")


def _scaled(node: DelegateNode) -> str:
    for spec in (*node.given, *node.outputs):
        if spec.dtype in _CODES and not spec.quantized:
            return f"{spec.name!r} has no scale"
    return ""


def _one_scale(node: DelegateNode) -> str:
    for spec in (node.given[0], node.outputs[0]):
        if spec.quantized and spec.scale.size > 1:
            return f"{spec.name!r} has scales per channel"
    return ""


def _told_sizes(node: DelegateNode) -> str:
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        return ""
    sizes = tuple(node.options.get("new_shape") or ())
    return "its new shape is one size that is left open" if sizes == (-1,) else ""


def _weights(node: DelegateNode) -> TensorSpec | None:
    return node.inputs[1] if len(node.inputs) > 1 else None


def _bias(node: DelegateNode) -> TensorSpec | None:
    """The bias: the last operand of those that have one."""
    return node.inputs[-1] if len(node.inputs) > 2 else None


def _biased(node: DelegateNode) -> str:
    return "" if _bias(node) is not None else "it has no bias"


def _bias_scaled(node: DelegateNode) -> str:
    bias = _bias(node)
    if bias is None or bias.dtype != "int32" or bias.quantized:
        return ""
    return "its bias has no scale"


def _constant_weights(node: DelegateNode) -> str:
    weights = _weights(node)
    return "" if weights is None or weights.data is not None else "its weights are no constant"


def _weights_around_0(node: DelegateNode) -> str:
    weights = _weights(node)
    if weights is None or weights.dtype != "int8" or not weights.quantized:
        return ""
    return "" if not weights.zero else f"its second operand has the zero point {weights.zero}"


def _uint8_along_first(node: DelegateNode) -> str:
    weights = _weights(node)
    if weights is None or weights.dtype != "uint8" or not weights.quantized_dimension:
        return ""
    return f"its uint8 weights name the dimension {weights.quantized_dimension}, not 0"


def _whole_bytes_of_weights(node: DelegateNode) -> str:
    weights = _weights(node)
    if weights is None or weights.dtype != "int4" or weights.shape[-1] % 2 == 0:
        return ""
    return f"its int4 weights have an odd number of columns, {weights.shape[-1]}"


def _plain_weights(node: DelegateNode) -> str:
    form = node.options.get("weights_format", "DEFAULT")
    return "" if form == "DEFAULT" else f"its weights are stored as {form}"


def _some_axes(node: DelegateNode) -> str:
    axes = _weights(node)
    return "it reduces no axis" if axes is not None and 0 in axes.shape else ""


def _pads_with_zero(node: DelegateNode) -> str:
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return "it has a value of its own to pad with"
    margins = _weights(node)
    if margins is not None and margins.dtype != "int32":
        return f"its paddings are {margins.dtype}, not int32"
    return ""


def _beta_1(node: DelegateNode) -> str:
    beta = float(node.options.get("beta", 0.0))
    return "" if beta == 1.0 else f"its beta is {beta:g}, not 1"


def _result_as_input(node: DelegateNode) -> str:
    x, out = node.given[0], node.outputs[0]
    return "" if x.dtype == out.dtype else f"its result is {out.dtype}, not {x.dtype}"


OPERAND_RULES: Final[Mapping[str, Callable[[DelegateNode], str]]] = {
    "scaled": _scaled,
    "one_scale": _one_scale,
    "told_sizes": _told_sizes,
    "biased": _biased,
    "bias_scaled": _bias_scaled,
    "constant_weights": _constant_weights,
    "weights_around_0": _weights_around_0,
    "uint8_along_first": _uint8_along_first,
    "whole_bytes_of_weights": _whole_bytes_of_weights,
    "plain_weights": _plain_weights,
    "some_axes": _some_axes,
    "pads_with_zero": _pads_with_zero,
    "beta_1": _beta_1,
    "result_as_input": _result_as_input,
}
