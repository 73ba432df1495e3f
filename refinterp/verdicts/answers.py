"""What each runtime does with a whole model, and with each of its operators, for a reader.

`judge` says what is known against an operator; here is added whether it was ever tried at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from refinterp.graph.model import Model
from refinterp.verdicts.judge import verdicts
from refinterp.verdicts.node import Node
from refinterp.verdicts.tried import ran
from refinterp.verdicts.verdict import RUNTIMES, Answer, Verdict

Place = tuple[int, int]
"""Subgraph and operator."""

_NEVER = "never tried with this operator and type"
_NONE_RAN = "it ran none of the models of this operator and type that were tried"


@dataclass(frozen=True, slots=True, eq=False)
class RuntimeAnswer:
    """What one runtime does with a model.

    opening: what stops it as it opens the file. operators: what it does with each, also where it
    does not come so far.
    """

    runtime: str
    opening: tuple[Verdict, ...]
    operators: Mapping[Place, Verdict]

    @property
    def verdict(self) -> Answer | None:
        """The whole model's: what stops it, else that it differs, else None if any is unknown."""
        found = [v.verdict for v in self.told]
        stops = [v for v in found if v in ("refuses", "aborts")]
        return stops[0] if stops else "differs" if "differs" in found else self._unknown()

    def _unknown(self) -> Answer | None:
        known = all(v.verdict is not None for v in self.operators.values())
        return "runs" if known else None

    @property
    def told(self) -> tuple[Verdict, ...]:
        """All but what runs without a word, in the order in which a runtime meets it."""
        found = [v for v in self.operators.values() if v.verdict != "runs" or v.why]
        return (*self.opening, *sorted(found, key=lambda v: v.stage == "invoke"))

    @property
    def why(self) -> str:
        """The first reason for the model's verdict, "" where it runs."""
        verdict = self.verdict
        if verdict == "runs":
            return ""
        return next(_placed(v) for v in self.told if v.verdict == verdict)


def answers(model: Model, runtimes: Iterable[str] = RUNTIMES) -> tuple[RuntimeAnswer, ...]:
    """Say for each runtime what it does with the model. Never raises for what is in the model."""
    return tuple(answer(model, runtime) for runtime in runtimes)


def answer(model: Model, runtime: str) -> RuntimeAnswer:
    """Say what one runtime does with the model."""
    found = verdicts(model, runtime)
    operators = {
        (v.subgraph, v.operator): _tried(model, v) for v in found if v.operator is not None
    }
    return RuntimeAnswer(runtime, tuple(v for v in found if v.operator is None), operators)


def _tried(model: Model, verdict: Verdict) -> Verdict:
    """A verdict that says nothing against an operator, unless that was never tried."""
    if verdict.verdict != "runs" or verdict.operator is None:
        return verdict
    tried = ran(Node(model, verdict.subgraph, verdict.operator), verdict.runtime)
    if tried:
        return verdict
    if tried is None:
        return replace(verdict, verdict=None, why=_NEVER, rule="tried")
    return replace(verdict, verdict="refuses", why=_NONE_RAN, rule="tried")


def _placed(verdict: Verdict) -> str:
    if verdict.operator is None:
        return verdict.why
    return f"operator {verdict.operator} ({verdict.op_name}): {verdict.why}"
