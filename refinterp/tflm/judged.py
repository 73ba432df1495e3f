"""What a distribution refuses, crashes on, or refuses only when the model runs.

Its kernels check types, scales and shapes when they are prepared (`verdicts.older`). What it has
no kernel for at all is among its verdicts too, though `checks` tells it of all operators at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.errors import UnsupportedError
from refinterp.graph.model import Model
from refinterp.tflm.footprint import find
from refinterp.tflm.targets import Profile
from refinterp.verdicts.judge import nodes_of
from refinterp.verdicts.node import Node
from refinterp.verdicts.older.table import judge_older
from refinterp.verdicts.verdict import TFLM, Verdict


def judged(model: Model, profile: Profile) -> Iterator[Verdict]:
    """Yield what a distribution has against a model, operator by operator; none for TFLM's own."""
    version = profile.tflm
    if not version.distribution:
        return
    wrapped = [table for table in profile.kernels.tables if table != "reference"]
    for node in nodes_of(model, TFLM):
        if find(profile, node.name) is None:
            verdict: Verdict | None = _lacking(node, version.name)
        else:
            verdict = judge_older(node, (*wrapped, *version.layers), version.name)
        if verdict is not None:
            yield verdict


def _lacking(node: Node, told: str) -> Verdict:
    why = f"it has no kernel for {node.name}"
    return Verdict(
        told, node.subgraph, node.index, node.name, "refuses", why, rule="kernel", stage="open"
    )


def require_judged(model: Model, profile: Profile) -> None:
    """Raise UnsupportedError for what a distribution refuses or crashes on in AllocateTensors."""
    for verdict in judged(model, profile):
        if verdict.stage != "invoke":
            raise UnsupportedError(str(verdict))


def fails_to_run(model: Model, profile: Profile) -> tuple[Verdict, ...]:
    """Return what a distribution sets up, and refuses or crashes on when it runs."""
    return tuple(v for v in judged(model, profile) if v.stage == "invoke")
