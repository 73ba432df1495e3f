"""The runs of one measurement: quantized, float, and operator by operator, sample after sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.accumulators import AccumulatorRange
from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.measure.errors import sample_errors
from refinterp.debug.measure.grid import Grid, channel_count
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.measure.neighbours import NeighbourSums
from refinterp.debug.measure.outputs import OutputSums, divergence, metric_name, score
from refinterp.debug.measure.ranges import RealSums, code_sums
from refinterp.debug.measure.run_time import RunTimeSums
from refinterp.debug.measure.trace import Trace
from refinterp.debug.reference.local import as_real
from refinterp.debug.setup import Setup
from refinterp.kernels.workspace import Workspace
from refinterp.run.executor import Executor
from refinterp.run.program import Step
from refinterp.samples.convert import fit_input, quantize

Array = NDArray[Any]


def no_measurements(setup: Setup, labels: Array | None = None) -> Measurements:
    """The sums of no sample; labels: those of the samples that are to come."""
    specs = setup.quantized.specs
    inputs = [specs[i] for i in setup.quantized.graph.inputs]
    compared, coded_inputs = setup.compared, setup.coded_inputs
    counted = (*setup.grids, *coded_inputs)
    grids = {t: setup.grids.get(t) or Grid.of(specs[t]) for t in counted}
    channels = {t: channel_count(specs[t]) for t in counted}
    real = [t for t in compared if t not in setup.grids]
    return Measurements(
        local={tensor: ErrorSums() for tensor in compared},
        accumulated={t: ErrorSums() for t in compared if t in setup.pairing.tensors},
        codes={t: code_sums(specs[t].dtype, channels[t]) for t in counted},
        neighbours={t: NeighbourSums() for t in coded_inputs},
        rounded={t: ErrorSums() for t in setup.fixed},
        reals={t: RealSums(g, channels[t]) for t, g in grids.items() if g is not None},
        sums={i: AccumulatorRange.nothing(w.weighted.channels) for i, w in setup.watches.items()},
        outputs=tuple(
            OutputSums(parts=None if one.layout is None else one.layout.nothing())
            for one in setup.outputs
        ),
        metrics=tuple(metric_name(specs[one.tensor], inputs, labels) for one in setup.outputs),
        weights={tensor: ErrorSums() for tensor in real},
        activations={tensor: ErrorSums() for tensor in real},
        run_time={
            i: RunTimeSums(one.units)
            for i, one in setup.hybrids.items()
            if one.units is not None and i in setup.losses
        },
    )


class Runs:
    """The executors of one measurement and the sums they fill.

    size: samples that run at once. stopping: asked before each sample; once it says yes no more are
    measured. progress: called with the number of samples done.
    """

    def __init__(
        self,
        setup: Setup,
        size: int,
        into: Measurements,
        stopping: Callable[[], bool] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.setup, self.into = setup, into
        self.stopping, self.progress = stopping, progress
        self.quantized, self.twin = Executor(setup.quantized, samples=size), Executor(setup.twin)
        self.trace = Trace(self.quantized)
        self.work = Workspace()
        self.current = 0
        self.reals: dict[int, Array] = {}
        self.compared = setup.compared
        self.channels = {t: channel_count(setup.quantized.specs[t]) for t in self.compared}
        self.followers: dict[int, list[int]] = {}
        for tensor in sorted(self.compared):
            partner = setup.pairing.tensors.get(tensor)
            if partner is not None:
                self.followers.setdefault(partner, []).append(tensor)

    def batch(
        self, samples: Sequence[Sequence[Array]], places: range, labels: Array | None
    ) -> None:
        """Measure up to as many samples as the executor holds; places: their indices."""
        quantized = self.setup.quantized
        for index, sample in enumerate(samples):
            for tensor, values in zip(quantized.graph.inputs, sample, strict=True):
                codes, note = fit_input(values, quantized.specs[tensor])
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
        for tensor, values in zip(self.setup.quantized.graph.inputs, sample, strict=True):
            real = values
            if values.dtype.kind != "f":
                real = as_real(values, self.setup.quantized.specs[tensor])
            given.append(real)
            twin = self.setup.inputs[tensor]
            self.twin.input(twin)[0] = real
            if tensor in self.into.neighbours:
                self.into.codes[tensor].add(self._read(tensor))
                self.into.neighbours[tensor].add(self._read(tensor))
                self.into.reals[tensor].add(real)
            for follower in self.followers.get(twin, ()):
                self._accumulate(follower, self.twin.input(twin)[0])
        self.twin.invoke([self._after])
        return given

    def _outputs(self, given: Sequence[Array], place: int, label: Array | None) -> None:
        """Compare the outputs of one sample, as reals too; given: the inputs' reals."""
        everything = zip(self.setup.outputs, self.into.outputs, self.into.metrics, strict=True)
        for output, sums, name in everything:
            spec, values = self.setup.quantized.specs[output.tensor], self._read(output.tensor)
            reference = self.twin.read(output.reference)[0]
            sums.errors.add(sample_errors(values, reference, Grid.of(spec)))
            if sums.parts is not None:
                sums.parts.add(values, reference, Grid.of(spec))
            if output.scores:
                own = as_real(values, spec)
                sums.agreed += int(np.argmax(values) == np.argmax(reference))
                sums.divergence.add(
                    divergence(own, reference, spec, probabilities=output.probabilities)
                )
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
                for follower in self.followers.get(tensor, ()):
                    self._accumulate(follower, array[0])

    def _accumulate(self, tensor: int, reference: Array) -> None:
        grid = self.setup.grids.get(tensor)
        errors = sample_errors(self._read(tensor), reference, grid, self.channels[tensor])
        self.into.accumulated[tensor].add(errors)
        if tensor in self.into.reals:
            self._reference(tensor, reference)

    def _reference(self, tensor: int, reals: Array) -> None:
        """Place a tensor's reference on its grid."""
        self.into.reals[tensor].add(reals)
        if tensor in self.into.rounded:
            codes = quantize(reals, self.setup.quantized.specs[tensor])
            errors = sample_errors(codes, reals, self.setup.grids[tensor])
            self.into.rounded[tensor].add(errors)

    def _local(self) -> None:
        """Compare each operator with its float one on the same inputs."""
        for step in self.setup.quantized.steps:
            local = self.setup.local.get(step.operator)
            if local is None:
                continue
            results = local.operator.run(self._real, self.work)
            for tensor, reference in zip(step.outputs, results, strict=True):
                if tensor not in self.compared:
                    continue
                codes, grid = self._read(tensor), self.setup.grids.get(tensor)
                errors = sample_errors(codes, reference, grid, self.channels[tensor])
                self.into.local[tensor].add(errors)
                if grid is None:
                    continue
                self.into.codes[tensor].add(codes)
                if tensor not in self.into.accumulated:
                    self._reference(tensor, reference)
            if step.operator in self.setup.losses:
                self._losses(step, results)
        for operator, watch in self.setup.watches.items():
            watch.add(self._read, self.into.sums[operator], self.work)

    def _losses(self, step: Step, local: Sequence[Array]) -> None:
        """Measure the two parts of what a hybrid layer loses; local: what `local` has given."""
        own = self.setup.losses[step.operator]
        given = local
        if own.dequantized is not self.setup.local[step.operator].operator:
            given = own.dequantized.run(self._real, self.work)
        moved = local if own.moved is None else own.moved.run(self._real, self.work)
        for tensor, dequantized, other in zip(step.outputs, given, moved, strict=True):
            if tensor in self.into.weights:
                channels = self.channels[tensor]
                found = self._read(tensor)
                self.into.activations[tensor].add(sample_errors(found, dequantized, None, channels))
                self.into.weights[tensor].add(sample_errors(dequantized, other, None, channels))
        if step.operator in self.into.run_time:
            sums = self.into.run_time[step.operator]
            sums.add(self._read(sums.unit.tensor))

    def _real(self, tensor: int) -> Array:
        """One tensor of the current sample as reals, worked out once."""
        spec = self.setup.quantized.specs[tensor]
        if spec.is_variable:  # float operators write over their own
            return as_real(self._read(tensor), spec).copy()
        found = self.reals.get(tensor)
        if found is None:
            found = self.reals[tensor] = as_real(self._read(tensor), spec)
        return found

    def _read(self, tensor: int) -> Array:
        return self.trace.sample(tensor, self.current)
