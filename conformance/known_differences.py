"""Where a runtime is wrong: that it is, and that what refinterp computes instead is right.

    python -m conformance.known_differences        writes docs/known-differences.md

What is known is data of the package (`refinterp.verdicts.differences`). Here each row is tried out:
models drawn for it, run by the runtime named, show the defect, and our results on the same models
are equal to those of a second oracle: another runtime, the same runtime on a model that means the
same, or a definition in `conformance.definitions`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from conformance import definitions
from conformance import known_models as models
from conformance.case import Case
from conformance.compare import compare, run_ours
from conformance.draw import Draw, RandomDraw
from conformance.known_models import node_of, usual
from conformance.known_sparse import as_dense, sparse
from refinterp.graph.model import Model
from refinterp.modelfile.writer import write_model
from refinterp.numerics.flavours import DEFAULT_FLAVOUR
from refinterp.runtimes import Runtime, open_runtime
from refinterp.runtimes.outcome import Case as RuntimeCase
from refinterp.runtimes.outcome import Died, Outcome, Ran, Refused
from refinterp.verdicts.differences.difference import ANY, Difference
from refinterp.verdicts.differences.table import ROWS, by_id, dtype_of, rows_of
from refinterp.verdicts.node import Node

PAGE = Path(__file__).resolve().parent.parent / "docs" / "known-differences.md"
LITERT, OPTIMIZED, TFLM = "runtime:litert-reference", "runtime:litert-optimized", "runtime:tflm"
DEFAULT = "runtime:litert"

Definition = Callable[[Case], list[list[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """How a row is tried out in one type and runtime.

    row: its id. draw: a model that is concerned. second: the runtime that our results are held
    against, or "" where it is `definition`. twin: the model the second oracle runs, where it is
    another that means the same; meaning: in words. flavour: whose arithmetic is held against it.
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
class Evidence:
    """What trying a row came to. wrong, died, refused: cases on which the oracle differs from us,
    died, or would not run.

    concerned: cases that the row's condition is true of.
    held: cases run by the second oracle; elements, differing: of our outputs against it.
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


def try_out(proof: Proof, runtimes: Runtimes, count: int, seed: int = 2026) -> Evidence:
    """Draw cases of a row, run them by its oracle and by the second one, and compare."""
    evidence = Evidence()
    for index in range(count):
        case = proof.draw(RandomDraw((seed, index)))
        mine = run_ours(case.model, case.samples, flavour=proof.flavour)
        first = runtimes[proof.oracle].run(write_model(case.model), case.samples)
        evidence.cases += 1
        evidence.concerned += proof.known in rows_of(node_of(case), short(proof.oracle))
        evidence.died += isinstance(first, Died)
        evidence.refused += isinstance(first, Refused)
        evidence.wrong += isinstance(first, Ran) and compare(case, mine, first).differing > 0
        second: Outcome = (
            proof.defined(case)
            if proof.definition
            else runtimes[proof.second].run(proof.request(case).model, proof.request(case).samples)
        )
        if isinstance(second, Ran):
            result = compare(case, mine, proof.expected(case, second))
            evidence.held += 1
            evidence.elements += result.elements + result.float_elements
            evidence.differing += result.differing
    return evidence


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


@cache
def whole_cells() -> Mapping[tuple[str, str, str], Proof]:
    """(operator, dtype key, oracle) → the row that says why another oracle is asked."""
    return MappingProxyType({proof.cell: proof for proof in PROOFS if proof.known.whole})


def row_of(model: Model, oracle: str) -> Proof | None:
    """How to hold a one-operator model that is a known difference, if it is one."""
    if len(model.subgraphs) > 1 or len(model.subgraphs[0].operators) != 1:
        return None
    node = Node(model, 0, 0)
    rows = [row for row in rows_of(node, short(oracle)) if not row.sometimes]
    for proof in PROOFS:
        if proof.known in rows and (proof.dtype, proof.oracle) == (dtype_of(node), oracle):
            return proof
    return None


# Proofs --------------------------------------------------------------------------------------


def concerned(row: str, operator: str, dtype: str) -> Any:
    """Models of the operator's generator that a row concerns."""
    return usual(operator, dtype, lambda case: by_id()[row].concerns(node_of(case)))


def _biases() -> list[Proof]:
    """int32 biases of int16 data."""
    proofs = [
        Proof(
            "litert-conv-int32-bias", "int16x8", LITERT, models.unnamed_bias("CONV_2D", 2), TFLM
        ),
        Proof(
            "tflm-depthwise-int32-bias", "int16x8", TFLM, models.short_bias, TFLM, "tflm",
            models.long_bias, "the bias as int64",
        ),
        Proof(
            "tflm-transpose-conv-int32-bias", "int16x8", TFLM,
            concerned("tflm-transpose-conv-int32-bias", "TRANSPOSE_CONV", "int16x8"),
            TFLM, "tflm", models.long_bias, "the bias as int64",
        ),
    ]  # fmt: skip
    for row, operator, position in (
        ("litert-fully-connected-int32-bias", "FULLY_CONNECTED", 2),
        ("litert-transpose-conv-int32-bias", "TRANSPOSE_CONV", 3),
    ):
        draw = models.unnamed_bias(operator, position)
        proofs.append(
            Proof(
                row, "int16x8", LITERT, draw, LITERT,
                twin=models.named_bias, meaning="the option set to INT32",
            )
        )  # fmt: skip
    return proofs


def _sparse() -> list[Proof]:
    """Constants that are stored sparse."""
    plan = [
        ("sparse-weights-int8", "int8", LITERT, 4),
        ("sparse-weights-int8", "int8", OPTIMIZED, 1),
        ("sparse-weights-float", "float32", OPTIMIZED, 8),
        ("sparse-weights-xnnpack", "int8", DEFAULT, 1),
        ("sparse-weights-xnnpack", "float32", DEFAULT, 4),
        ("sparse-weights-zero-point", "int8", DEFAULT, 1),
        ("sparse-weights-hybrid", "float32x8", LITERT, 1),
        ("sparse-weights-hybrid", "float32x8", OPTIMIZED, 4),
        ("sparse-weights-int16x8", "int16x8", LITERT, 1),
        ("sparse-weights-int16x8", "int16x8", OPTIMIZED, 4),
        ("sparse-weights-int16x8", "int16x8", DEFAULT, 16),
        ("sparse-weights-tflm", "int8", TFLM, 1),
        ("sparse-weights-tflm", "float32", TFLM, 4),
        ("sparse-weights-tflm", "int16x8", TFLM, 1),
    ]
    proofs = [
        _densely(row, dtype, oracle, "FULLY_CONNECTED", 1, block)
        for row, dtype, oracle, block in plan
    ]
    constants = [
        ("CONV_2D", "int8", 1), ("DEPTHWISE_CONV_2D", "float32", 1), ("TRANSPOSE_CONV", "int8", 1),
        ("BATCH_MATMUL", "float32", 1), ("ADD", "int8", 1), ("MUL", "int8", 1),
        ("CONCATENATION", "int8", 1), ("GATHER", "int8", 0), ("EMBEDDING_LOOKUP", "float32", 1),
    ]  # fmt: skip
    for operator, dtype, position in constants:
        proofs += [
            _densely("sparse-constant", dtype, oracle, operator, position)
            for oracle in (LITERT, OPTIMIZED, TFLM)
        ]
    return proofs


def _densely(
    row: str, dtype: str, oracle: str, operator: str, position: int, block: int = 1
) -> Proof:
    """Held against the same runtime on the constant stored dense (LiteRT's by its reference)."""
    flavour = "tflm" if oracle == TFLM else DEFAULT_FLAVOUR
    second = TFLM if oracle == TFLM else LITERT
    wanted = by_id()[row].concerns
    return Proof(
        row, dtype, oracle, sparse(operator, dtype, wanted, position, block), second, flavour,
        as_dense, "the constant stored dense", operator=operator,
    )  # fmt: skip


def _comparisons() -> list[Proof]:
    names = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    return [
        Proof(
            f"tflm-{name.lower().replace('_', '-')}-wide-scale", "int8", TFLM,
            models.wide_scales(name), LITERT, "tflm",
        )
        for name in names
    ]  # fmt: skip


PROOFS: tuple[Proof, ...] = (
    Proof("litert-sum-int8", "int8", LITERT, usual("SUM", "int8"), TFLM),
    Proof("litert-sum-int16", "int16", LITERT, usual("SUM", "int16"), TFLM),
    *_biases(),
    Proof(
        "litert-fully-connected-uint8-no-bias", "uint8", LITERT, models.without_bias, LITERT,
        twin=models.zero_bias, meaning="a bias of zeros added",
    ),
    Proof("litert-svdf-int8-state", "int8", LITERT, usual("SVDF", "int8"), TFLM, "tflm"),
    Proof(
        "litert-add-powers-of-two", "int16", LITERT, models.shifted_sum, LITERT,
        twin=models.repeated, meaning="the operand repeated beforehand",
    ),
    Proof(
        "litert-sub-fine-output", "int8", LITERT, models.scaled_up,
        definition=definitions.difference,
    ),
    Proof(
        "litert-stablehlo-gather-bare-starts", "int32", LITERT, models.bare_starts, LITERT,
        twin=models.wrapped_starts, meaning="an axis of size one added to the starts",
    ),
    Proof(
        "litert-gather-int4", "int4", LITERT, models.odd_slices, LITERT,
        twin=models.as_bytes, meaning="the same codes as int8",
    ),
    Proof(
        "litert-fully-connected-blocks", "float32x4", LITERT,
        concerned("litert-fully-connected-blocks", "FULLY_CONNECTED", "float32x4"), OPTIMIZED,
    ),
    *(
        Proof(
            row, dtype, oracle, draw(dtype), definition=definitions.softmax, flavour=short(oracle)
        )
        for row, draw in (
            ("softmax-long-rows", models.large_rows), ("softmax-flat-rows", models.flat_rows)
        )
        for dtype, oracle in (("int8", LITERT), ("uint8", LITERT), ("int8", TFLM))
    ),
    *(
        Proof(
            "resize-bilinear-beyond", "int8", oracle, models.enlarged("int8"),
            definition=definitions.resize_bilinear, flavour=short(oracle),
        )
        for oracle in (LITERT, TFLM)
    ),
    Proof(
        "tflm-space-to-batch-paddings", "int8", TFLM,
        concerned("tflm-space-to-batch-paddings", "SPACE_TO_BATCH_ND", "int8"), LITERT, "tflm",
    ),
    *(
        Proof("tflm-slice-six-axes", dtype, TFLM, models.six_axes(dtype), LITERT, "tflm")
        for dtype in ("int8", "float32")
    ),
    *_comparisons(),
    Proof("tflm-greater-int16", "int16", TFLM, models.plain_int16("GREATER"), LITERT, "tflm"),
    Proof(
        "tflm-lstm-int8-weights", "float32x8", TFLM,
        usual("UNIDIRECTIONAL_SEQUENCE_LSTM", "float32x8", models.plain_cell), LITERT, "tflm",
    ),
    *_sparse(),
)  # fmt: skip
"""How each row about an installed runtime is tried out."""


# The page ------------------------------------------------------------------------------------


def page(rows: Sequence[Difference] = ROWS) -> str:
    """The page, from the rows and their proofs alone."""
    lines = [
        "# Known differences",
        "",
        "Written by `python -m conformance.known_differences`; do not edit.",
        "",
        "Models on which a runtime is wrong: it reads or writes out of bounds, aborts, or does",
        "what nobody can have meant. refinterp computes what is meant. `inspect`, `lint`, `arena`",
        "and `run --flavour` tell of the rows that concern the model at hand. Each row names the",
        "second oracle against which our results are equal (integers bit for bit, floats within",
        "the bound of their operator); `tests/test_known_differences.py` draws such models, shows",
        "the defect and the equality. *whole*: all models of the operator and type are concerned,",
        "and [the operator matrix](operators.md) holds them against the second oracle.",
        "",
        "What is said of `tflm` is true of CMSIS-NN's and ESP-NN's builds too, where the operator",
        "is none that they have a kernel of their own for.",
        "",
        "| operator | type | runtime | | row |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_where(row))} | {row.kind} | [{row.id}](#{row.id}) |" for row in rows]
    for row in rows:
        lines += _entry(row)
    return "\n".join(lines) + "\n"


def _where(row: Difference) -> tuple[str, str, str]:
    """Operator, types and runtimes, in words."""
    operator = "any" if row.operator == ANY else row.operator
    dtypes = "any" if ANY in row.dtypes else ", ".join(row.dtypes)
    return operator, dtypes, ", ".join(row.runtimes)


def _entry(row: Difference) -> list[str]:
    """One row's own section, whose heading is its anchor."""
    operator, dtypes, runtimes = _where(row)
    whole = " (*whole*)" if row.whole else ""
    lines = [
        "",
        f"## {row.id}",
        "",
        f"{operator} ({dtypes}) in {runtimes}",
        "",
        f"- Models: {row.models}{whole}",
        f"- What it does: {row.defect}",
    ]
    if row.sometimes:
        lines.append(f"- When: {row.sometimes}")
    lines.append(f"- What to do: {row.remedy}")
    against = dict.fromkeys(proof.against for proof in PROOFS if proof.row == row.id)
    if against:
        lines.append(f"- Held against: {'; '.join(against)}")
    if row.origin:
        lines.append(f"- Measured: {row.origin}")
    return lines


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
