"""How a known difference is tried out: by the runtime named, and by a second oracle."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from conformance.operators.case import Case
from conformance.operators.compare import compare, run_ours
from conformance.operators.draw import Draw, RandomDraw
from conformance.operators.known_edits import node_of
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Runtime, open_runtime
from refinterp.runtimes.outcome import Died, Outcome, Ran, Refused, RuntimeCase
from refinterp.verdicts.differences.difference import Difference
from refinterp.verdicts.differences.table import by_id, rows_of

LITERT, OPTIMIZED, TFLM = "runtime:litert-reference", "runtime:litert-optimized", "runtime:tflm"
DEFAULT = "runtime:litert"
ALL = (LITERT, OPTIMIZED, DEFAULT)

Definition = Callable[[Case], list[list[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """How a row is tried out in one type and runtime.

    row: its id.
    dtype: the key of the kernel registry.
    oracle: the runtime that has the defect.
    draw: a model that is concerned.
    second: the runtime that our results are held against, or "" where it is `definition`.
    flavour: whose arithmetic is held against it.
    twin: the model the second oracle runs, where it is another that means the same.
    meaning: of the twin, in words.
    definition: what gives the right results, where no runtime does.
    operator: where the row is about any.
    """

    row: str
    dtype: str
    oracle: str
    draw: Callable[[Draw], Case]
    second: str = ""
    flavour: str = DEFAULT_FLAVOUR
    twin: Callable[[Case], Case] | None = None
    meaning: str = ""
    definition: Definition | None = None
    operator: str = ""

    @property
    def known(self) -> Difference:
        """The row."""
        return by_id()[self.row]

    @property
    def cell(self) -> tuple[str, str, str]:
        """The cell of the operator matrix: operator, type and oracle."""
        return self.operator or self.known.operator, self.dtype, self.oracle

    @property
    def against(self) -> str:
        """The second oracle, in words."""
        if self.definition is not None:
            return f"`definitions.{self.definition.__name__}`"
        return f"{short(self.second)}{', ' + self.meaning if self.meaning else ''}"

    def request(self, case: Case) -> RuntimeCase:
        """What to ask of the second oracle, if it is a runtime."""
        asked = self.twin(case) if self.twin else case
        return RuntimeCase(write_model(asked.model), asked.samples)

    def expected(self, case: Case, outcome: Ran) -> Ran:
        """Name the second oracle's outputs after those of the case: the models may differ."""
        return replace(outcome, outputs_at=case.model.subgraphs[0].outputs, tensors=[])

    def defined(self, case: Case) -> Ran:
        """What the definition makes of a case."""
        assert self.definition is not None
        graph = case.model.subgraphs[0]
        return Ran(self.definition(case), [], {}, graph.inputs, graph.outputs)


@dataclass(slots=True)
class ProofCounts:
    """What trying a row came to.

    cases: models that were drawn.
    concerned: cases that the row's condition is true of.
    wrong: cases on which the oracle differs from us.
    died: on which its process ended.
    refused: which it would not run.
    held: cases run by the second oracle.
    elements: of our outputs, held against it.
    differing: of these, those that differ.
    """

    cases: int = 0
    concerned: int = 0
    wrong: int = 0
    died: int = 0
    refused: int = 0
    held: int = 0
    elements: int = 0
    differing: int = 0

    def shows(self, kind: str) -> bool:
        """Whether the defect of a row of this kind was seen."""
        return {"aborts": self.died, "refuses": self.refused, "differs": self.wrong}[kind] > 0


def try_out(proof: Proof, runtimes: Runtimes, count: int, seed: int = 2026) -> ProofCounts:
    """Draw cases of a row, run them by its oracle and by the second one, and compare."""
    counts = ProofCounts()
    for index in range(count):
        case = proof.draw(RandomDraw((seed, index)))
        mine = run_ours(case.model, case.samples, flavour=proof.flavour)
        first = runtimes[proof.oracle].run(write_model(case.model), case.samples)
        counts.cases += 1
        counts.concerned += proof.known in rows_of(node_of(case), short(proof.oracle))
        counts.died += isinstance(first, Died)
        counts.refused += isinstance(first, Refused)
        counts.wrong += isinstance(first, Ran) and compare(case, mine, first).differing > 0
        second: Outcome = (
            proof.defined(case)
            if proof.definition
            else runtimes[proof.second].run(proof.request(case).model, proof.request(case).samples)
        )
        if isinstance(second, Ran):
            result = compare(case, mine, proof.expected(case, second))
            counts.held += 1
            counts.elements += result.elements + result.float_elements
            counts.differing += result.differing
    return counts


class Runtimes:
    """Installed runtimes by name, each started when it is first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[str, Runtime] = {}

    def __enter__(self) -> Runtimes:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Runtime:
        if name not in self._open:
            self._open[name] = self._stack.enter_context(open_runtime(name))
        return self._open[name]


def short(runtime: str) -> str:
    """A runtime's name as the pages have it."""
    return runtime.removeprefix("runtime:")
