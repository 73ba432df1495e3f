"""The layer-by-layer comparison of a quantized model with its float twin or its shadow.

Three runs over the same samples:

quantized     the model as it is, several samples at once
float         the float twin, or the shadow of the same graph (`shadow`) where there is none
local         each float operator by itself, fed the *dequantized* inputs of its partner

**local** errors compare the first with the third: what this operator loses, its inputs being what
they are; with a float twin this includes what quantizing its weights loses. **accumulated** errors
compare the first with the second: what has been lost up to here. The float runs go one sample at a
time: the order in which a float sum is taken may depend on how many rows it is computed with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.local import LocalOperator, as_real, identity, local_operator
from refinterp.debug.metrics import ErrorSums, Grid, sample_errors
from refinterp.debug.pairing import Pairing, pair, pair_shadow, unpaired
from refinterp.debug.result import DebugReport, Layer, Output, Reference, rank
from refinterp.debug.shadow import CONVERSIONS, Shadow, is_code, shadow_of
from refinterp.debug.trace import Trace, one_by_one, trace_bytes
from refinterp.debug.twins import match_inputs, match_outputs
from refinterp.errors import UsageError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.flavours import DEFAULT_FLAVOUR
from refinterp.run.executor import Executor
from refinterp.run.prepare import Program, Step, prepare
from refinterp.samples.convert import fit_input
from refinterp.samples.source import Samples

Array = NDArray[Any]

_TRACE_BYTES: Final = 64 << 20  # what the tensors of one batch may take
_LARGEST_BATCH: Final = 64


@dataclass(slots=True)
class OutputSums:
    """The sums of one model output."""

    errors: ErrorSums = field(default_factory=ErrorSums)
    agreed: int = 0

    def merge(self, other: OutputSums) -> None:
        """Take another's samples into account."""
        self.errors.merge(other.errors)
        self.agreed += other.agreed


@dataclass(slots=True)
class Measurements:
    """All sums of any number of samples: local and accumulated by tensor, outputs by position."""

    local: dict[int, ErrorSums]
    accumulated: dict[int, ErrorSums]
    outputs: tuple[OutputSums, ...]
    samples: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def merge(self, other: Measurements) -> None:
        """Take another's samples into account, as if they had been measured here."""
        self.samples += other.samples
        self.notes.update(other.notes)
        for mine, theirs in ((self.local, other.local), (self.accumulated, other.accumulated)):
            for tensor, sums in theirs.items():
                mine[tensor].merge(sums)
        for mine_out, theirs_out in zip(self.outputs, other.outputs, strict=True):
            mine_out.merge(theirs_out)


class Comparison:
    """A quantized model and its reference, ready to be measured on samples.

    float_model: the float twin; without one the shadow of the model takes its place.
    flavour: whose arithmetic the quantized model runs with.

    Raises UsageError when the float model's inputs or outputs are not the model's, or there is
    nothing quantized to look at; ModelError and UnsupportedError as `run.prepare` does.
    """

    def __init__(
        self,
        model: Model,
        float_model: Model | None = None,
        *,
        flavour: str = DEFAULT_FLAVOUR,
    ) -> None:
        self.quantized = prepare(model, flavour=flavour)
        self._shadow: tuple[Shadow, Program] | None = None
        self.twin: Program
        self.pairing: Pairing
        if float_model is None:
            shadow, self.twin = self._shadow_program()
            graph = self.quantized.graph
            self.inputs: Mapping[int, int] = {i: i for i in graph.inputs}
            self.outputs = self.twin.graph.outputs
            self.pairing = pair_shadow(shadow)
        else:
            self.twin = prepare(float_model)
            self.inputs = match_inputs(self.quantized, self.twin)
            self.outputs = match_outputs(self.quantized, self.twin)
            self.pairing = pair(self.quantized, self.twin, self.inputs)
        self.reference: Reference = "shadow" if float_model is None else "float model"
        self.grids: dict[int, Grid | None] = {
            tensor: Grid.of(self.quantized.specs[tensor])
            for step in self.quantized.steps
            for tensor in step.outputs
            if tensor != OPTIONAL and is_code(self.quantized.specs[tensor])
        }
        if not self.grids:
            raise UsageError(
                f"{model.source or 'the model'} has no operator with a quantized output; "
                "debug takes a quantized model, and its float twin as --float"
            )
        self.local: dict[int, tuple[LocalOperator, Reference]] = {}
        self.unpaired = list(self.pairing.unpaired)
        for step in self.quantized.steps:
            if not any(tensor in self.grids for tensor in step.outputs):
                continue
            try:
                self.local[step.operator] = self._local(step)
            except LookupError as error:
                self.unpaired.append(unpaired("quantized", self.quantized, step, str(error)))
                for tensor in step.outputs:
                    self.grids.pop(tensor, None)
        self.followers: dict[int, list[int]] = {}
        for tensor in self.grids:
            partner = self.pairing.tensors.get(tensor)
            if partner is not None:
                self.followers.setdefault(partner, []).append(tensor)

    def default_batch(self, samples: int) -> int:
        """How many samples to run at once: as many as keep memory bounded, at most 64."""
        if one_by_one(self.quantized):
            return 1
        fitting = _TRACE_BYTES // max(1, trace_bytes(self.quantized))
        return max(1, min(samples, fitting, _LARGEST_BATCH))

    def measure(
        self,
        samples: Samples,
        *,
        start: int = 0,
        stop: int | None = None,
        batch: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Measurements:
        """Measure samples start … stop - 1; batch: how many run at once, with no other effect.

        progress: called with the number of samples done. A model with state runs its samples one
        after the other, the state going on from sample to sample.
        """
        stop = samples.count if stop is None else min(stop, samples.count)
        count = max(0, stop - start)
        size = self.default_batch(count) if batch is None else min(batch, max(1, count))
        if size < 1:
            raise UsageError(f"batch is {batch}; at least 1 is needed")
        if one_by_one(self.quantized):
            size = 1
        result = self._nothing()
        run = _Run(self, Executor(self.quantized, samples=size), Executor(self.twin), result)
        for first in range(start, stop, size):
            last = min(first + size, stop)
            run.batch([samples.get(i) for i in range(first, last)])
            if progress is not None:
                progress(last - start)
        return result

    def report(self, measured: Measurements) -> DebugReport:
        """Turn sums into figures, ranked."""
        layers = [
            self._layer(step, tensor, measured)
            for step in self.quantized.steps
            for tensor in step.outputs
            if tensor in self.grids
        ]
        graph = self.quantized.graph
        specs = [self.quantized.specs[i] for i in graph.outputs]
        inputs = [self.quantized.specs[i] for i in graph.inputs]
        outputs = [
            Output(
                tensor,
                spec.name,
                sums.errors.figures(scaled=is_code(spec)),
                sums.agreed / measured.samples
                if measured.samples and _is_scores(spec, inputs)
                else None,
            )
            for tensor, spec, sums in zip(graph.outputs, specs, measured.outputs, strict=True)
        ]
        return DebugReport(
            samples=measured.samples,
            flavour=self.quantized.flavour,
            reference=self.reference,
            notes=tuple(measured.notes),
            unpaired=tuple(self.unpaired),
            layers=tuple(sorted(layers, key=rank)),
            outputs=tuple(outputs),
        )

    def _shadow_program(self) -> tuple[Shadow, Program]:
        if self._shadow is None:
            shadow = shadow_of(self.quantized.model, self.quantized.subgraph)
            self._shadow = shadow, prepare(shadow.model, subgraph=self.quantized.subgraph)
        return self._shadow

    def _local(self, step: Step) -> tuple[LocalOperator, Reference]:
        """The float operator of a layer: its partner's, or the shadow's where there is none."""
        if step.name in CONVERSIONS:
            return identity(self.quantized, step), self.reference
        partner = self.pairing.operators.get(step.operator)
        if partner is not None:
            other = next(s for s in self.twin.steps if s.operator == partner)
            try:
                return local_operator(self.quantized, step, self.twin, other), self.reference
            except LookupError:
                pass  # operands in another order, or constant on one side only
        shadow, program = self._shadow_program()
        other = program.steps[shadow.operators[step.operator]]
        return local_operator(self.quantized, step, program, other), "shadow"

    def _nothing(self) -> Measurements:
        return Measurements(
            local={tensor: ErrorSums() for tensor in self.grids},
            accumulated={t: ErrorSums() for t in self.grids if t in self.pairing.tensors},
            outputs=tuple(OutputSums() for _ in self.outputs),
        )

    def _layer(self, step: Step, tensor: int, measured: Measurements) -> Layer:
        spec = self.quantized.specs[tensor]
        accumulated = measured.accumulated.get(tensor)
        return Layer(
            operator=step.operator,
            op_name=step.name,
            tensor=tensor,
            name=spec.name,
            shape=spec.shape,
            dtype=spec.dtype,
            scale=tuple(spec.scale.tolist()),
            zero_point=tuple(spec.zero_point.tolist()),
            local=measured.local[tensor].figures(),
            local_reference=self.local[step.operator][1],
            accumulated=None if accumulated is None else accumulated.figures(),
        )


class _Run:
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

    def batch(self, samples: Sequence[Sequence[Array]]) -> None:
        """Measure up to as many samples as the executor holds."""
        graph = self.of.quantized.graph
        for index, sample in enumerate(samples):
            for tensor, values in zip(graph.inputs, sample, strict=True):
                codes, note = fit_input(values, self.of.quantized.specs[tensor])
                self.quantized.input(tensor)[index] = codes
                if note:
                    self.into.notes[note] = None
        self.trace.run()
        for index, sample in enumerate(samples):
            self.current = index
            self._float(sample)
            self._local()
            self.into.samples += 1

    def _float(self, sample: Sequence[Array]) -> None:
        """Run the float model on one sample, comparing as it goes."""
        for tensor, values in zip(self.of.quantized.graph.inputs, sample, strict=True):
            spec = self.of.quantized.specs[tensor]
            real = values if values.dtype.kind == "f" else as_real(values, spec)
            twin = self.of.inputs[tensor]
            self.twin.input(twin)[0] = real
            for follower in self.of.followers.get(twin, ()):
                self._accumulate(follower, self.twin.input(twin)[0])
        self.twin.invoke([self._after])
        specs = self.of.quantized.specs
        pairs = zip(self.of.quantized.graph.outputs, self.of.outputs, strict=True)
        for (tensor, twin), sums in zip(pairs, self.into.outputs, strict=True):
            values, reference = self._read(tensor), self.twin.read(twin)[0]
            sums.errors.add(sample_errors(values, reference, Grid.of(specs[tensor])))
            sums.agreed += int(values.size > 0 and np.argmax(values) == np.argmax(reference))

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
        errors = sample_errors(self._read(tensor), reference, self.of.grids[tensor])
        self.into.accumulated[tensor].add(errors)

    def _local(self) -> None:
        for step in self.of.quantized.steps:
            if step.operator not in self.of.local:
                continue
            results = self.of.local[step.operator][0].run(self._read, self.work)
            for tensor, reference in zip(step.outputs, results, strict=True):
                if tensor in self.of.grids:
                    errors = sample_errors(self._read(tensor), reference, self.of.grids[tensor])
                    self.into.local[tensor].add(errors)

    def _read(self, tensor: int) -> Array:
        return self.trace.sample(tensor, self.current)


def debug(
    model: Model,
    samples: Samples,
    float_model: Model | None = None,
    *,
    flavour: str = DEFAULT_FLAVOUR,
    limit: int | None = None,
    batch: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> DebugReport:
    """Compare a quantized model, layer by layer, with its float twin or its shadow.

    limit: use the first so many samples only. Other arguments and errors as `Comparison` and
    `Comparison.measure`.
    """
    comparison = Comparison(model, float_model, flavour=flavour)
    return comparison.report(
        comparison.measure(samples, stop=limit, batch=batch, progress=progress)
    )


def _is_scores(spec: TensorSpec, inputs: Sequence[TensorSpec]) -> bool:
    """Whether a tensor is one row of scores; what has an input's shape reproduces the input."""
    row = bool(spec.shape) and spec.shape[-1] > 1 and spec.size == spec.shape[-1]
    return row and all(spec.shape != other.shape for other in inputs)
