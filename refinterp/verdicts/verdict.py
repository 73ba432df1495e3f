"""What a runtime does with one operator of a model, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Answer = Literal["runs", "refuses", "aborts", "differs"]
Stage = Literal["open", "prepare", "invoke"]

LITERT_REFERENCE: Final = "litert-reference"
LITERT_OPTIMIZED: Final = "litert-optimized"
LITERT: Final = "litert"
TFLM: Final = "tflm"
CMSIS_NN_MVE: Final = "cmsis-nn-mve"
ESP_NN: Final = "esp-nn"

RUNTIMES: Final = (LITERT_REFERENCE, LITERT_OPTIMIZED, LITERT, TFLM, CMSIS_NN_MVE, ESP_NN)
"""Whose verdicts there are; LITERT is its default, with the XNNPACK delegate."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a runtime does with an operator.

    runtime: whose verdict it is.
    subgraph: its index in the model.
    operator: its index, or None where the fault is the file's (stage "open").
    op_name: the operator's name.
    verdict: "runs"; "refuses" (an error that a caller can catch), "aborts" (the process ends), or
        "differs" (it runs and computes something else than is meant); None if that is not known.
    why: one sentence with the value found and what is allowed; "" where it runs.
    rule: a name for the kind of fault, that stays the same: "types", "rank", "scales", …
    stage: when it shows: as the file is opened, when operators are prepared, or in a run.
    row: the key of the known difference that says so, else "".
    """

    runtime: str
    subgraph: int
    operator: int | None
    op_name: str
    verdict: Answer | None
    why: str = ""
    rule: str = ""
    stage: Stage = "prepare"
    row: str = ""

    @property
    def stops(self) -> bool:
        """Whether the runtime gives no result."""
        return self.verdict in ("refuses", "aborts")

    @property
    def place(self) -> str:
        """Where, as error messages have it."""
        if self.operator is None:
            return f"subgraphs[{self.subgraph}]"
        return f"subgraphs[{self.subgraph}].operators[{self.operator}] ({self.op_name})"

    def __str__(self) -> str:
        if self.verdict == "runs":
            return f"{self.place}: {self.runtime} runs it"
        if self.verdict is None:
            return f"{self.place}: what {self.runtime} does is not known: {self.why}"
        what = {"refuses": "refuses it", "aborts": "aborts", "differs": "computes something else"}
        return f"{self.place}: {self.runtime} {what[self.verdict]}: {self.why}"


class Refusal(Exception):  # noqa: N818 - what a rule finds, not an error of ours
    """Raised by a rule that the operator does not meet.

    rule, why: as in `Verdict`. aborts: the runtime's process ends instead of refusing.
    """

    def __init__(self, rule: str, why: str, *, aborts: bool = False, stage: Stage = "prepare"):
        super().__init__(why)
        self.rule = rule
        self.why = why
        self.aborts = aborts
        self.stage: Stage = stage
