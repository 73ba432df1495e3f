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

from refinterp.debug.reference.hybrid import STATIC, Scheme
from refinterp.debug.result import LayerName
from refinterp.debug.study.mixed import Precision


def denylisted_nodes(layers: Iterable[LayerName]) -> list[str]:
    """The names to give TensorFlow's QuantizationDebugOptions.

    It goes by the operators' names before quantizing, which tensors mostly keep; where the float
    model has another name, as for outputs that are converted afterwards, that one is given as well.
    """
    return list(dict.fromkeys(name for one in layers for name in (one.name, one.float_name)))


def quantizer_recipe(
    layers: Iterable[LayerName], precision: Precision, scheme: Scheme = STATIC
) -> list[dict[str, Any]]:
    """The recipe for ai-edge-quantizer: all operators by a scheme, these in float or on int16."""
    rules = [_rule(".*", _config(scheme), scheme)]
    for layer in layers:
        regex = f"(^|;){re.escape(layer.float_name)}(;|$)"
        rules.append(_rule(regex, None if precision == "float" else _static(16)))
    return rules


def _rule(regex: str, config: dict[str, Any] | None, scheme: Scheme = STATIC) -> dict[str, Any]:
    """One rule; without a configuration the operators stay as they are."""
    algorithm = "float_casting" if scheme.kind == "float16" else "min_max_uniform_quantize"
    return {
        "regex": regex,
        "operation": "*",
        "algorithm_key": algorithm if config else "no_quantize",
        "op_config": config or {},
    }


def _config(scheme: Scheme) -> dict[str, Any]:
    """What a scheme is called there."""
    if scheme.kind == "static":
        return _static(8)
    if scheme.kind == "float16":
        weights: dict[str, Any] = {"num_bits": 16, "dtype": "FLOAT"}
    else:
        weights = {
            "num_bits": scheme.bits,
            "symmetric": True,
            "granularity": "CHANNELWISE",
            "dtype": "INT",
        }
    return {
        "weight_tensor_config": weights,
        "compute_precision": "INTEGER" if scheme.kind == "dynamic" else "FLOAT",
        "explicit_dequantize": scheme.kind != "dynamic",
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
