"""What a delegate takes of a model, operator by operator, and why the others stay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from refinterp.errors import UsageError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.specs import tensor_specs
from refinterp.verdicts.delegates.delegate_node import DelegateNode
from refinterp.verdicts.delegates.rules import RULES

DELEGATES: Final = ("xnnpack", "ethos-u55", "ethos-u65")
_FILES: Final = {"ethos-u65": "ethos-u55"}  # one list of constraints for both


@dataclass(frozen=True, slots=True)
class Delegated:
    """One operator. answer: "taken", "stays", or "not tried" where nobody knows.

    why: one sentence where it is not taken.
    """

    operator: int
    op_name: str
    answer: Literal["taken", "stays", "not tried"]
    why: str = ""


def delegate_title(delegate: str) -> str:
    """What a delegate is, and by whose word."""
    return str(_table(delegate)["title"])


def taken(model: Model, delegate: str, subgraph: int = 0) -> tuple[Delegated, ...]:
    """Say of every operator of a subgraph whether a delegate takes it.

    Raises UsageError for a delegate of another name.
    """
    table: Mapping[str, Any] = _table(delegate)["operators"]
    specs = tensor_specs(model, subgraph)
    known = range(len(specs))
    found = []
    for index, operator in enumerate(model.subgraphs[subgraph].operators):
        node = DelegateNode(
            tuple(specs[i] if i != OPTIONAL and i in known else None for i in operator.inputs),
            tuple(specs[i] for i in operator.outputs if i in known),
            operator.options,
        )
        found.append(_judge(index, operator.name, node, table.get(operator.name), delegate))
    return tuple(found)


def _judge(
    index: int, name: str, node: DelegateNode, row: Mapping[str, Any] | None, delegate: str
) -> Delegated:
    types = ", ".join(spec.dtype for spec in node.given[:2])
    if row is None:
        if delegate == "xnnpack":
            return Delegated(index, name, "not tried", "this operator was not tried")
        return Delegated(index, name, "stays", "not among the operators it takes")
    if not node.outputs or not node.given:
        return Delegated(index, name, "stays", "it has no operand or no result")
    if not any(_alike(one, node) for one in row["types"]):
        if delegate == "xnnpack" and not any(_alike(one, node) for one in row["stays"]):
            return Delegated(index, name, "not tried", f"not tried on {types}")
        allowed = "; ".join(", ".join(t for t in one if t is not None) for one in row["types"])
        why = f"it is on {types}; taken are {allowed}" if allowed else f"not taken on {types}"
        return Delegated(index, name, "stays", why)
    for rule in row["rules"]:
        why = RULES[rule](node)
        if why:
            return Delegated(index, name, "stays", why)
    return Delegated(index, name, "taken")


def _alike(types: Sequence[str | None], node: DelegateNode) -> bool:
    """Whether the operands have these types; None stands for any."""
    for place, wanted in enumerate(types):
        spec = node.inputs[place] if place < len(node.inputs) else None
        if wanted is not None and (spec is None or spec.dtype != wanted):
            return False
    return True


@cache
def _table(delegate: str) -> Mapping[str, Any]:
    if delegate not in DELEGATES:
        listed = ", ".join(DELEGATES)
        raise UsageError(f"{delegate!r} is no delegate that is known; there are {listed}")
    name = f"{_FILES.get(delegate, delegate)}.json"
    text = resources.files("refinterp.verdicts.delegates").joinpath(name).read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found
