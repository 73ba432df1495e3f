"""Whether models fit, in a few lines: the verdict, what RAM and flash go to, what is left.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from refinterp.fit.judge import FitResult, smallest
from refinterp.fit.need import Need
from refinterp.fit.report import FitReport
from refinterp.fit.stack import StackNeed
from refinterp.report.delegates import delegate_lines
from refinterp.report.words import count, kibibytes, one_line, plural, some

Lines = list[tuple[str, str]]
NAMED: Final = 5  # boards, or operators, that are named


def fit_answer(report: FitReport) -> Lines:
    """Return (label, text) lines; the first is the verdict."""
    asked = report.asked
    if len(asked) == 1:
        lines = _one(asked[0])
        if report.judged is not None:
            return [*lines, *_together(report)]
        one = report.fitted[0]
        costs = [] if one.cost is None else one.cost.lines()
        delegated = delegate_lines(one.result.need.candidates[0].model, one.delegated)
        return [*lines, *costs, *delegated]
    models = list(dict.fromkeys(one.need.candidates for one in asked))
    if len(models) == 1:
        return [*_boards(models_title(asked[0].need), asked), *_together(report)]
    lines = [("verdict", _models(asked, len(models)))]
    for model in models if len(asked) > len(models) else ():
        of = [one for one in asked if one.need.candidates == model]
        lines.append((one_line(model[0].title), _boards("", of)[0][1].lstrip()))
    return [*lines, *_together(report)]


def models_title(need: Need) -> str:
    """The models' names."""
    return some([one_line(one.title) for one in need.candidates], NAMED)


def place(result: FitResult) -> str:
    """Where it is judged: the board, or the core with its sizes."""
    if result.choice.board is not None:
        return result.choice.board.name
    known = [
        f"{kibibytes(size)} {kind}"
        for size, kind in ((result.memory.ram, "RAM"), (result.memory.flash, "flash"))
        if size is not None
    ]
    where = result.need.profile.place
    return f"{where} with {' and '.join(known)}" if known else where


def verdict(result: FitResult) -> str:
    """Whether it fits, and with how much to spare or how much too little."""
    need = result.need
    fits, not_fit = _fits(need), "do not fit" if len(need.candidates) > 1 else "does not fit"
    if need.unsupported or need.ram_bytes is None:
        return f"{not_fit}: {refusal(need)}"
    missing = [
        f"{kind} is {count(-left)} B too small"
        for kind, left in (("RAM", result.ram_left), ("flash", result.flash_left))
        if left is not None and left < 0
    ]
    if missing:
        return f"{not_fit}: {' and '.join(missing)}"
    memory = result.memory
    parts = [used(need.ram_bytes, memory.ram, "RAM"), used(need.flash_bytes, memory.flash, "flash")]
    unknown = [
        option
        for option, there_is in (("--ram 256K", memory.ram), ("--flash 1M", memory.flash))
        if there_is is None
    ]
    if not unknown:
        return f"{fits}{_barely(result)}: {', '.join(parts)}"
    return (
        f"{fits}, as far as is known: {', '.join(parts)}; {' '.join(unknown)} "
        f"{'says' if len(unknown) == 1 else 'say'} how much there is"
    )


def _barely(result: FitResult) -> str:
    """That an estimate may be off by more than what is left."""
    need = result.need
    code = need.code
    doubts = {
        "RAM": (result.ram_left, (need.stack.bytes or 0) * need.stack.low),
        "flash": (result.flash_left, code.total.flash * code.error),
    }
    short = [kind for kind, (left, error) in doubts.items() if left is not None and left < error]
    return f", but an estimate may be off by more than the {' and '.join(short)} left" * bool(short)


def _fits(need: Need) -> str:
    return "fit" if len(need.candidates) > 1 else "fits"


def refusal(need: Need) -> str:
    """Why TFLM does not run it: the first reason, and how many more there are."""
    if not need.unsupported:
        return "TFLM does not set them up in one arena"
    first, *others = need.unsupported
    where = "" if first.operator is None else f"operator {first.operator} ({first.op_name}): "
    more = f" (and {plural(len(others), 'more operator')})" if others else ""
    it = "them" if len(need.candidates) > 1 else "it"
    return f"TFLM does not run {it}: {where}{one_line(first.why)}{more}"


def used(size: int, of: int | None, kind: str) -> str:
    """Bytes of what there is: 80.3 KiB of 256.0 KiB RAM; those alone where that is not known."""
    return (
        f"{kibibytes(size)} {kind}"
        if of is None
        else f"{kibibytes(size)} of {kibibytes(of)} {kind}"
    )


def _one(result: FitResult) -> Lines:
    need = result.need
    lines = [("verdict", f"{models_title(need)} on {place(result)} {verdict(result)}")]
    if need.arena_bytes is not None and need.ram_bytes is not None:
        variables = need.code.total.ram
        margin = f" and a margin of {count(need.margin_bytes)} B" if need.margin_bytes else ""
        lines.append(
            (
                "RAM",
                f"{count(need.ram_bytes)} B: arena {count(need.arena_bytes)} B{margin}, "
                f"interpreter {count(need.interpreter_bytes)} B, TFLM's variables "
                f"{count(variables)} B, {stack(need.stack)}",
            )
        )
    lines.append(("flash", flash(need)))
    left = [
        f"{count(size)} B of {kind}"
        for size, kind in ((result.ram_left, "RAM"), (result.flash_left, "flash"))
        if size is not None and size >= 0
    ]
    if left and result.fits:
        lines.append(("left", f"{' and '.join(left)} for the application"))
    lines.append(("build", f"{need.profile.label}; arena {need.profile.provenance}"))
    if need.margin_bytes:
        tflm = need.profile.tflm
        lines.append(
            ("margin", f"{tflm.why_usual}; --tflm {tflm.usual} has the figures of such a build")
        )
    board = result.choice.board
    if board is not None and board.second_look:
        lines.append(("look again", f"{board.name}: {board.second_look}"))
    return lines


def stack(need: StackNeed) -> str:
    """What is taken of the stack at its deepest, and how that is known."""
    if need.bytes is None:
        return "stack not known and not counted"
    text = f"stack {count(need.bytes)} B ("
    if need.measured:
        text += f"measured on {need.build}"
    else:
        text += f"estimate, up to {100 * need.low:.0f} % too low"
    if need.unknown:
        text += f"; without {some(need.unknown, NAMED)}"
    return f"{text})"


def flash(need: Need) -> str:
    """What flash goes to."""
    code = need.code
    text = (
        f"{count(need.flash_bytes)} B: model {count(need.model_bytes)} B, interpreter "
        f"{count(code.core.flash)} B, kernels {count(code.kernels.flash)} B"
    )
    if code.measured:
        text += f"; code linked and measured ({code.build})"
    else:
        text += f"; code is an estimate, up to {100 * code.error:.0f} % off"
    if code.unknown:
        text += f"; without {some(code.unknown, NAMED)}, of which no figure is known"
    return text


def _boards(title: str, results: Sequence[FitResult]) -> Lines:
    fitting = [one for one in results if one.fits]
    text = f"{title} {_fits(results[0].need)} {len(fitting)} of {plural(len(results), 'board')}"
    if not fitting:
        reasons = Counter(refusal(one.need) for one in results if one.need.unsupported)
        if sum(reasons.values()) < len(results):
            return [("verdict", text)]
        most = reasons.most_common(1)[0][0]
        return [("verdict", f"{text}: {most}{', or alike' if len(reasons) > 1 else ''}")]
    least = [place(one) for one in smallest(results, NAMED)]
    return [("verdict", f"{text}; the smallest: {', '.join(least)}" if least else text)]


def _models(results: Sequence[FitResult], models: int) -> str:
    if len(results) == models:
        fitting = [one for one in results if one.fits]
        text = f"{len(fitting)} of {models} models fit {place(results[0])}, each by itself"
        others = [models_title(one.need) for one in results if not one.fits]
        return f"{text}; not {some(others, NAMED)}" if others else text
    boards = {place(one) for one in results}
    all_fit = [
        where
        for where in dict.fromkeys(map(place, results))
        if all(one.fits for one in results if place(one) == where)
    ]
    text = f"all {models} models, each by itself, fit {len(all_fit)} of {len(boards)} boards"
    return f"{text}: {some(all_fit, NAMED)}" if all_fit else text


def _together(report: FitReport) -> Lines:
    """All models in one firmware, where that is one place."""
    found = []
    for way, words in (("shared", "in one arena"), ("apart", "each in its own arena")):
        results = report.of(way)
        if len(results) == 1:
            one = results[0]
            arena = one.need.arena_bytes
            size = "" if arena is None else f" ({count(arena)} B of arena)"
            found.append((way, f"all in one firmware, {words}{size} {verdict(one)}"))
        elif results:
            fitting = sum(one.fits for one in results)
            found.append(
                (way, f"all in one firmware, {words}: fit {fitting} of {len(results)} boards")
            )
    return found
