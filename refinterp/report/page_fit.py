"""Whether models fit, as one page: the verdict, bars of RAM and flash, shares, what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from refinterp.fit.judge import FitResult
from refinterp.fit.report import FitReport, Fitted
from refinterp.report.charts import AxisPlace, Series, stacked
from refinterp.report.fit_answer import fit_answer, models_title, place, verdict
from refinterp.report.html import Html, join, tag
from refinterp.report.page import answer, definitions, label, operator_name, page, section, tile
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.words import count, kibibytes

_RESULTS: Final = (
    Heading("model and board", number=False),
    Heading("fits", number=False),
    Heading("arena", wide=True, down=True),
    Heading("RAM left", down=True, hint="for the application"),
    Heading("flash left", down=True, hint="for the application"),
)
_CHANGES: Final = (
    Heading("change", number=False),
    Heading("RAM", down=True, hint="bytes saved"),
    Heading("flash", down=True, hint="bytes saved"),
    Heading("outputs", number=False, wide=True),
    Heading("fits then", number=False),
)
_CODE: Final = (
    Heading("operator", number=False),
    Heading("by itself", down=True, hint="with all that it needs beyond the interpreter"),
    Heading("its own", down=True, hint="what goes when it goes"),
)
_WORDS: Final = [
    ("arena", "The smallest that works, to the byte, as TFLM allocates."),
    ("interpreter", "In RAM its object, in flash its code, without operators."),
    ("kernels", "The code of the model's operators and what that needs, counted once."),
    ("stack", "The deepest chain of calls below whoever calls AllocateTensors and Invoke."),
    ("left", "What remains for the application."),
    ("kept", "Bytes of the arena that an operator keeps for good."),
    ("at peak", "Bytes it has in buffers at the moment when most are live."),
]  # fmt: skip


def fit_page(report: FitReport, data: Mapping[str, Any]) -> str:
    """Return the page. data: the same as the command's document."""
    one = report.fitted[0] if len(report.fitted) == 1 else None
    title = "models" if one is None else models_title(one.result.need)
    return page(
        f"{title}: fit",
        tag(
            "header",
            tag("h1", label(f"{title}: fit")),
            answer(fit_answer(report)),
            tag("div", *_tiles(report), class_="tiles"),
        ),
        None if one is not None else _results(report),
        *(() if one is None else _parts(one)),
        section("", definitions(_WORDS)),
        data=data,
    )


def _tiles(report: FitReport) -> list[Html]:
    if len(report.fitted) > 1:
        good = sum(one.result.fits for one in report.fitted)
        return [tile("fits", good, f"of {len(report.fitted)}", "good" if report.fits else "bad")]
    result = report.fitted[0].result
    tiles = [tile("verdict", "fits" if result.fits else "does not fit", place(result),
                  "good" if result.fits else "bad")]  # fmt: skip
    for kind, size, of, left in (
        ("RAM", result.need.ram_bytes, result.memory.ram, result.ram_left),
        ("flash", result.need.flash_bytes, result.memory.flash, result.flash_left),
    ):
        below = "of an unknown size" if of is None else f"of {kibibytes(of)}"
        mood = "bad" if left is not None and left < 0 else None
        tiles.append(tile(kind, "-" if size is None else kibibytes(size), below, mood))
    return tiles


def _results(report: FitReport) -> Html:
    rows = [_row(one.result) for one in report.fitted]
    return section("Where it fits", table("fits", _RESULTS, rows, finds="model or board"))


def _row(result: FitResult) -> Row:
    name, where = models_title(result.need), place(result)
    arena = result.need.arena_bytes
    named = tag("div", label(name), tag("span", where, class_="soft"), class_="layer")
    return Row(
        (
            Cell(named, f"{name} {where}"),
            Cell("yes" if result.fits else "no", "0" if result.fits else "1"),
            Cell("-" if arena is None else count(arena), arena),
            _left(result.ram_left),
            _left(result.flash_left),
        ),
        style="" if result.fits else "suspect",
        words=f"{name} {where}",
        detail=tag("p", verdict(result)),
    )


def _left(size: int | None) -> Cell:
    return Cell("?" if size is None else count(size), size)


def _parts(one: Fitted) -> list[Html | None]:
    need = one.result.need
    parts: list[Html | None] = []
    if need.unsupported:
        reasons = [
            ("file" if why.operator is None else f"{why.operator} {why.op_name}", why.why)
            for why in need.unsupported
        ]
        parts.append(section("What TFLM does not run", answer(reasons)))
    if need.ram_bytes is not None:
        ram = [
            ("arena", need.arena_bytes or 0),
            *([("margin of the arena", need.margin_bytes)] if need.margin_bytes else []),
            ("interpreter", need.interpreter_bytes),
            ("variables of TFLM", need.code.total.ram),
            ("stack", need.stack.bytes or 0),
        ]
        parts.append(_bars("RAM", ram, one.result.memory.ram))
    flash = [
        ("model", need.model_bytes),
        ("interpreter", need.code.core.flash),
        ("kernels", need.code.kernels.flash),
    ]
    parts.append(_bars("Flash", flash, one.result.memory.flash))
    if one.layers and need.ledger is not None:
        parts.append(_layers(one))
    if one.suggestions:
        parts.append(_changes(one))
    if need.code.operators:
        parts.append(_code(one))
    return parts


def _bars(title: str, parts: Sequence[tuple[str, int]], of: int | None) -> Html:
    """What takes how much of what there is, a bar each."""
    whole = max(of or 0, sum(size for _, size in parts), 1)
    if of is not None:
        parts = [*parts, ("left", of - sum(size for _, size in parts))]
    heading = (Heading(title, number=False), Heading("bytes", down=True))
    rows = [
        Row((Cell(name, name), Cell(_bar(size, whole), size)), style="suspect" if size < 0 else "")
        for name, size in parts
    ]
    return section(title, table(f"parts-{title.lower()}", heading, rows))


def _bar(size: int, whole: int) -> Html:
    share = 100 * max(0, size) / whole
    return join(
        (
            tag("i", tag("i", style=f"width:{share:.1f}%"), class_="bar"),
            tag("span", count(size)),
        )
    )


def _layers(one: Fitted) -> Html:
    columns = [AxisPlace(str(layer.operator), "", marked=False) for layer in one.layers]
    series = [
        Series(
            title,
            "bars",
            [float(value) for value in values],
            [
                f"operator {layer.operator} ({layer.op_name}): {count(value)} B"
                for layer, value in zip(one.layers, values, strict=True)
            ],
        )
        for title, values in (
            ("flash, bytes of constants", [layer.constant_bytes for layer in one.layers]),
            ("RAM, bytes kept", [layer.kept_bytes for layer in one.layers]),
            ("RAM, bytes at the peak", [layer.peak_bytes for layer in one.layers]),
        )
    ]
    return section("Shares by operator", stacked(columns, series, "operator"))


def _changes(one: Fitted) -> Html:
    rows = []
    for found in one.suggestions:
        said = found.command or "not applied: measured on a rewritten graph"
        rows.append(
            Row(
                (
                    Cell(found.change, found.change),
                    Cell(count(found.ram_gain_bytes), found.ram_gain_bytes),
                    Cell(count(found.flash_gain_bytes), found.flash_gain_bytes),
                    Cell("may change" if found.changes_outputs else "the same", None),
                    Cell("yes" if found.fits else "no", None),
                ),
                detail=tag("p", tag("code", said)),
            )
        )
    return section("What would save memory", table("changes", _CHANGES, rows))


def _code(one: Fitted) -> Html:
    rows = [
        Row(
            (
                Cell(operator_name(code.operator), code.operator),
                Cell(count(code.alone_bytes), code.alone_bytes),
                Cell(count(code.own_bytes), code.own_bytes),
            )
        )
        for code in one.result.need.code.operators
    ]
    note = None if one.result.need.code.measured else "An estimate: the mean of builds like it."
    return section("Flash of kernels", table("kernel-code", _CODE, rows), note=note)
