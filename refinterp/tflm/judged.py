"""What a distribution refuses, crashes on, or refuses only when the model runs.

Its kernels check types, scales and shapes when they are prepared (`verdicts.older`); what they
have no kernel for at all is told by `checks`, what crashes for want of memory by the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.errors import UnsupportedError
from refinterp.graph.model import Model
from refinterp.tflm.targets import Profile
from refinterp.verdicts.judge import nodes_of
from refinterp.verdicts.older.table import judge_older
from refinterp.verdicts.verdict import TFLM, Verdict


def judged(model: Model, profile: Profile) -> Iterator[Verdict]:
    """Yield what a distribution has against a model, operator by operator; none for TFLM's own."""
    version = profile.tflm
    if not version.distribution:
        return
    wrapped = [table for table in profile.kernels.tables if table != "reference"]
    for node in nodes_of(model, TFLM):
        if node.name in version.lacks:
            continue
        verdict = judge_older(node, (*wrapped, *version.layers), version.name)
        if verdict is not None:
            yield verdict


def require_judged(model: Model, profile: Profile) -> None:
    """Raise UnsupportedError for what a distribution refuses or crashes on in AllocateTensors."""
    for verdict in judged(model, profile):
        if verdict.stage != "invoke":
            raise UnsupportedError(str(verdict))


def fails_to_run(model: Model, profile: Profile) -> tuple[Verdict, ...]:
    """Return what a distribution sets up, and refuses or crashes on when it runs."""
    return tuple(v for v in judged(model, profile) if v.stage == "invoke")
