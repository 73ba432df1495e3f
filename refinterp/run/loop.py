"""The loop: every operator in order, inside the arena, with observers looking on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import OPTIONAL, STORAGE, Shape
from refinterp.graph.operands import Operands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import EndRun, Kernel, fresh_state
from refinterp.kernels.workspace import Workspace
from refinterp.run.memory import Frame, Memory, lay_out
from refinterp.run.prepare import prepare
from refinterp.run.prepare_step import prepare_late
from refinterp.run.program import PreparedGraph, Program, Step
from refinterp.run.replay import Replay, settle_together

Array = NDArray[Any]
Moment = Literal["before", "after"]


class Observer(Protocol):
    """Called before and after each operator of the subgraph that is run.

    The views, (S, *shape), are read-only and void after the call: copy what is to be kept. A
    variable changes in place, so its old value exists only before. Outputs whose shape only the
    run tells are None before.
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


class Loop:
    """Runs subgraphs in their frames; it is the `Machine` of control-flow operators."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self._program = program
        self._memory = memory
        self._work = Workspace()
        self._late: dict[tuple[int, int], tuple[Any, Kernel, list[TensorSpec]]] = {}
        self._states: dict[tuple[int, int], tuple[Kernel, list[Array]]] = {}
        self._replays: dict[tuple[int, int], tuple[Kernel, Replay]] = {}
        self._nested: dict[tuple[int, tuple[Shape, ...]], Loop] = {}
        self._begun: set[int] = set()  # subgraphs that have been run
        self.resources: dict[int, Array] = {}
        self.names: dict[tuple[str, str], int] = {}
        self.reset_bytes: dict[int, int] = {}
        self.initialized: set[int] = set()
        self.called: Sequence[Observer] = ()
        self._calls = {
            index: [self._call(memory.frames[index], step) for step in graph.steps]
            for index, graph in program.graphs.items()
            if graph.batchable
        }

    def settle(self, runs: int) -> None:
        """Take the forms of kernels that pay for so many runs; where calls are always the same."""
        for evaluate, _, outputs in [call for calls in self._calls.values() for call in calls]:
            if isinstance(evaluate, Replay):
                evaluate.settle(outputs, runs)

    def reset(self) -> None:
        """Set variables to their zeros."""
        for number, byte in self.reset_bytes.items():
            self.resources[number].reshape(-1).view(np.uint8).fill(byte)
        for index, graph in self._program.graphs.items():
            frame = self._memory.frames[index]
            for tensor in frame.variables:
                view, spec = frame.views[tensor], graph.specs[tensor]
                if view is not None:
                    view.fill(spec.zero if spec.dtype == "int8" else 0)
        for kernel, arrays in self._states.values():
            for array, first in zip(arrays, fresh_state(kernel), strict=True):
                array[...] = first
        for nested in self._nested.values():
            nested.reset()

    def graph(
        self,
        index: int,
        observers: Sequence[Observer] = (),
        after: Callable[[int], None] | None = None,
    ) -> None:
        """Run the steps of one subgraph; `after` is called with each step's number."""
        frame = self._memory.frames[index]
        graph = self._program.graphs[index]
        ready = self._calls.get(index)
        if ready is not None and index not in self._begun:
            self._begun.add(index)
            settle_together(ready)
        work = self._work
        if ready is not None and not observers and after is None:
            for evaluate, inputs, outputs in ready:
                work.reset()
                evaluate(inputs, outputs, work)
            return
        for number, step in enumerate(graph.steps):
            if observers:
                seen = [None if i == OPTIONAL else frame.reader(i) for i in step.inputs]
                for observer in observers:
                    observer("before", step, seen, [frame.reader(i) for i in step.outputs])  # type: ignore[misc]
            work.reset()
            if ready is not None:
                evaluate, inputs, outputs = ready[number]
                evaluate(inputs, outputs, work)
            else:
                self._step(graph, frame, step)
            for observer in observers:
                observer("after", step, seen, [frame.reader(i) for i in step.outputs])  # type: ignore[misc]
            if after is not None:
                after(number)

    def call(self, subgraph: int, arrays: Sequence[Array]) -> list[Array]:
        """Run a subgraph on arrays (*shape) and return its outputs (*shape)."""
        inner = self._program.model.subgraphs[subgraph]
        prepared = self._program.graphs[subgraph]
        shapes = tuple(array.shape for array in arrays)
        if shapes != tuple(prepared.specs[i].shape for i in inner.inputs):
            nested = self._resized(subgraph, shapes)
            nested.called = self.called
            return nested.call(subgraph, arrays)
        frame = self._memory.frames[subgraph]
        for tensor, array in zip(inner.inputs, [a.copy() for a in arrays], strict=True):
            view = frame.views[tensor]
            if view is None:
                frame.bind(tensor, array[None])
            else:
                view[0] = array
        self.graph(subgraph, self.called)
        return [frame.views[i][0] for i in inner.outputs]  # type: ignore[index]

    def _resized(self, subgraph: int, shapes: tuple[Shape, ...]) -> Loop:
        """A run of a subgraph for inputs of other shapes than it was planned for."""
        key = (subgraph, shapes)
        if key not in self._nested:
            graph = self._program.model.subgraphs[subgraph]
            program = prepare(
                self._program.model,
                subgraph=subgraph,
                flavour=self._program.flavour,
                plain=self._program.plain,
                shapes=dict(zip(graph.inputs, shapes, strict=True)),
            )
            nested = Loop(program, lay_out(program))
            nested.reset()
            nested.resources, nested.names = self.resources, self.names
            nested.reset_bytes, nested.initialized = self.reset_bytes, self.initialized
            self._nested[key] = nested
        return self._nested[key]

    def _operands(self, frame: Frame, step: Step) -> tuple[list[Any], list[Any]]:
        views = frame.views
        inputs = [None if i == OPTIONAL else views[i] for i in step.inputs]
        return inputs, [views[i] for i in step.outputs]

    def _call(
        self, frame: Frame, step: Step
    ) -> tuple[Callable[..., None], Operands[Any], list[Any]]:
        """What to call for a step, and with which arrays: the same at every run."""
        inputs, outputs = self._operands(frame, step)
        kernel: Any = step.kernel
        evaluate = self._evaluate(step, kernel, same=True)
        return evaluate, step.entry.operands([*inputs, *self._state(step, kernel)]), outputs

    def _evaluate(self, step: Step, kernel: Kernel, *, same: bool) -> Callable[..., None]:
        """What to call for a kernel; same: whether it gets the same arrays at every run."""
        if not (kernel.settles or (kernel.steady and same)):
            return kernel.eval
        place = (step.subgraph, step.operator)
        held = self._replays.get(place)
        if held is None or held[0] is not kernel:
            held = self._replays[place] = kernel, Replay(kernel, same=same)
        return held[1]

    def _state(self, step: Step, kernel: Any) -> list[Array]:
        """The arrays a kernel remembers in; new ones when the kernel is another."""
        place = (step.subgraph, step.operator)
        held = self._states.get(place)
        if held is None or held[0] is not kernel:
            held = self._states[place] = kernel, fresh_state(kernel)
        return held[1]

    def _step(self, graph: PreparedGraph, frame: Frame, step: Step) -> None:
        """Run one step of a subgraph that has control flow or shapes that depend on data."""
        inputs, outputs = self._operands(frame, step)
        kernel: Any = step.kernel
        if kernel is not None and kernel.controls:
            operands = [*inputs, *self._state(step, kernel)]
            arrays = [None if array is None else array[0] for array in operands]
            try:
                self._store(graph, frame, step, kernel.control(step.entry.operands(arrays), self))
            except EndRun as end:
                self._store(graph, frame, step, end.outputs)
                raise
            return
        if kernel is None:
            kernel, specs = self._prepared(graph, step, inputs)
            outputs = [np.zeros((1, *spec.shape), STORAGE[spec.dtype]) for spec in specs]
            for tensor, array in zip(step.outputs, outputs, strict=True):
                frame.bind(tensor, array)
        given = step.entry.operands([*inputs, *self._state(step, kernel)])
        self._evaluate(step, kernel, same=False)(given, outputs, self._work)

    def _store(
        self, graph: PreparedGraph, frame: Frame, step: Step, arrays: Sequence[Array]
    ) -> None:
        """Copy what a control-flow operator gives into its outputs."""
        for tensor, array in zip(step.outputs, arrays, strict=True):
            view = frame.views[tensor]
            if tensor in graph.unknown or view is None or view.shape[1:] != array.shape:
                frame.bind(tensor, np.array(array)[None])
            else:
                view[0] = array

    def _prepared(
        self, graph: PreparedGraph, step: Step, inputs: Sequence[Any]
    ) -> tuple[Kernel, list[TensorSpec]]:
        """The kernel for the operands that are there now; made anew only when they differ."""
        place = (graph.subgraph, step.operator)
        shapes = tuple(None if array is None else array.shape for array in inputs)
        if place in self._late:
            (old_shapes, wanted, old_values), kernel, specs = self._late[place]
            if old_shapes == shapes and all(
                np.array_equal(old, inputs[i]) for i, old in zip(wanted, old_values, strict=True)
            ):
                return kernel, specs
        operands = [
            None if i == OPTIONAL else replace(graph.specs[i], shape=array.shape[1:])
            for i, array in zip(step.inputs, inputs, strict=True)
        ]
        kernel, specs, wanted = prepare_late(
            step,
            operands,
            [None if array is None else array[0] for array in inputs],
            [graph.specs[i] for i in step.outputs],
        )
        values = tuple(inputs[i].copy() for i in wanted)
        self._late[place] = (shapes, wanted, values), kernel, specs
        return kernel, specs
