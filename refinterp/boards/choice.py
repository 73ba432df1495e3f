"""From what was typed to the build of TFLM whose figures answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from refinterp.boards.hardware import Board, Core, Hardware
from refinterp.errors import UsageError
from refinterp.tflm.targets import DEFAULT_VERSION, VERSIONS, Profile, profile


@dataclass(frozen=True, slots=True)
class Choice:
    """A build, and what was asked for.

    asked: the name that was typed, None where none was. core: its canonical name, None where no
    core was named. board: where one was named.
    """

    profile: Profile
    asked: str | None = None
    core: Core | None = None
    board: Board | None = None


def choose(
    table: Hardware,
    *,
    target: str | None = None,
    board: str | None = None,
    kernels: str | None = None,
    tflm: str | None = None,
) -> Choice:
    """Return the build that stands for a target, a chip or a board, however it is written.

    kernels: the core's usual ones when None. tflm: for a board the distribution usually flashed
    there when None, elsewhere the snapshot.

    Raises UsageError for a name that is not known, or a build that there cannot be.
    """
    if board is not None:
        return on_board(table, table.board(board), asked=board, kernels=kernels, tflm=tflm)
    if target is None:
        return Choice(profile(None, kernels, tflm or DEFAULT_VERSION))
    core = table.core(target)
    return Choice(build_for(core, kernels, tflm or DEFAULT_VERSION), target, core)


def on_board(
    table: Hardware,
    board: Board,
    *,
    asked: str | None = None,
    kernels: str | None = None,
    tflm: str | None = None,
) -> Choice:
    """Return the build for a board; its arguments, and what it raises, are those of `choose`."""
    core = table.core_called(board.core)
    if tflm is None:
        return Choice(_usual(core, kernels, board.tflm), asked or board.name, core, board)
    return Choice(build_for(core, kernels, tflm), asked or board.name, core, board)


@cache
def _usual(core: Core, kernels: str | None, tflm: str | None) -> Profile:
    """The build of a board's own distribution; of the snapshot where that has no such build."""
    if tflm is not None and tflm in VERSIONS:
        try:
            return build_for(core, kernels, tflm)
        except UsageError:
            pass
    return build_for(core, kernels, DEFAULT_VERSION)


def build_for(core: Core, kernels: str | None, tflm: str) -> Profile:
    """Return the build of a core; UsageError for one that there is not. kernels: as in `choose`."""
    builds = VERSIONS[tflm].builds if tflm in VERSIONS else ()
    own = any((build.target, build.kernels) == (core.target, core.kernels) for build in builds)
    usual = core.kernels if own or not builds else None  # a distribution has kernels of its own
    built = profile(core.target, kernels or usual, tflm)
    return replace(built, core=core.name) if core.derived else built
