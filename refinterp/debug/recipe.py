"""A study's result in the words of the quantizers people use.

TensorFlow's QuantizationDebugOptions takes names of operators' output tensors that are not to be
quantized (`denylisted_nodes`). ai-edge-quantizer takes a recipe: rules of which a later one wins,
each for the operators whose output tensors' names a regular expression finds; it quantizes the
float model, so the names are the float twin's where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from refinterp.debug.mixed import Precision
from refinterp.debug.sensitivity import LayerName


def denylisted_nodes(layers: Iterable[LayerName]) -> list[str]:
    """The names to give TensorFlow's QuantizationDebugOptions.

    It goes by the operators' names before quantizing, which tensors mostly keep; where the float
    model has another name, as for outputs that are converted afterwards, that one is given as well.
    """
    return list(dict.fromkeys(name for one in layers for name in (one.name, one.float_name)))


def quantizer_recipe(layers: Iterable[LayerName], precision: Precision) -> list[dict[str, Any]]:
    """The recipe for ai-edge-quantizer: all operators in int8, these in float or on int16."""
    rules = [_rule(".*", _static(8))]
    for layer in layers:
        regex = f"(^|;){re.escape(layer.float_name)}(;|$)"
        rules.append(_rule(regex, None if precision == "float" else _static(16)))
    return rules


def _rule(regex: str, config: dict[str, Any] | None) -> dict[str, Any]:
    """One rule; without a configuration the operators stay as they are."""
    return {
        "regex": regex,
        "operation": "*",
        "algorithm_key": "min_max_uniform_quantize" if config else "no_quantize",
        "op_config": config or {},
    }


def _static(bits: int) -> dict[str, Any]:
    """Integer arithmetic on activations of so many bits and 8-bit weights by channel."""
    return {
        "activation_tensor_config": {
            "num_bits": bits,
            "symmetric": bits == 16,
            "granularity": "TENSORWISE",
            "dtype": "INT",
        },
        "weight_tensor_config": {
            "num_bits": 8,
            "symmetric": True,
            "granularity": "CHANNELWISE",
            "dtype": "INT",
        },
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }
