"""One thing that is wrong with a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from refinterp.graph.model import Subgraph

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")  # the worst first
CONVERT_AGAIN: Final = "convert the model again; the file is damaged or its converter is wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    id: a name that stays the same; subgraph, operator, tensor: indices, None where none is meant.
    evidence: what was found and what is allowed; remedy: what to do.
    """

    id: str
    severity: Severity
    subgraph: int | None
    operator: int | None
    tensor: int | None
    evidence: str
    remedy: str

    def __str__(self) -> str:
        place = "".join(
            f"{name} {index}: "
            for name, index in (("subgraph", self.subgraph), ("operator", self.operator))
            if index is not None
        )
        return f"{self.severity}: {self.id}: {place}{self.evidence}; {self.remedy}"


def error(
    id_: str,
    evidence: str,
    remedy: str = CONVERT_AGAIN,
    *,
    subgraph: int | None = None,
    operator: int | None = None,
    tensor: int | None = None,
) -> Finding:
    """An error."""
    return Finding(id_, "error", subgraph, operator, tensor, evidence, remedy)


def counted(number: int, what: str) -> str:
    """A number of things in words: "1 tensor", "2 tensors"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def named(subgraph: Subgraph, tensor: int) -> str:
    """A tensor by its index and name."""
    return f"tensor {tensor} ({subgraph.tensors[tensor].name!r})"
