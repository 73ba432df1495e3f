"""The rules of older TFLM, by layer.

A layer holds what was so until a date; the rules of the oldest layer that a distribution has come
first, and those of `verdicts.tflm` hold for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from refinterp.verdicts.judge import require_known_sizes
from refinterp.verdicts.node import Node
from refinterp.verdicts.older import edge_impulse, y2023, y2024
from refinterp.verdicts.table import Rule, rule_for
from refinterp.verdicts.verdict import TFLM, Answer, Refusal, Verdict

_Layer = Mapping[str, Rule]

RULES: Final[Mapping[str, _Layer]] = MappingProxyType(
    {
        "cmsis_nn": {
            "ADD": y2024.add_wrapped,
            "DEPTHWISE_CONV_2D": y2024.depthwise_conv_2d_wrapped,
            "FULLY_CONNECTED": y2024.fully_connected_wrapped,
        },
        "older_2024_12": {
            "AVERAGE_POOL_2D": y2024.pool,
            "FILL": y2024.fill,
            "FULLY_CONNECTED": y2024.fully_connected_2024_12,
            "MAX_POOL_2D": y2024.pool,
            "PRELU": y2024.prelu,
            "RELU": y2024.relu,
            "SUB": y2024.sub,
        },
        "older_2024_05": {
            "ADD": y2024.add_2024_05,
            "CONCATENATION": y2024.concatenation,
            "DEPTHWISE_CONV_2D": y2024.depthwise_conv_2d_2024_05,
            "FULLY_CONNECTED": y2024.fully_connected_2024_05,
            "TRANSPOSE_CONV": y2024.transpose_conv,
        },
        "older_2023_02": {
            "ADD": y2023.add,
            "CONV_2D": y2023.conv_2d,
            "DEPTHWISE_CONV_2D": y2023.depthwise_conv_2d,
            "DIV": y2023.div,
            "FULLY_CONNECTED": y2023.fully_connected_2023,
            "SELECT_V2": y2023.select_v2,
            "SQUARED_DIFFERENCE": y2023.squared_difference,
            "TRANSPOSE_CONV": y2023.transpose_conv,
        },
        "older_2023_01": {
            "AVERAGE_POOL_2D": y2023.pool_2023_01,
            "MAX_POOL_2D": y2023.pool_2023_01,
            "TRANSPOSE_CONV": y2023.transpose_conv_unbiased,
            "UNIDIRECTIONAL_SEQUENCE_LSTM": y2023.lstm,
        },
        "edge_impulse": {
            "BATCH_MATMUL": edge_impulse.batch_matmul,
            "GATHER": edge_impulse.gather,
            "REDUCE_ALL": edge_impulse.reduce,
            "REDUCE_ANY": edge_impulse.reduce,
            "REDUCE_MAX": edge_impulse.reduce,
            "REDUCE_MIN": edge_impulse.reduce,
            "SCATTER_ND": edge_impulse.scatter_nd,
            "SELECT": edge_impulse.select,
            "SELECT_V2": edge_impulse.select_v2,
            "TILE": edge_impulse.tile,
        },
    }
)
"""Layer → operator → what it asks for."""


def judge_older(node: Node, layers: Sequence[str], told: str) -> Verdict | None:
    """Return what a TFLM of these layers refuses or crashes on; None where it runs the operator.

    layers: from the youngest to the oldest, `cmsis_nn` where its wrappers run. told: its name.
    """
    rules = (RULES.get(layer, {}).get(node.name) for layer in reversed(layers))
    rule = next((rule for rule in rules if rule is not None), rule_for(TFLM, node.name))
    try:
        if rule is not None:
            rule(node)
        require_known_sizes(node)
    except Refusal as found:
        answer: Answer = "aborts" if found.aborts else "refuses"
        return Verdict(
            told, node.subgraph, node.index, node.name, answer, found.why, found.rule, found.stage
        )
    except (ArithmeticError, LookupError, ValueError):
        return None  # its numbers are such that a check cannot be worked out
    return None
