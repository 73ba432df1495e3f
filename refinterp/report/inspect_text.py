"""What a model holds and what each runtime does with it, for people: the answer first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refinterp.errors import RefinterpError
from refinterp.graph.constants import has_constant
from refinterp.graph.finding import Finding
from refinterp.graph.model import OPTIONAL, Model, Tensor
from refinterp.report.inspect_document import Inspected, main_tensors
from refinterp.report.lint_answer import finding_groups
from refinterp.report.terminal import Column, dims, print_answer, print_table, print_text
from refinterp.report.words import count, one_line, operator_place, operators, plural
from refinterp.run.support import Support
from refinterp.verdicts.answers import RuntimeAnswer
from refinterp.verdicts.differences.difference import PAGE
from refinterp.verdicts.differences.table import by_id
from refinterp.verdicts.verdict import (
    CMSIS_NN_MVE,
    ESP_NN,
    LITERT,
    LITERT_OPTIMIZED,
    LITERT_REFERENCE,
    TFLM,
    Answer,
    Verdict,
)

_LETTERS: Final = {
    LITERT_REFERENCE: "R", LITERT_OPTIMIZED: "O", LITERT: "D", TFLM: "T", CMSIS_NN_MVE: "C",
    ESP_NN: "E",
}  # fmt: skip
_OTHERWISE: Final = {"refuses": "x", "aborts": "x", "differs": "~", None: "?"}
_DOES: Final = {
    "runs": "run it as meant", "differs": "compute something else",
    "refuses": "refuse it", "aborts": "abort on it", None: "were never tried with all of it",
}  # fmt: skip
_SAID: Final = {
    "refuses": "refuses", "aborts": "aborts", "differs": "computes something else",
    "runs": "runs, but", None: "unknown",
}  # fmt: skip
_STYLES: Final[dict[Answer | None, str]] = {
    "refuses": "bold red",
    "aborts": "bold red",
    "differs": "yellow",
}
_MOST_OPERATORS: Final = 12  # named in a line
_MOST_SENTENCES: Final = 2  # of one kind

Place = tuple[int, int | None]
"""Subgraph and operator; no operator where the file is meant."""


def print_inspected(shown: Inspected) -> None:
    """Print one model: the verdict, what goes in and out, the runtimes, the operators."""
    model = shown.model
    print_answer([("verdict", verdict(shown)), *_model(shown), *_ends(shown)])
    _print_reasons(shown.runtimes)
    for number in range(len(model.subgraphs)):
        _print_subgraph(shown, number)
    print_text()
    print_text(_legend(shown.runtimes))
    _print_findings(shown.findings)


def print_many(shown: Sequence[Inspected | tuple[str, RefinterpError]]) -> None:
    """Print several models: a table of what they come to, then each under its name."""
    read = [one for one in shown if isinstance(one, Inspected)]
    print_answer([("verdict", verdict_of_many(shown))])
    print_table(
        [Column("model", fold=True), Column("refinterp"), Column("runs", "right")],
        [_summary(one) for one in shown],
    )
    if read:
        print_text(_legend(read[0].runtimes))
    for one in shown:
        print_text()
        if isinstance(one, Inspected):
            print_text(one_line(one.model.source or "standard input"), style="bold")
            print_inspected(one)
        else:
            print_text(one_line(one[0]), style="bold")
            print_answer([("verdict", f"refused: {one_line(str(one[1]))}")])


def _summary(one: Inspected | tuple[str, RefinterpError]) -> tuple[str, str, str]:
    if not isinstance(one, Inspected):
        return one_line(one[0]), "refused", "-"
    letters = "".join(
        _LETTERS[r.runtime] if r.verdict == "runs" else _OTHERWISE[r.verdict] for r in one.runtimes
    )
    return one_line(one.model.source or "standard input"), "no" if one.refused else "runs", letters


def verdict_of_many(shown: Sequence[Inspected | tuple[str, RefinterpError]]) -> str:
    """How many of several models refinterp runs, and how many cannot be read."""
    read = [one for one in shown if isinstance(one, Inspected)]
    run = sum(not one.refused for one in read)
    said = f"refinterp runs {run} of {plural(len(shown), 'model')}"
    refused = len(shown) - len(read)
    return f"{said}; {refused} cannot be read" if refused else said


def verdict(shown: Inspected) -> str:
    """The answer in a sentence: whether refinterp runs it, and which runtimes do what."""
    ours = f"refinterp does not run it: {shown.refused}" if shown.refused else "refinterp runs it"
    groups: dict[str | None, list[str]] = {}
    for one in shown.runtimes:
        groups.setdefault(one.verdict, []).append(one.runtime)
    said = [
        f"{', '.join(groups[kind])} {_plural(_DOES[kind], len(groups[kind]))}"
        for kind in ("refuses", "aborts", "differs", "runs", None)
        if kind in groups
    ]
    return "; ".join([ours, *said])


def _plural(does: str, number: int) -> str:
    """The words for several, or for one: run, runs; were, was."""
    first, rest = does.split(" ", 1)
    one = {"were": "was", "refuse": "refuses"}.get(first, first + "s")
    return f"{first if number > 1 else one} {rest}"


def _model(shown: Inspected) -> Iterable[tuple[str, str]]:
    model = shown.model
    constants = sum(buffer.data.size for buffer in model.buffers)
    number = sum(len(graph.operators) for graph in model.subgraphs)
    yield (
        "model",
        f"{one_line(model.source or 'standard input')}"
        f"{f' (array {model.array})' if model.array else ''}: schema version {model.version}, "
        f"{plural(len(model.subgraphs), 'subgraph')}, {plural(number, 'operator')}, "
        f"{count(constants)} B of constants",
    )
    if model.description:
        yield "", one_line(model.description)


def _ends(shown: Inspected) -> Iterable[tuple[str, str]]:
    for side in ("inputs", "outputs"):
        for index in main_tensors(shown.model, side):
            tensor = shown.model.subgraphs[0].tensors[index]
            yield side[:-1], f"{index} {one_line(tensor.name)}: {_type(tensor)}"
    for found in shown.open_inputs:
        yield "open", one_line(str(found))


def _type(tensor: Tensor) -> str:
    text = f"{tensor.dtype} {dims(tensor.shape)}"
    q = tensor.quantization
    if q is not None and q.scale.size == 1:
        zero = int(q.zero_point[0]) if q.zero_point.size else 0
        text += f", scale {float(q.scale[0]):.6g}, zero point {zero}"
    elif q is not None and q.scale.size:
        text += f", {q.scale.size} scales along axis {q.quantized_dimension}"
    return text


# What stands against runtimes


@dataclass(frozen=True, slots=True)
class Reason:
    """One kind of thing that is said of operators of one name.

    whys: (place, sentence), those that say the same together.
    """

    verdict: Answer | None
    row: str
    name: str
    places: tuple[Place, ...]
    whys: tuple[tuple[Place, str], ...]


def reasons(runtimes: Sequence[RuntimeAnswer]) -> dict[Reason, list[str]]:
    """Each reason once, with the runtimes it is true of; what stops a runtime comes first."""
    found: dict[Reason, list[str]] = {}
    for one in runtimes:
        groups: dict[tuple[Any, ...], list[Verdict]] = {}
        for told in one.told:
            name = "" if told.verdict is None else told.op_name
            groups.setdefault((told.verdict, told.row, name, told.rule), []).append(told)
        for (kind, row, name, _), verdicts in groups.items():
            places = tuple(dict.fromkeys((v.subgraph, v.operator) for v in verdicts))
            whys = {v.why: (v.subgraph, v.operator) for v in reversed(verdicts)}
            first = tuple((place, why) for why, place in reversed(whys.items()))
            found.setdefault(Reason(kind, row, name, places, first), []).append(one.runtime)
    order = ("refuses", "aborts", "differs", "runs", None)
    return dict(sorted(found.items(), key=lambda item: order.index(item[0].verdict)))


def _print_reasons(runtimes: Sequence[RuntimeAnswer]) -> None:
    for reason, names in reasons(runtimes).items():
        print_text()
        print_text(
            f"{_SAID[reason.verdict]}: {', '.join(names)}{_where(reason)}",
            style=_STYLES.get(reason.verdict),
        )
        shown = reason.whys if len(reason.whys) <= _MOST_SENTENCES else reason.whys[:1]
        for place, why in shown:
            at = f"{operator_place(place)}: " if len(reason.whys) > 1 else ""
            print_text(f"  {at}{one_line(why)}")
        if len(shown) < len(reason.whys):
            print_text("  the others alike; --json says each")
        if reason.row:
            print_text(f"  do: {one_line(by_id()[reason.row].remedy)}")
            print_text(f"  see {PAGE}#{reason.row}")


def _where(reason: Reason) -> str:
    if all(operator is None for _, operator in reason.places):
        return " (the file)"
    named = f" ({reason.name})" if reason.name else ""
    return f", {operators(reason.places, _MOST_OPERATORS)}{named}"


def _legend(runtimes: Sequence[RuntimeAnswer]) -> str:
    letters = ", ".join(f"{_LETTERS[one.runtime]} {one.runtime}" for one in runtimes)
    return (
        f"runs: {letters}; in a letter's place x: refuses or aborts, ~: computes something else, "
        "?: never tried. kernel: refinterp's, by types."
    )


# Operators


def _print_subgraph(shown: Inspected, number: int) -> None:
    graph = shown.model.subgraphs[number]
    named = f" ({one_line(graph.name)})" if graph.name else ""
    print_text()
    print_table(
        [
            Column("op", "right"),
            Column("operator", whole=True),
            Column("kernel", fold=True),
            Column("runs", "right"),
            Column("in", fold=True),
            Column("out", fold=True),
            Column("output", cut=True),
        ],
        [_row(shown, kernel) for kernel in shown.kernels if kernel.subgraph == number],
        title=f"subgraph {number}{named}",
    )


def _row(shown: Inspected, kernel: Support) -> tuple[object, ...]:
    model = shown.model
    graph = model.subgraphs[kernel.subgraph]
    operator = graph.operators[kernel.operator]
    data = [t for t in _existing(model, kernel.subgraph, operator.inputs) if _fed(model, t)]
    made = _existing(model, kernel.subgraph, operator.outputs)
    return (
        kernel.operator,
        kernel.name,
        one_line("; ".join(kernel.misfits)) or kernel.dtype or "none",
        "".join(_letter(one, kernel) for one in shown.runtimes),
        " ".join(dims(t.shape) for t in data),
        " ".join(dims(t.shape) for t in made),
        " ".join(one_line(t.name) for t in made),
    )


def _letter(one: RuntimeAnswer, kernel: Support) -> str:
    found = one.operators[kernel.subgraph, kernel.operator].verdict
    return _LETTERS[one.runtime] if found == "runs" else _OTHERWISE[found]


def _existing(model: Model, subgraph: int, indices: Sequence[int]) -> list[Tensor]:
    tensors = model.subgraphs[subgraph].tensors
    return [tensors[i] for i in indices if OPTIONAL < i < len(tensors)]


def _fed(model: Model, tensor: Tensor) -> bool:
    return not has_constant(model, tensor)


# Findings


def _print_findings(findings: Sequence[Finding]) -> None:
    """Findings about the file, those of one kind together."""
    for group in finding_groups(findings):
        print_text()
        style = "bold red" if group.severity == "error" else None
        print_text(f"{group.severity}: {group.id}", style=style)
        for finding in group.findings[:_MOST_OPERATORS]:
            print_text(f"  {one_line(finding.evidence)}")
        if len(group.findings) > _MOST_OPERATORS:
            print_text(f"  and {count(len(group.findings) - _MOST_OPERATORS)} more of this kind")
        print_text(f"  remedy: {one_line(group.remedy)}")
