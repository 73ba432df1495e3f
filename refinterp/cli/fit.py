"""Say whether models fit a board: the verdict first, what they take, and what would make them fit.

RAM is the arena to the byte, the interpreter's object and the code's variables; flash is the
model's file and TFLM's code for its operators. Exit code 1: something does not fit, or TFLM does
not run it. Without a board or sizes: which boards it fits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from refinterp.arena.optimal import TIME_LIMIT
from refinterp.boards.choice import Choice, choose, on_board
from refinterp.cli.common import (
    add_html,
    add_models,
    open_file,
    print_document,
    save_text,
    size,
    title_of,
    written_file,
)
from refinterp.cli.cost_options import Observations, add_cost, check_cost
from refinterp.cli.data import add_shape
from refinterp.cli.hardware import (
    add_boards_file,
    add_kernels,
    add_target,
    add_tflm,
    known_hardware,
)
from refinterp.cli.planner import USUAL, add_planner
from refinterp.cost.device import DeviceCost, device_cost
from refinterp.errors import UsageError
from refinterp.fit.judge import FitResult, MemorySize
from refinterp.fit.layers import layer_shares
from refinterp.fit.need import Candidate, Needs
from refinterp.fit.report import FitReport, Fitted
from refinterp.fit.suggest import Suggestions, share_arena
from refinterp.report.fit_answer import fit_answer
from refinterp.report.fit_document import fit_document
from refinterp.report.fit_table import print_fit
from refinterp.report.junit import junit
from refinterp.report.progress import progress
from refinterp.run.opening import at_shapes
from refinterp.tflm.planning import Planning
from refinterp.verdicts.delegates.taken import DELEGATES, taken

_DETAILED = 8  # results for which changes are looked for
_TOGETHER = ("shared", "apart")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)
    parser.add_argument(
        "--board",
        action="append",
        default=[],
        metavar="NAME",
        help="the board, as people call it; may be given several times (`refinterp boards`)",
    )
    parser.add_argument("--all-boards", action="store_true", help="every board that is known")
    add_target(parser)
    parser.add_argument(
        "--ram", type=size, metavar="BYTES", help="RAM there is: 256K (K = 1,024), 262144"
    )
    parser.add_argument("--flash", type=size, metavar="BYTES", help="flash there is: 1M, 960K")
    add_kernels(parser)
    add_tflm(parser, "default: on a board what is usually flashed there, else snapshot")
    add_planner(parser)
    parser.add_argument(
        "--together",
        choices=_TOGETHER,
        help="judge several models as one firmware, in one arena or each in its own",
    )
    add_boards_file(parser)
    parser.add_argument(
        "--delegate",
        action="append",
        default=[],
        choices=DELEGATES,
        help="also say which operators a delegate or NPU would take, and which stay: xnnpack "
        "(LiteRT's default), ethos-u55, ethos-u65 (by Vela's constraints)",
    )
    add_cost(parser)
    add_shape(parser, "the file's, as in TFLM")
    parser.add_argument(
        "--junit", type=written_file, metavar="F", help="also write the verdicts as JUnit XML"
    )
    add_html(parser)


def run(options: argparse.Namespace) -> int:
    """Print the answer or the document; 1 where something does not fit."""
    places = _places(options)
    check_cost(options)
    if options.together and len(options.models) < 2:
        raise UsageError(f"--together {options.together} is for several models; one is given")
    plans = Planning(TIME_LIMIT)
    detailed = len(options.models) * len(places) <= _DETAILED
    needs = Needs(options.planner, plans, ledgers=detailed)
    with progress() as show:
        candidates = [_candidate(path, options) for path in options.models]
        told = show("fits", len(candidates) * len(places))
        looks = Suggestions(needs, plans) if detailed else None
        delegated = {
            one.path: {name: taken(one.model, name) for name in dict.fromkeys(options.delegate)}
            for one in candidates
        }
        observations = Observations(options, {one.path: one.model for one in candidates})
        fitted: list[Fitted] = []
        for candidate in candidates:
            for choice, memory in places:
                result = FitResult(needs.on(candidate, choice.profile), choice, memory)
                one = _fitted(result, looks, options)
                cost = _cost(result, observations, options)
                fitted.append(replace(one, cost=cost, delegated=delegated[candidate.path]))
                told(len(fitted))
        together = _together(options, candidates, places, needs)
    report = FitReport(
        tuple(fitted),
        tuple(together),
        judged=options.together,
        every_board=bool(options.all_boards or _open(options)),
        sharing=tuple(
            share_arena(*pair, _sharing(pair[0].choice, options))
            for pair in zip(together[::2], together[1::2], strict=True)
        ),
    )
    data = fit_document(report)
    if options.html:
        from refinterp.report.page_fit import fit_page

        save_text(options.html, fit_page(report, data))
    if options.junit:
        save_text(options.junit, junit(report))
    if options.json:
        print_document(data)
    else:
        print_fit(report, fit_answer(report))
    return int(not report.fits)


def _fitted(result: FitResult, looks: Suggestions | None, options: argparse.Namespace) -> Fitted:
    """A result with what stands below it, where there are few of them."""
    if looks is None:
        return Fitted(result)
    found = looks.of(result, _words(result.choice, options), _common(options))
    return Fitted(result, found, layer_shares(result.need), detailed=True)


_RUNTIMES = {"reference": "tflm-reference", "cmsis-nn": "tflm", "esp-nn": "esp-nn"}


def _cost(
    result: FitResult, observations: Observations, options: argparse.Namespace
) -> DeviceCost | None:
    """What one inference costs there; whose times are meant follows from the kernels."""
    choice, (candidate, *_) = result.choice, result.need.candidates
    profile = choice.profile
    core = choice.core.name if choice.core is not None else profile.target.name
    kernels = profile.kernels.name
    runtime = next((r for begin, r in _RUNTIMES.items() if kernels.startswith(begin)), None)
    board = choice.board
    chip = "" if board is None else board.chip
    clock = None if board is None else board.clock_mhz
    device = observations.device(options, candidate.path, core, chip, clock, runtime)
    return device_cost(candidate.model, device)


def _open(options: argparse.Namespace) -> bool:
    """Whether nothing says for which hardware."""
    return not (options.board or options.target is not None or _sized(options))


def _sized(options: argparse.Namespace) -> bool:
    """Whether a memory was given, if only of 0 bytes."""
    return options.ram is not None or options.flash is not None


def _places(options: argparse.Namespace) -> list[tuple[Choice, MemorySize]]:
    """The builds and the memories that were asked for."""
    table = known_hardware(options)
    if options.board and (options.all_boards or options.target is not None):
        raise UsageError(
            "--board names one board, --target a chip without memories, --all-boards all of them; "
            "give one of these"
        )
    if options.all_boards and (options.target is not None or _sized(options)):
        raise UsageError("--all-boards has memories of its own; leave --target, --ram, --flash out")
    chosen: list[Choice] = []
    if options.board:
        for name in options.board:
            chosen.append(choose(table, board=name, kernels=options.kernels, tflm=options.tflm))
    elif options.all_boards or _open(options):
        for board in table.boards:
            try:
                chosen.append(on_board(table, board, kernels=options.kernels, tflm=options.tflm))
            except UsageError:
                continue  # kernels or a version that its core has not
        if not chosen:
            raise UsageError("no board has these kernels and this version of TFLM")
    else:
        chosen.append(
            choose(table, target=options.target, kernels=options.kernels, tflm=options.tflm)
        )
    return [(choice, _memory(choice, options)) for choice in chosen]


def _memory(choice: Choice, options: argparse.Namespace) -> MemorySize:
    """The board's memories; what is typed takes their place."""
    board = choice.board
    ram, flash = (None, None) if board is None else (board.ram_bytes, board.flash_bytes)
    return MemorySize(
        ram if options.ram is None else options.ram,
        flash if options.flash is None else options.flash,
    )


def _candidate(path: str, options: argparse.Namespace) -> Candidate:
    """Read a model; what is wrong with it names its file."""
    model, file = open_file(path)
    model = at_shapes(model, dict(options.shape))
    return Candidate(path, title_of(model), model, len(file))


def _together(
    options: argparse.Namespace,
    candidates: Sequence[Candidate],
    places: Sequence[tuple[Choice, MemorySize]],
    needs: Needs,
) -> list[FitResult]:
    """All models in one firmware, in one arena and each in its own, on every place."""
    if len(candidates) < 2:
        return []
    found = []
    for choice, memory in places:
        for way in _TOGETHER:
            need = needs.together(candidates, choice.profile, shared=way == "shared")
            found.append(FitResult(need, choice, memory))
    return found


def _sharing(choice: Choice, options: argparse.Namespace) -> list[str]:
    """The words that judge all models in one arena."""
    words = ["refinterp", "fit", *options.models, *_words(choice, options), "--together", "shared"]
    return words if options.kernels is None else [*words, "--kernels", options.kernels]


def _words(choice: Choice, options: argparse.Namespace) -> tuple[str, ...]:
    """The options that name hardware and memories, for a command that asks the same again."""
    words: list[str] = []
    if choice.board is not None:
        words += ["--board", choice.board.name]
    elif choice.core is not None:
        words += ["--target", choice.core.name]
    for name in ("ram", "flash"):
        value = getattr(options, name)
        if value is not None:
            words += [f"--{name}", str(value)]
    if options.planner != USUAL:
        words += ["--planner", options.planner]
    return (*words, *_common(options), "--tflm", choice.profile.tflm.name)


def _common(options: argparse.Namespace) -> tuple[str, ...]:
    """The options that any command needs to see the same models and hardware."""
    words = [] if options.boards is None else ["--boards", options.boards]
    for name, shape in options.shape:
        sizes = ",".join(map(str, shape))
        words += ["--shape", sizes if name is None else f"{name}={sizes}"]
    return tuple(words)
