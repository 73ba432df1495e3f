"""One output element as text, step by step; and every operator in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from refinterp.explain.definition import find_definition, plus
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import Explanation, Index, Number, Tap
from refinterp.report.terminal import dims
from refinterp.report.words import columns, one_line, plural, shorten, some

SHOWN_TAPS: Final = 12
SHOWN_PADDING: Final = 2
_GAP: Final = "  "
_NAME: Final = 36  # columns for a tensor's name
_LISTED: Final = 6  # operators without a definition that are named

Side = Literal["<", ">"]


def explanation_lines(
    explanation: Explanation, operation: Operation, *, all_taps: bool = False, width: int = 80
) -> Iterator[str]:
    """Write an explanation, the verdict aside: heading, operands, taps, steps.

    all_taps: show them all instead of some `SHOWN_TAPS`. width: columns of the screen.
    """
    yield (
        f"operators[{explanation.operator}] {explanation.op_name} -> "
        f"{_element('y', explanation.index)}, flavour {explanation.flavour}"
    )
    found = find_definition(operation)
    names = ("x",) if found is None else found.operands
    if found is not None:
        yield f"{found.words}:"
        yield f"{_GAP}{found.formula_for(operation)}"
    yield ""
    yield from _operand_lines(_operands(operation, names), width)
    yield ""
    if explanation.taps:
        formula = found.formula if found else ""
        yield from _taps(explanation.taps, operation, names, formula, all_taps)
        yield ""
    yield from _step_lines(explanation, width)


def verdict(explanation: Explanation, operation: Operation) -> str:
    """Say whether derived and stored agree, and what the code stands for."""
    stored, derived = value(explanation.stored), value(explanation.derived)
    where = _element("y", explanation.index)
    if not explanation.agrees:
        return (
            f"{where}: stored {stored}, derived {derived}: NOT the same. The interpreter or the "
            "definition is wrong; please report it as a bug, with the model and this command"
        )
    y = operation.output
    if explanation.bound:
        return f"{where}: stored {stored}, derived {derived}: equal within {explanation.bound:.3g}"
    real = ""
    if y.quantized and y.scale:
        code = int(explanation.stored)
        real = f"; it stands for {_scaled(y, str(code))} = {y.scale * (code - y.zero):.6g}"
    return f"{where}: stored {stored}, derived {derived}: equal{real}"


def overview(operations: Sequence[Operation]) -> str:
    """Say how many operators are described, and which have no definition."""
    without = [one for one in operations if find_definition(one) is None]
    text = f"{plural(len(operations), 'operator')}, each in words and as a formula"
    if without:
        listed = some([f"{one.operator} {one.name}" for one in without], _LISTED)
        text += f"; without a definition: {listed}"
    return f"{text}; --op N --at I,J,… derives one element of operator N"


def overview_lines(operations: Sequence[Operation]) -> Iterator[str]:
    """Write two lines for every operator: what it does, and its formula with its own figures."""
    width = len(str(len(operations)))
    for operation in operations:
        found = find_definition(operation)
        shape = " ".join(dims(o.shape) for o in operation.inputs[:1] if o is not None)
        shape += f" -> {dims(operation.output.shape)}" if operation.outputs else ""
        kind = operation.key or "no kernel"
        words = found.words if found else "no definition"
        yield f"{operation.operator:{width}}  {operation.name} {kind}, {shape}: {words}"
        meaning = ""
        if operation.outputs and operation.output.scale:
            meaning = f"real y = {_scaled(operation.output, 'y')}"
        if found is not None:
            activation = operation.options.get("fused_activation_function", "NONE")
            clamp = "" if activation == "NONE" else f" with {activation}'s bounds"
            meaning = "; ".join(filter(None, [found.formula_for(operation) + clamp, meaning]))
        if meaning:
            yield f"{' ' * width}    {meaning}"
    yield ""
    yield "R(s): s times the input scales over the output's scale, rounded as the flavour does it"


def value(number: Number) -> str:
    """Write a value: integers in full, floats with ten digits."""
    return str(number) if isinstance(number, int) else f"{number:.10g}"


def aligned(rows: Sequence[Sequence[str]], sides: str, indent: str = _GAP) -> Iterator[str]:
    """Set rows of cells in columns; sides has `<` or `>` for each column."""
    widths = [max(columns(row[i]) for row in rows) for i in range(len(sides))] if rows else []
    for row in rows:
        cells = [
            " " * (width - columns(cell)) + cell
            if side == ">"
            else cell + " " * (width - columns(cell))
            for cell, width, side in zip(row, widths, sides, strict=True)
        ]
        yield (indent + _GAP.join(cells)).rstrip()


def _step_lines(explanation: Explanation, width: int) -> Iterator[str]:
    """Steps in columns; where these are too wide, the value stands before its formula."""
    steps = [(step.name, step.formula, value(step.value)) for step in explanation.steps]
    lines = list(aligned([(name, formula, "=", v) for name, formula, v in steps], "<<<>"))
    if any(columns(line) > width for line in lines):
        lines = list(aligned([(name, v, "=", formula) for name, formula, v in steps], "<><<"))
    yield from lines


def _operand_lines(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Operands in columns; where these are too wide, what codes stand for is on a line below."""
    lines = list(aligned(rows, "<<<<<"))
    if all(columns(line) <= width for line in lines):
        yield from lines
        return
    for line, row in zip(aligned([row[:-1] for row in rows], "<<<<"), rows, strict=True):
        yield line
        if row[-1]:
            yield f"{_GAP}{' ' * max(columns(r[0]) for r in rows)}{_GAP}{row[-1]}"


def _operands(operation: Operation, names: Sequence[str]) -> list[tuple[str, str, str, str, str]]:
    """Name, tensor, type, shape and meaning of every operand."""
    rows = []
    listed = [
        (names[i] if i < len(names) else f"input {i}", operand)
        for i, operand in enumerate(operation.inputs)
        if operand is not None
    ]
    for name, operand in (*listed, ("y", operation.output)):
        tensor = shorten(one_line(operand.spec.name), _NAME)
        rows.append((name, tensor, operand.dtype, dims(operand.shape), _meaning(operand)))
    return rows


def _meaning(operand: ExplainedOperand) -> str:
    """What a code stands for."""
    scales = operand.spec.scale
    if scales.size > 1:
        low, high = float(scales.min()), float(scales.max())
        return f"real = scale[channel] · code, {scales.size} scales {low:.4g} .. {high:.4g}"
    return f"real = {_scaled(operand, 'code')}" if operand.quantized else ""


def _scaled(operand: ExplainedOperand, code: str) -> str:
    centred = f"({code}{plus(-operand.zero)})" if operand.zero else code
    return f"{operand.scale:.6g} · {centred}"


def _taps(
    taps: Sequence[Tap],
    operation: Operation,
    names: Sequence[str],
    formula: str,
    all_taps: bool,
) -> Iterator[str]:
    """The table of taps; columns that no tap fills are left out.

    formula: unfilled; where it has the weights less their zero point, their heading says so.
    """
    x, w = operation.input(0), operation.optional(1)
    name = names[0]
    weight = names[1] if len(names) > 1 else "w"
    shown = taps if all_taps else _some(taps)
    heads = [
        (f"{name} at", [_index(tap.index) for tap in shown]),
        (name, ["padding" if tap.padding else _cell(tap.code) for tap in shown]),
    ]
    if x.zero and any(tap.centred is not None for tap in taps):
        heads.append((f"{name}{plus(-x.zero)}", [_cell(tap.centred) for tap in shown]))
    if any(tap.weight is not None for tap in taps):
        heads.append((f"{weight} at", [_index(tap.weight_index or ()) for tap in shown]))
        zero = plus(-w.zero) if w is not None and f"{{{weight}}}" in formula else ""
        heads.append((f"{weight}{zero}", [_cell(tap.weight) for tap in shown]))
        heads.append(("product", [_cell(tap.product) for tap in shown]))
    rows = [[head for head, _ in heads]]
    rows += [list(cells) for cells in zip(*(cells for _, cells in heads), strict=True)]
    yield from aligned(rows, ">" * len(heads))
    if len(shown) < len(taps):
        yield f"{_GAP}… {len(taps) - len(shown)} more taps; --all shows them"


def _some(taps: Sequence[Tap]) -> list[Tap]:
    """The first taps, in order, few of them in the padding."""
    if len(taps) <= SHOWN_TAPS:
        return list(taps)
    outside = [i for i, tap in enumerate(taps) if tap.padding][:SHOWN_PADDING]
    inside = [i for i, tap in enumerate(taps) if not tap.padding][: SHOWN_TAPS - len(outside)]
    return [taps[i] for i in sorted(outside + inside)]


def _cell(number: Number | None) -> str:
    return "" if number is None else value(number)


def _index(index: Index) -> str:
    return ",".join(map(str, index))


def _element(name: str, index: Index) -> str:
    return f"{name}[{', '.join(map(str, index))}]"
