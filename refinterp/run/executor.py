"""A program in its memory: inputs are set, it is run, outputs are read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from refinterp.arena.problem import Plan
from refinterp.errors import StateError, UnsupportedError, UsageError
from refinterp.kernels.contract import EndRun
from refinterp.run.loop import Array, Loop, Observer
from refinterp.run.memory import POISON, Memory, lay_out, read_only
from refinterp.run.program import Program


class Executor:
    """A program in its memory.

    samples: how many samples run at once, along a leading axis of every tensor; programs that are
    not `batchable` take 1. plan: offsets to use instead of the greedy plan, in the order of
    `arena.lifetimes`. poison: overwrite tensors as soon as they are dead, so that whoever reads one
    too late gets garbage instead of luck.
    """

    def __init__(
        self,
        program: Program,
        *,
        samples: int = 1,
        plan: Plan | None = None,
        poison: bool = False,
    ) -> None:
        if samples < 1:
            raise UsageError(f"samples is {samples}; at least 1 is needed")
        if samples > 1 and not program.batchable:
            raise UnsupportedError(
                "the model has control flow, shapes that depend on data, or variables that are set "
                f"from outside: it runs one sample at a time, not {samples}"
            )
        self.program = program
        self.memory: Memory = lay_out(program, samples, plan)
        self._run = Loop(program, self.memory)
        self._staged = {
            i: np.zeros_like(view)
            for i in program.graph.inputs
            if (view := self.memory.views[i]) is not None and program.specs[i].data is None
        }
        views = self.memory.views
        self._feeds = [(views[i], staged) for i, staged in self._staged.items()]
        self._dead = self._deaths() if poison else None
        self.reset_variables()

    @property
    def samples(self) -> int:
        """How many samples one invocation runs."""
        return self.memory.samples

    def input(self, tensor: int) -> Array:
        """Return the array an input is taken from at the next invocation: (S, *shape)."""
        try:
            return self._staged[tensor]
        except KeyError:
            raise UsageError(
                f"tensor {tensor} is not an input; inputs are {list(self._staged)}"
            ) from None

    def read(self, tensor: int) -> Array:
        """Return a read-only view (S, *shape) of a tensor as the last operator left it.

        Raises StateError when its bytes have been written over since, naming by what; UsageError
        when it has none.
        """
        if tensor in self._staged:
            return read_only(self._staged[tensor])
        reader = self.memory.reader(tensor)
        named = f"tensor {tensor} ({self.program.specs[tensor].name!r})"
        if reader is None:
            raise UsageError(f"{named} has no bytes to read")
        by = self.memory.overwriter(tensor)
        if by is not None:
            raise StateError(
                f"{named} was overwritten by {by!r}, which shares its bytes in the arena"
            )
        if self._dead is not None and any(tensor in dead for dead in self._dead):
            raise StateError(f"{named} was poisoned after its last use, as asked for")
        return reader

    def reset_variables(self) -> None:
        """Set every variable to its zero: the zero point of int8, else 0, as LiteRT and TFLM do.

        Resource variables follow the flavour: LiteRT leaves them alone, TFLM fills them.
        """
        self._run.reset()

    def settle(self, runs: int) -> None:
        """Look now for what makes so many runs fast, which else is done as runs are made.

        What is computed stays the same. Only for programs whose samples can run side by side.
        """
        self._run.settle(runs)

    def invoke(
        self, observers: Sequence[Observer] = (), *, called: Sequence[Observer] = ()
    ) -> None:
        """Run every operator once, on all samples.

        called: observers of the subgraphs that operators call; a step says which it is of.
        """
        self._run.called = called
        for view, staged in self._feeds:
            np.copyto(view, staged)  # type: ignore[arg-type]
        with contextlib.suppress(EndRun):
            self._run.graph(self.program.subgraph, observers, self._poison if self._dead else None)

    def _poison(self, index: int) -> None:
        for tensor in self._dead[index] if self._dead else ():
            view = self.memory.views[tensor]
            if view is not None:
                view.reshape(-1).view(np.uint8).fill(POISON)

    def _deaths(self) -> list[list[int]]:
        """Per step, the tensors nobody reads after it."""
        dead: list[list[int]] = [[] for _ in self.program.steps]
        if not self.program.batchable:
            return dead  # calls shift the scopes, and make lives that overlap
        for resident in self.memory.residents:
            scope = resident.last_use - 1  # operator i runs at scope i + 1
            if resident.tensor is not None and 0 <= scope < len(dead) - 1:
                dead[scope].append(resident.tensor)
        return dead
