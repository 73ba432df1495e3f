"""The outputs of a variant of a model, held against one float run of the same samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.labelled import with_fitting_labels
from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.measure.errors import sample_errors
from refinterp.debug.measure.grid import Grid
from refinterp.debug.measure.output_parts import OutputLayout
from refinterp.debug.measure.outputs import (
    Metric,
    OutputSums,
    is_scores,
    metric,
    metric_name,
    score,
)
from refinterp.debug.reference.fold import prepare_folded
from refinterp.debug.reference.local import as_real
from refinterp.debug.reference.shadow import is_code
from refinterp.debug.setup import Setup
from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.executor import Executor
from refinterp.run.loop import Observer
from refinterp.run.program import Program
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples

Array = NDArray[Any]
Target = Literal["sqnr", "top1", "metric"]


@dataclass(frozen=True, slots=True)
class Effect:
    """The outputs of one variant. sqnr_db: of the worst output, or of a part of it that is worse.

    It is of reals against the float run's; worst: that output, and that part's columns.
    top1_agreement: of the first output that is a list of scores; metric: of the first output that
    the labels fit. None where there is none.
    """

    sqnr_db: float
    worst: str
    top1_agreement: float | None
    metric: Metric | None

    def value(self, target: Target) -> float:
        """The figure that is to be made larger; raises UsageError when there is none."""
        if target == "sqnr":
            return self.sqnr_db
        if target == "top1":
            if self.top1_agreement is None:
                raise UsageError("no output is a list of scores: there is no top-1 agreement")
            return self.top1_agreement
        if self.metric is None:
            raise UsageError("the samples have no labels that fit an output: there is no metric")
        return -self.metric.quantized if self.metric.name == "rmse" else self.metric.quantized


def _quality(
    program: Program, sums: Sequence[OutputSums], layouts: Sequence[OutputLayout | None]
) -> Iterator[tuple[float, str]]:
    """The SQNR of each output and of its parts, with what they are called."""
    for tensor, into, known in zip(program.graph.outputs, sums, layouts, strict=True):
        name = repr(program.specs[tensor].name)
        yield into.errors.figures(scaled=False).sqnr_db, f"output {name}"
        parts = () if known is None or into.parts is None else known.parts(into.parts)
        for part in parts:
            if part.judged:
                yield part.sqnr_db, f"output {name}, {part}"


class Trials:
    """Samples and their float outputs, ready to be compared with any variant's.

    total: how many of the samples to use. Samples run one at a time: float sums may be taken in
    another order in a batch. ran: called after each run of a variant on a sample.
    """

    def __init__(
        self,
        setup: Setup,
        samples: Samples,
        total: int,
        ran: Callable[[], None] | None = None,
    ) -> None:
        self._setup = setup
        self._samples, note = with_fitting_labels(setup.quantized, samples)
        self.count = total
        self._ran = ran or (lambda: None)
        self.notes: dict[str, None] = {note: None} if note else {}
        self.references: list[list[Array]] = []

    @one_blas_thread()
    def float_run(self, observers: Sequence[Observer] = ()) -> None:
        """Run the float model on all samples, and keep its outputs if they are not kept yet."""
        twin = Executor(self._setup.twin)
        keep = not self.references
        for index in range(self.count):
            reals = self.reals(index)
            for own, real in zip(self._setup.quantized.graph.inputs, reals, strict=True):
                twin.input(self._setup.inputs[own])[0] = real
            twin.invoke(observers)
            if keep:
                self.references.append(
                    [twin.read(one.reference)[0].copy() for one in self._setup.outputs]
                )

    def inputs(self) -> Iterator[tuple[str, float]]:
        """Each input that is taken as codes, and their SQNR against the data."""
        specs = self._setup.quantized.specs
        for place, tensor in enumerate(self._setup.quantized.graph.inputs):
            spec = specs[tensor]
            if not is_code(spec):
                continue
            sums = ErrorSums()
            for index in range(self.count):
                values, reals = self._samples.get(index)[place], self.reals(index)[place]
                sums.add(sample_errors(fit_input(values, spec)[0], reals, Grid.of(spec)))
            yield spec.name, sums.figures(scaled=False).sqnr_db

    def reals(self, index: int) -> list[Array]:
        """The inputs of one sample as reals."""
        program = self._setup.quantized
        return [
            values if values.dtype.kind == "f" else as_real(values, program.specs[tensor])
            for tensor, values in zip(program.graph.inputs, self._samples.get(index), strict=True)
        ]

    def feed(self, executor: Executor, index: int) -> None:
        """Set the inputs of the quantized model, or of a variant, to one sample."""
        program = self._setup.quantized
        for tensor, values in zip(program.graph.inputs, self._samples.get(index), strict=True):
            codes, note = fit_input(values, program.specs[tensor])
            executor.input(tensor)[0] = codes
            if note:
                self.notes[note] = None

    @one_blas_thread()
    def effect(self, model: Model) -> Effect:
        """Run a variant of the quantized model, with the same inputs, on all samples."""
        program = prepare_folded(
            model,
            self._setup.quantized.subgraph,
            flavour=self._setup.quantized.flavour,
        )
        executor = Executor(program)
        specs = [program.specs[i] for i in program.graph.outputs]
        inputs = [program.specs[i] for i in program.graph.inputs]
        labels = self._samples.labels
        names = [metric_name(spec, inputs, labels) for spec in specs]
        layouts = [one.layout for one in self._setup.outputs]
        sums = [OutputSums(parts=None if one is None else one.nothing()) for one in layouts]
        if not self.references:
            self.float_run()
        for index in range(self.count):
            self.feed(executor, index)
            executor.invoke()
            for place, (tensor, spec) in enumerate(zip(program.graph.outputs, specs, strict=True)):
                values, into = executor.read(tensor)[0], sums[place]
                reference = self.references[index][place]
                grid = Grid.of(spec) if is_code(spec) else None
                into.errors.add(sample_errors(values, reference, grid))
                if into.parts is not None:
                    into.parts.add(values, reference, grid)
                if is_scores(spec, inputs):
                    into.agreed += int(np.argmax(values) == np.argmax(reference))
                name = names[place]
                if name is not None and labels is not None:
                    sides = as_real(values, spec), reference.reshape(values.shape)
                    given = self.reals(index) if name == "roc_auc" else []
                    score(into, name, index, np.asarray(labels[index]), sides, given)
            self._ran()
        quality = list(_quality(program, sums, layouts))
        agreed = [
            into.agreed / self.count
            for into, spec in zip(sums, specs, strict=True)
            if is_scores(spec, inputs)
        ]
        metrics = [metric(into, name) for into, name in zip(sums, names, strict=True)]
        return Effect(
            *min(quality, key=lambda found: (found[0] == found[0], found[0])),
            agreed[0] if agreed else None,
            next((one for one in metrics if one is not None), None),
        )
