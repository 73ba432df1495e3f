"""What a row of the known differences says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from refinterp.verdicts.node import Node

Kind = Literal["aborts", "differs", "refuses"]

PAGE: Final = "docs/known-differences.md"
ANY: Final = "*"
"""The operator, or the type, of rows that are about all of them."""


def every(node: Node) -> bool:
    """Of all models of the operator and type."""
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """One defect of one or several runtimes: what they do with models that refinterp runs.

    id: a name that stays the same, and the row's anchor on the page.
    operator, dtypes: the registry's keys, or `ANY`.
    runtimes: those that have it.
    kind: what happens: the process ends, the result is another, or the model is refused.
    models: of which models of the operator and type it is true.
    defect: what the runtime does instead, behind its name.
    remedy: what to do with such a model.
    concerns: whether an operator is one of those; `every` if all are.
    sometimes: when it shows, where the model alone does not decide that (its data do, or how the
        runtime was built); "" where every such model is concerned.
    origin: where it was measured, if not with a runtime that can be installed.
    """

    id: str
    operator: str
    dtypes: tuple[str, ...]
    runtimes: tuple[str, ...]
    kind: Kind
    models: str
    defect: str
    remedy: str
    concerns: Callable[[Node], bool] = every
    sometimes: str = ""
    origin: str = ""

    @property
    def whole(self) -> bool:
        """Whether all models of the operator and type are concerned."""
        return self.concerns is every

    @property
    def anchor(self) -> str:
        """Where the row is explained."""
        return f"{PAGE}#{self.id}"

    @property
    def sentence(self) -> str:
        """Of which models, and what happens to them: for the reader of one model's report."""
        when = f" ({self.sometimes})" if self.sometimes else ""
        models = "" if self.whole else f"{self.models}: "
        return f"{models}{self.defect}{when}"
