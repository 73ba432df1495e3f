"""What a runtime does with a model, operator by operator.

>>> verdicts(model, "tflm")            # one per operator, after those on the whole file
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from refinterp.errors import UsageError
from refinterp.graph.compiled import compiled
from refinterp.graph.model import Model, Shape
from refinterp.graph.operands import Reshaped
from refinterp.graph.operators import facts
from refinterp.verdicts import opening
from refinterp.verdicts.checks import refuse
from refinterp.verdicts.differences.table import differences
from refinterp.verdicts.inventory import LOWEST, highest_version
from refinterp.verdicts.node import KnownTensors, Node
from refinterp.verdicts.table import rule_for
from refinterp.verdicts.verdict import (
    CMSIS_NN_MVE,
    ESP_NN,
    LITERT,
    LITERT_OPTIMIZED,
    LITERT_REFERENCE,
    RUNTIMES,
    TFLM,
    Refusal,
    Verdict,
)

UNJUDGED: Final = "unjudged"
"""The rule of a verdict on an operator of which nothing is known."""

_LITERT: Final = (LITERT_REFERENCE, LITERT_OPTIMIZED, LITERT)

Shapes = Mapping[int, Mapping[int, Shape]]
"""Subgraph → tensor → its shape, where it is not the file's."""


def verdicts(model: Model, runtime: str, shapes: Shapes | None = None) -> tuple[Verdict, ...]:
    """Say what a runtime does: first what concerns the whole file, then one verdict per operator.

    Raises UsageError for a runtime of another name than those of `RUNTIMES`.
    """
    return tuple(_verdicts(model, runtime, shapes or {}))


def _verdicts(model: Model, runtime: str, shapes: Shapes) -> Iterator[Verdict]:
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; allowed: {', '.join(RUNTIMES)}")
    yield from opening.verdicts(model, runtime)
    for subgraph in range(len(model.subgraphs)):
        for node in nodes(model, subgraph, runtime, shapes.get(subgraph)):
            yield judge(node, runtime)


def nodes(
    model: Model, subgraph: int, runtime: str, shapes: Mapping[int, Shape] | None = None
) -> Iterator[Node]:
    """Yield a subgraph's operators in order, with what the runtime knows of tensors by then."""
    known = KnownTensors(dict(shapes or {}))
    for index in range(len(model.subgraphs[subgraph].operators)):
        node = Node(model, subgraph, index, known)
        yield node
        if runtime in _LITERT and facts(node.name).densifies:  # the result follows from the input
            known.follow(node)


def nodes_of(
    model: Model, runtime: str, shapes: Shapes | None = None, subgraphs: Iterable[int] | None = None
) -> Iterator[Node]:
    """Yield the operators of several subgraphs, all if not given."""
    for subgraph in range(len(model.subgraphs)) if subgraphs is None else subgraphs:
        yield from nodes(model, subgraph, runtime, (shapes or {}).get(subgraph))


def judge(node: Node, runtime: str) -> Verdict:
    """The worst that is known of one operator: a refusal, a known difference, an abort."""
    refused = _refused(node, runtime)
    if refused is not None and refused.verdict == "refuses":
        return refused
    for verdict in differences(node, runtime):
        if refused is None or verdict.verdict == "aborts":
            return verdict
    if refused is not None:
        return refused
    return Verdict(runtime, node.subgraph, node.index, node.name, "runs")


def refusal(node: Node, runtime: str) -> Verdict | None:
    """The verdict on an operator that a runtime refuses, or aborts on for no known difference."""
    if _refused(node, runtime) is None:
        return None
    verdict = judge(node, runtime)
    return None if verdict.row else verdict


def _refused(node: Node, runtime: str) -> Verdict | None:
    kernels = TFLM if runtime in (CMSIS_NN_MVE, ESP_NN) else runtime
    rule = rule_for(kernels, node.name)
    try:
        _kernel(node, kernels)
        if rule is not None:
            rule(node)
        if kernels == TFLM:
            require_known_sizes(node)
    except Refusal as found:
        return Verdict(
            runtime,
            node.subgraph,
            node.index,
            node.name,
            "aborts" if found.aborts else "refuses",
            found.why,
            found.rule,
            found.stage,
        )
    except (ArithmeticError, LookupError, ValueError):
        # Its numbers are such that a check cannot be worked out: C reads past an end there.
        return Verdict(runtime, node.subgraph, node.index, node.name, "runs", rule=UNJUDGED)
    return None


def require_known_sizes(node: Node) -> None:
    """TFLM has no results whose size is open, or none; a shape of [0] is a scalar's."""
    for y in node.outputs:
        if y is not None and y.shape != (0,) and any(extent <= 0 for extent in y.shape):
            if facts(node.name).operands is Reshaped and -1 in y.shape:
                continue  # its size follows from the input's
            refuse("shapes", f"{y.label} has shape {list(y.shape)}; allowed: 1 or more everywhere")


def _kernel(node: Node, runtime: str) -> None:
    """There is a kernel for the operator in its version."""
    highest = highest_version(runtime, node.name)
    if not highest:
        what = compiled(node.name)
        known = "" if what is None else f": it is {what.what}"
        refuse("kernel", f"it has no kernel for {node.name}{known}", stage="open")
    if runtime == TFLM:
        return
    lowest = LOWEST.get(node.name, 1)
    if not lowest <= node.version <= highest:
        refuse(
            "version",
            f"it has no kernel for {node.name} of version {node.version}; allowed: {lowest} to "
            f"{highest}",
            stage="open",
        )
    x = node.valueless()
    if x is not None:
        refuse("data", f"{x.label} has no value, and nothing writes it", stage="invoke")
