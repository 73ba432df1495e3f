"""Kernels whose calls are the same at every run: noted once, then played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from refinterp.kernels.workspace import Workspace
from refinterp.numerics.tape import Tape

Array = NDArray[Any]

_AGAIN = 4  # notes are taken anew each time so many times as many runs have passed


class Replay:
    """Stands for a kernel's `eval` on always the same arrays.

    The first run is an ordinary one, after which the workspace is as large as it will be. Notes are
    taken at the second, and again now and then: a kernel that has been told that it runs often may
    have found a quicker way by then.
    """

    __slots__ = ("_kernel", "_next", "_runs", "_tape")

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._runs = 0
        self._next = 1
        self._tape: Tape | None = None

    def __call__(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Run the kernel."""
        if self._runs == self._next:
            self._note(inputs, outputs, work)
        self._runs += 1
        if self._tape is None:
            self._kernel.eval(inputs, outputs, work)
        else:
            self._tape.play()

    def _note(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        self._next = self._runs * _AGAIN
        tape = Tape(self._next - self._runs)
        if self._kernel.record(inputs, outputs, work, tape):
            self._tape = tape
