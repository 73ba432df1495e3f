"""A kernel as one executor has it: in the form that pays, and with its calls noted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from refinterp.kernels.workspace import Workspace
from refinterp.numerics.requantize import settled_together
from refinterp.numerics.tape import Tape

Array = NDArray[Any]

_OFTEN = 64  # runs that a second one makes likely
_AGAIN = 4  # the kernel is settled anew each time so many times as many runs have passed


def settle_together(calls: Iterable[tuple[Any, Any, Sequence[Array]]]) -> None:
    """Before the first run of some calls, find at once how all their kernels rescale.

    calls: what is called, with which operands and results. What has to be found out of a layer is
    little, and of all layers at once hardly more.
    """
    replays = [(one, outputs) for one, _, outputs in calls if isinstance(one, Replay)]
    wanted = [replay.kernel.rescalings(outputs) for replay, outputs in replays]
    settled = iter(settled_together([one for own in wanted for one in own]))
    for (replay, _), own in zip(replays, wanted, strict=True):
        if own:
            replay.kernel = replay.kernel.with_rescalings([next(settled) for _ in own])


class Replay:
    """Stands for a kernel's `eval` on arrays of always the same shapes.

    Before the first run the kernel takes the form that pays for one run, before the second the one
    that pays for many. Then notes are taken too, where the arrays themselves are always the same
    (`same`): after a run the workspace is as large as it will be.
    """

    __slots__ = ("_next", "_runs", "_same", "_tape", "kernel")

    def __init__(self, kernel: Any, *, same: bool) -> None:
        self.kernel = kernel
        self._same = same
        self._runs = 0
        self._next = 0
        self._tape: Tape | None = None

    def __call__(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Run the kernel."""
        if self._runs == self._next:
            self._advance(inputs, outputs, work)
        self._runs += 1
        if self._tape is None:
            self.kernel.eval(inputs, outputs, work)
        else:
            self._tape.play()

    def settle(self, outputs: Sequence[Array], runs: int) -> None:
        """Take the form that pays for so many runs; what was noted is void."""
        kernel = self.kernel.settle(outputs, runs)
        if kernel is not self.kernel:
            self.kernel, self._tape = kernel, None

    def _advance(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        runs = self._runs
        self._next = max(1, runs * (_OFTEN if runs == 1 else _AGAIN))
        self.settle(outputs, self._next)
        if runs and self._same and self._tape is None and self.kernel.steady:
            tape = Tape()
            if self.kernel.record(inputs, outputs, work, tape):
                self._tape = tape
