"""What a runtime does with a model, operator by operator.

>>> verdicts(model, "tflm")            # one per operator, after those on the whole file
>>> refusal(model, "tflm")             # the first that stops the runtime before a run, or None
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from refinterp.errors import UsageError
from refinterp.graph.model import Model, Shape
from refinterp.verdicts import opening
from refinterp.verdicts.differences.table import differences
from refinterp.verdicts.inventory import highest_version
from refinterp.verdicts.node import Node, refuse
from refinterp.verdicts.table import rule_for
from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN, RUNTIMES, TFLM, Refusal, Verdict

Shapes = Mapping[int, Mapping[int, Shape]]
"""Subgraph → tensor → its shape, where it is not the file's."""


def verdicts(model: Model, runtime: str, shapes: Shapes | None = None) -> tuple[Verdict, ...]:
    """Say what a runtime does: first what concerns the whole file, then one verdict per operator.

    Raises UsageError for a runtime of another name than those of `RUNTIMES`.
    """
    return tuple(_verdicts(model, runtime, shapes or {}))


def refusal(model: Model, runtime: str, shapes: Shapes | None = None) -> Verdict | None:
    """Return the first verdict by which the runtime gets no further than preparing the model."""
    for verdict in _verdicts(model, runtime, shapes or {}):
        if verdict.stops and verdict.stage != "invoke":
            return verdict
    return None


def _verdicts(model: Model, runtime: str, shapes: Shapes) -> Iterator[Verdict]:
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}; allowed: {', '.join(RUNTIMES)}")
    yield from opening.verdicts(model, runtime)
    for subgraph, graph in enumerate(model.subgraphs):
        for index in range(len(graph.operators)):
            yield judge(Node(model, subgraph, index, shapes.get(subgraph)), runtime)


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


def _refused(node: Node, runtime: str) -> Verdict | None:
    kernels = TFLM if runtime in (CMSIS_NN_MVE, ESP_NN) else runtime
    rule = rule_for(kernels, node.name)
    try:
        _kernel(node, kernels)
        if rule is not None:
            rule(node)
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
    return None


def _kernel(node: Node, runtime: str) -> None:
    """There is a kernel for the operator in its version."""
    highest = highest_version(runtime, node.name)
    if not highest:
        refuse("kernel", f"it has no kernel for {node.name}", stage="open")
    if not 1 <= node.version <= highest:
        refuse(
            "version",
            f"it has no kernel for {node.name} of version {node.version}; allowed: 1 to {highest}",
            stage="open",
        )
