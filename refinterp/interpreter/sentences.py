"""LiteRT's sentences on operators that cannot be prepared, which scripts match on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from refinterp.graph.finding import Finding
from refinterp.graph.model import Model, Subgraph
from refinterp.kernels.registry import dtypes_of

_OPERATOR: Final = re.compile(r"subgraphs\[\d+\]\.operators\[(\d+)\] \(([^)]*)\)")
_UNRESOLVED: Final = (
    "Encountered unresolved custom op: {name}.\n"
    "See instructions: https://www.tensorflow.org/lite/guide/ops_custom "
    "Node number {place} ({name}) failed to prepare.\n"
)
_FLEX: Final = (
    "Select TensorFlow op(s), included in the given model, is(are) not supported by this "
    "interpreter. Make sure you apply/link the Flex delegate before inference. For the Android, it "
    'can be resolved by adding "org.tensorflow:tensorflow-lite-select-tf-ops" dependency. See '
    "instructions: https://www.tensorflow.org/lite/guide/ops_selectNode number {place} ({name}) "
    "failed to prepare.\n"
)

LIVE_VIEW = (
    "There is at least 1 reference to internal data\n"
    "      in the interpreter in the form of a numpy array or slice. Be sure to\n"
    "      only hold the function returned from tensor() if you are using raw\n"
    "      data access."
)
"""What LiteRT says where an array still looks into memory."""


def unresolved(graph: Subgraph) -> str:
    """Return LiteRT's sentence about the first custom operator without a kernel, "" for none."""
    for place, operator in enumerate(graph.operators):
        if operator.code is None or operator.code.builtin != "CUSTOM" or dtypes_of(operator.name):
            continue
        sentence = _FLEX if operator.name.startswith("Flex") else _UNRESOLVED
        return sentence.format(name=operator.name, place=place)
    return ""


def failed_node(message: str) -> str:
    """Return LiteRT's end of a refusal that begins with the operator's place, "" for others."""
    found = _OPERATOR.match(message)
    return "" if found is None else f". Node number {found[1]} ({found[2]}) failed to prepare."


def findings_text(model: Model, findings: Iterable[Finding]) -> str:
    """What is wrong with a model, a line each."""
    return "\n".join([f"{model.source or 'the model'} is doubtful:", *map(str, findings)])
