"""The runs of one measurement: quantized, float, and operator by operator, sample after sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.measure.metrics import Grid, sample_errors
from refinterp.debug.measure.outputs import divergence, is_scores, score
from refinterp.debug.measure.trace import Trace
from refinterp.debug.reference.local import as_real
from refinterp.kernels.workspace import Workspace
from refinterp.run.executor import Executor
from refinterp.run.prepare import Step
from refinterp.samples.convert import fit_input, quantize

if TYPE_CHECKING:
    from refinterp.debug.compare import Comparison

Array = NDArray[Any]


class Runs:
    """The executors of one measurement and the sums they fill."""

    def __init__(
        self, comparison: Comparison, quantized: Executor, twin: Executor, into: Measurements
    ) -> None:
        self.of = comparison
        self.quantized, self.twin = quantized, twin
        self.trace = Trace(quantized)
        self.into = into
        self.work = Workspace()
        self.current = 0
        self.reals: dict[int, Array] = {}
        self.stopping: Callable[[], bool] | None = None
        self.progress: Callable[[int], None] | None = None

    def batch(
        self, samples: Sequence[Sequence[Array]], places: range, labels: Array | None
    ) -> None:
        """Measure up to as many samples as the executor holds; places: their indices."""
        graph = self.of.quantized.graph
        for index, sample in enumerate(samples):
            for tensor, values in zip(graph.inputs, sample, strict=True):
                codes, note = fit_input(values, self.of.quantized.specs[tensor])
                self.quantized.input(tensor)[index] = codes
                if note:
                    self.into.notes[note] = None
        self.trace.run()
        for index, sample in enumerate(samples):
            if index and self.stopping is not None and self.stopping():
                return
            self.current = index
            self.reals.clear()
            given = self._float(sample)
            self._outputs(given, places[index], None if labels is None else labels[index])
            self._local()
            self.into.samples += 1
            if self.progress is not None:
                self.progress(self.into.samples)

    def _float(self, sample: Sequence[Array]) -> list[Array]:
        """Run the float model on one sample, comparing as it goes; returns its inputs."""
        given = []
        for tensor, values in zip(self.of.quantized.graph.inputs, sample, strict=True):
            spec = self.of.quantized.specs[tensor]
            real = values if values.dtype.kind == "f" else as_real(values, spec)
            given.append(real)
            twin = self.of.inputs[tensor]
            self.twin.input(twin)[0] = real
            if tensor in self.of.coded_inputs:
                self.into.codes[tensor].add(self._read(tensor))
                self.into.neighbours[tensor].add(self._read(tensor))
                self.into.reals[tensor].add(real)
            for follower in self.of.followers.get(twin, ()):
                self._accumulate(follower, self.twin.input(twin)[0])
        self.twin.invoke([self._after])
        return given

    def _outputs(self, given: Sequence[Array], place: int, label: Array | None) -> None:
        """Compare the outputs of one sample, as reals too; given: the inputs' reals."""
        specs = self.of.quantized.specs
        inputs = [specs[i] for i in self.of.quantized.graph.inputs]
        pairs = zip(self.of.quantized.graph.outputs, self.of.outputs, strict=True)
        for index, ((tensor, twin), sums) in enumerate(zip(pairs, self.into.outputs, strict=True)):
            spec, values, reference = specs[tensor], self._read(tensor), self.twin.read(twin)[0]
            sums.errors.add(sample_errors(values, reference, Grid.of(spec)))
            if sums.parts is not None:
                sums.parts.add(values, reference, Grid.of(spec))
            if is_scores(spec, inputs):
                sums.agreed += int(np.argmax(values) == np.argmax(reference))
                sums.divergence.add(
                    divergence(
                        as_real(values, spec),
                        reference,
                        spec,
                        probabilities=self.of.probabilities[index],
                    )
                )
            name = self.into.metrics[index]
            if name is not None and label is not None:
                sides = (as_real(values, spec), reference.reshape(values.shape))
                score(sums, name, place, np.asarray(label), sides, given)

    def _after(
        self,
        moment: str,
        step: Step,
        inputs: Sequence[Array | None],
        outputs: Sequence[Array],
    ) -> None:
        if moment == "after":
            for tensor, array in zip(step.outputs, outputs, strict=True):
                for follower in self.of.followers.get(tensor, ()):
                    self._accumulate(follower, array[0])

    def _accumulate(self, tensor: int, reference: Array) -> None:
        channels = self.of.channels[tensor]
        grid = self.of.grids.get(tensor)
        errors = sample_errors(self._read(tensor), reference, grid, channels)
        self.into.accumulated[tensor].add(errors)
        if tensor in self.into.reals:
            self._reference(tensor, reference)

    def _reference(self, tensor: int, reals: Array) -> None:
        """Place a tensor's reference on its grid."""
        self.into.reals[tensor].add(reals)
        if tensor in self.into.rounded:
            codes = quantize(reals, self.of.quantized.specs[tensor])
            errors = sample_errors(codes, reals, self.of.grids[tensor])
            self.into.rounded[tensor].add(errors)

    def _local(self) -> None:
        for step in self.of.quantized.steps:
            if step.operator not in self.of.local:
                continue
            results = self.of.local[step.operator][0].run(self._real, self.work)
            for tensor, reference in zip(step.outputs, results, strict=True):
                if tensor not in self.of.compared:
                    continue
                codes, channels = self._read(tensor), self.of.channels[tensor]
                grid = self.of.grids.get(tensor)
                errors = sample_errors(codes, reference, grid, channels)
                self.into.local[tensor].add(errors)
                if grid is None:
                    continue
                self.into.codes[tensor].add(codes)
                if tensor not in self.into.accumulated:
                    self._reference(tensor, reference)
            if step.operator in self.of.parts:
                self._parts(step, results)
        for operator, watch in self.of.watches.items():
            watch.add(self._read, self.into.sums[operator], self.work)

    def _parts(self, step: Step, local: Sequence[Array]) -> None:
        """Part what a hybrid layer loses; local: what its local operator has just given."""
        parts = self.of.parts[step.operator]
        own = parts.dequantized
        given = local
        if own is not self.of.local[step.operator][0]:
            given = own.run(self._real, self.work)
        moved = local if parts.moved is None else parts.moved.run(self._real, self.work)
        for tensor, dequantized, other in zip(step.outputs, given, moved, strict=True):
            if tensor in self.into.weights:
                channels = self.of.channels[tensor]
                found = self._read(tensor)
                self.into.activations[tensor].add(sample_errors(found, dequantized, None, channels))
                self.into.weights[tensor].add(sample_errors(dequantized, other, None, channels))
        if step.operator in self.into.run_time:
            sums = self.into.run_time[step.operator]
            sums.add(self._read(sums.of.tensor))

    def _real(self, tensor: int) -> Array:
        """One tensor of the current sample as reals, worked out once."""
        if self.of.quantized.specs[tensor].is_variable:  # float operators write over their own
            return as_real(self._read(tensor), self.of.quantized.specs[tensor]).copy()
        found = self.reals.get(tensor)
        if found is None:
            found = as_real(self._read(tensor), self.of.quantized.specs[tensor])
            self.reals[tensor] = found
        return found

    def _read(self, tensor: int) -> Array:
        return self.trace.sample(tensor, self.current)
