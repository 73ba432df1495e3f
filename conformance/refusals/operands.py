"""Which types and ranks of each operand some installed runtime runs.

`python -m conformance.refusals.operands` draws valid models of every operator, gives one operand or
result at a time another type or another rank, with the same values, and writes which of the
runtimes ran the model. Tests hold the table of operators (`refinterp/graph/operators.py`) against
the results: what every runtime refuses, no row should allow, and what one runs, no row may forbid.
"""

from __future__ import annotations

import argparse
import contextlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from conformance.refusals.edits import operator_at, tensors_of, value_of, with_tensor, with_value
from conformance.rows_file import write_rows
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import OPERATORS
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Ran, RuntimeCase, open_runtime

OUT: Final = Path(__file__).parents[1] / "results" / "operands.json"
RUNTIMES: Final = {"litert-reference": "r", "tflm": "t"}
"""The runtimes asked, and their letters; LiteRT's optimized kernels share the checks."""
TYPES: Final = (
    "float32", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "bool",
)  # fmt: skip
_RATHER: Final = ("float32", "int8")  # what operators are tried with, where there is a choice
_KEYS: Final = 2


@dataclass(frozen=True, slots=True)
class Edit:
    """A case with one operand changed.

    beside: the operand whose type decides, and its type, if there is one.
    found: a type, or "rank 2".
    """

    operator: str
    operand: str
    beside: tuple[tuple[str, str], ...]
    found: str
    case: Case = field(compare=False)


def edits(operator: str) -> Iterator[Edit]:
    """Every operand and result of a few models with every other type and nearby ranks."""
    keys = [key for key in load_all() if key[0] == operator]
    keys.sort(key=lambda key: (key[1].split("-")[0].split("_")[0] not in _RATHER, key[1]))
    for name, dtype in keys[:_KEYS]:
        case = load_all()[name, dtype](RandomDraw([zlib.crc32(f"{name} {dtype}".encode()), 0]))
        operators = case.model.subgraphs[0].operators
        at = next((i for i, one in enumerate(operators) if one.name == operator), None)
        if at is not None:
            yield from _edits(case, at)


def _edits(case: Case, at: int) -> Iterator[Edit]:
    operator, tensors = operator_at(case, at), tensors_of(case)
    facts = OPERATORS[operator.name]
    names = facts.signature(len(operator.inputs))
    beside: dict[str, str] = {}
    for place, index in enumerate(operator.inputs):
        if index != OPTIONAL:
            beside.setdefault(names.kind_of(place), str(tensors[index].dtype))
    kinds = [(names.kind_of(p), i) for p, i in enumerate(operator.inputs) if i != OPTIONAL]
    results = facts.results or ("output",) * len(operator.outputs)
    named = zip(results, operator.outputs, strict=False)
    kinds += [(kind, i) for kind, i in named if i not in operator.inputs]
    seen = set()
    for kind, index in kinds:
        if kind in seen or str(tensors[index].dtype) not in STORAGE:
            continue
        seen.add(kind)
        rule = facts.types.get(kind)
        if rule is not None and rule != kind:
            leading = rule if isinstance(rule, str) else getattr(rule, "operand", None)
            rest = ((leading, beside[leading]),) if leading in beside else ()
            for dtype in dict.fromkeys((str(tensors[index].dtype), *TYPES)):
                with contextlib.suppress(ValueError, OverflowError, KeyError):
                    yield Edit(operator.name, kind, rest, dtype, _retyped(case, index, dtype))
        if index in operator.inputs:
            for shape in _shapes(tensors[index].shape):
                changed = with_tensor(case, index, shape=shape, shape_signature=None)
                yield Edit(operator.name, kind, (), f"rank {len(shape)}", changed)


def _retyped(case: Case, index: int, dtype: str) -> Case:
    tensor = tensors_of(case)[index]
    value = value_of(case.model, tensor)
    if value is None or tensor.dtype == dtype:
        return with_tensor(case, index, dtype=dtype)
    return with_value(case, index, value, dtype=dtype, sparsity=None)


def _shapes(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Its own shape, and others with as many elements."""
    size = 1
    for extent in shape:
        size *= extent
    given = [tuple(shape), (1, *shape), (1, 1, *shape), (*shape, 1)]
    if size == 1:
        given += [(), (1,), (1, 1)]
    if len(shape) > 1:
        given += [(size,), (size // max(shape[-1], 1), shape[-1])]
    if shape and shape[0] == 1:
        given.append(tuple(shape[1:]))
    return list(dict.fromkeys(given))


def survey(operators: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A row for each operand: what was tried, and the runtimes that ran it, by their letters."""
    with contextlib.ExitStack() as stack:
        opened = {n: stack.enter_context(open_runtime(f"runtime:{n}")) for n in RUNTIMES}
        for operator in operators:
            made = list(edits(operator))
            requests = [RuntimeCase(write_model(e.case.model), e.case.samples) for e in made]
            rows: dict[tuple[Any, ...], dict[str, Any]] = {}
            for name, runtime in opened.items():
                for edit, outcome in zip(made, runtime.run_many(requests), strict=True):
                    row = rows.setdefault(
                        (edit.operand, edit.beside),
                        {
                            "operator": operator,
                            "operand": edit.operand,
                            "beside": dict(edit.beside),
                        },
                    )
                    ran = row.setdefault("runs", {}).setdefault(edit.found, "")
                    if isinstance(outcome, Ran) and RUNTIMES[name] not in ran:
                        row["runs"][edit.found] += RUNTIMES[name]
            yield from rows.values()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the survey and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operator", action="append", help="only these")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    rows = []
    for row in survey(given.operator or sorted(OPERATORS)):
        rows.append(row)
        print(row, flush=True)
    write_rows(given.out, rows)


if __name__ == "__main__":
    main()
