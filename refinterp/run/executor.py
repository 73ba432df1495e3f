"""The loop: every operator in order, inside the arena, with observers looking on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.problem import Plan
from refinterp.errors import StateError, UsageError
from refinterp.kernels.workspace import Workspace
from refinterp.run.memory import POISON, Memory, lay_out
from refinterp.run.prepare import Program, Step

Array = NDArray[Any]
Moment = Literal["before", "after"]


class Observer(Protocol):
    """Called before and after each operator.

    The views, (S, *shape), are read-only and void after the call: copy what is to be kept. A
    variable changes in place, so its old value exists only before.
    """

    def __call__(
        self,
        moment: Moment,
        step: Step,
        inputs: Sequence[Array | None],
        outputs: Sequence[Array],
    ) -> None:
        """Look at one operator's operands."""
        ...


class Executor:
    """A program in its memory.

    samples: how many samples run at once, along a leading axis of every tensor. plan: offsets to
    use instead of the greedy plan, in the order of `arena.lifetimes`. poison: overwrite tensors as
    soon as they are dead, so that whoever reads one too late gets garbage instead of luck.
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
        self.program = program
        self.memory: Memory = lay_out(program, samples, plan)
        self._work = Workspace()
        graph = program.graph
        self._staged = {
            i: np.zeros_like(view)
            for i in graph.inputs
            if (view := self.memory.views[i]) is not None and program.specs[i].data is None
        }
        self._calls = [
            (
                step,
                [self._view(i) for i in step.inputs],
                [self._view(i) for i in step.outputs],
            )
            for step in program.steps
        ]
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
            view = self._staged[tensor].view()
            view.flags.writeable = False
            return view
        reader = self.memory.readers[tensor]
        if reader is None:
            raise UsageError(f"tensor {tensor} has no bytes to read")
        named = f"tensor {tensor} ({self.program.specs[tensor].name!r})"
        by = self.memory.overwriter(tensor)
        if by is not None:
            raise StateError(
                f"{named} was overwritten by {by!r}, which shares its bytes in the arena"
            )
        if self._dead is not None and any(tensor in dead for dead in self._dead):
            raise StateError(f"{named} was poisoned after its last use, as asked for")
        return reader

    def reset_variables(self) -> None:
        """Set every variable to its zero: the zero point of int8, else 0, as LiteRT and TFLM do."""
        for tensor in self.memory.variables:
            view, spec = self.memory.views[tensor], self.program.specs[tensor]
            if view is not None:
                view.fill(spec.zero if spec.dtype == "int8" else 0)

    def invoke(self, observers: Sequence[Observer] = ()) -> None:
        """Run every operator once, on all samples."""
        views, readers = self.memory.views, self.memory.readers
        for tensor, staged in self._staged.items():
            views[tensor][...] = staged  # type: ignore[index]
        for index, (step, inputs, outputs) in enumerate(self._calls):
            if observers:
                seen = [None if i < 0 else readers[i] for i in step.inputs]
                made = [readers[i] for i in step.outputs]
                for observer in observers:
                    observer("before", step, seen, made)  # type: ignore[arg-type]
            self._work.reset()
            step.kernel.eval(inputs, outputs, self._work)
            for observer in observers:
                observer("after", step, seen, made)  # type: ignore[arg-type]
            if self._dead is not None:
                for tensor in self._dead[index]:
                    self._view(tensor).reshape(-1).view(np.uint8).fill(POISON)

    def _view(self, tensor: int) -> Any:
        return None if tensor < 0 else self.memory.views[tensor]

    def _deaths(self) -> list[list[int]]:
        """Per step, the tensors nobody reads after it."""
        dead: list[list[int]] = [[] for _ in self.program.steps]
        for resident in self.memory.residents:
            scope = resident.last_use - 1  # operator i runs at scope i + 1
            if resident.tensor is not None and 0 <= scope < len(dead) - 1:
                dead[scope].append(resident.tensor)
        return dead
