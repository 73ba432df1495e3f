"""How far long work is and how long it may still take, on a terminal's standard error alone.

It is there from the first moment and gone when the work is done; in pipes and files nothing is
written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

Told = Callable[[int], None]


class Stages(Protocol):
    """Begins a stage of the work and returns what is told how much of it is done.

    total: how much there is to do, None where nobody knows. seconds: how long the stage takes,
    where that is fixed.
    """

    def __call__(
        self, label: str, total: int | None = None, *, seconds: float | None = None
    ) -> Told:
        """Begin the stage."""


@contextmanager
def progress() -> Iterator[Stages]:
    """Show the stages of some work while it goes on."""
    if not sys.stderr.isatty():
        yield _silent
        return
    display = _display()
    task: list[int] = []

    def begin(label: str, total: int | None = None, *, seconds: float | None = None) -> Told:
        while task:
            display.remove_task(task.pop())
        task.append(display.add_task(label, total=total, seconds=seconds))
        mine = task[0]

        def told(done: int) -> None:
            if task == [mine]:
                display.update(mine, completed=done)

        return told

    with display:
        begin("starting")
        yield begin


def _silent(label: str, total: int | None = None, *, seconds: float | None = None) -> Told:
    return lambda done: None


def remaining(elapsed: float, done: int, total: int | None, seconds: float | None) -> str:
    """Say how long a stage may still take, from how long it has taken so far."""
    if seconds is not None:
        left = seconds - elapsed
        return f"about {_span(left)} left" if left >= 1 else "nearly done"
    if total is None:
        return f"for {_span(elapsed)}"
    if not done:
        return f"for {_span(elapsed)}, estimating"
    return f"about {_span(elapsed * (total - done) / done)} left"


def _span(seconds: float) -> str:
    """A time in the unit that people count it in: 9 s, 2 min 5 s, 1 h 20 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _display() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Count(ProgressColumn):
        """How much is done of how much."""

        def render(self, task: Task) -> Text:
            if task.fields["seconds"] is not None:
                return Text("")
            if task.total is None:
                return Text(f"{int(task.completed):,}" if task.completed else "")
            return Text(f"{int(task.completed):,} of {int(task.total):,}")

    class Remaining(ProgressColumn):
        """How long it may still take."""

        def render(self, task: Task) -> Text:
            total = None if task.total is None else int(task.total)
            seconds = task.fields["seconds"]
            return Text(remaining(task.elapsed or 0.0, int(task.completed), total, seconds))

    return Progress(
        SpinnerColumn("line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        Count(),
        Remaining(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=4,
    )
