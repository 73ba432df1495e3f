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

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.faults.diagnose import diagnose
from refinterp.debug.faults.fixed_grids import Bound
from refinterp.debug.faults.of_hybrid_layers import hybrid_faults
from refinterp.debug.faults.of_the_file import contract_faults, fixed_output
from refinterp.debug.faults.refused import refused_report
from refinterp.debug.hybrid import Parts, hybrids, moved_program, parts, weights_part
from refinterp.debug.labelled import with_fitting_labels
from refinterp.debug.measure.accumulators import AccumulatorRange, AccumulatorWatch
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.measure.metrics import ErrorSums, Grid, channel_count
from refinterp.debug.measure.neighbours import Neighbours
from refinterp.debug.measure.outputs import (
    PROBABILITIES,
    OutputSums,
    is_scores,
    metric,
    metric_name,
)
from refinterp.debug.measure.parts import layout
from refinterp.debug.measure.ranges import RealSums, code_sums
from refinterp.debug.measure.run_time import RunTimeSums
from refinterp.debug.measure.trace import one_by_one, trace_bytes
from refinterp.debug.reference.fold import fold, prepare_folded
from refinterp.debug.reference.local import (
    LocalChain,
    LocalOperator,
    identity,
    local_chain,
    local_operator,
)
from refinterp.debug.reference.match_edges import match_inputs, match_outputs
from refinterp.debug.reference.pairing import Pairing, pair, pair_shadow, unpaired
from refinterp.debug.reference.pairing_by_values import differs, pair_by_values
from refinterp.debug.reference.shadow import CONVERSIONS, Shadow, is_code, shadow_of
from refinterp.debug.reference.weighted import weighted_operators
from refinterp.debug.remarks import remarks
from refinterp.debug.result import (
    ActivationsPart,
    DebugReport,
    Input,
    Layer,
    LayerName,
    Output,
    Reference,
    WeightsPart,
    rank,
)
from refinterp.debug.runs import Runs
from refinterp.debug.study.keep import keep_in_float
from refinterp.debug.study.recipe import layer_names, scheme_of
from refinterp.errors import ModelError, UsageError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.batches import same_in_batches
from refinterp.run.executor import Executor
from refinterp.run.prepare import Program, Step
from refinterp.samples.samples import Samples

Array = NDArray[Any]

_TRACE_BYTES: Final = 64 << 20  # what the tensors of one batch may take
_LARGEST_BATCH: Final = 64


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
        with np.errstate(all="ignore"):  # scales may be anything
            self.folded = fold(model)
            self.quantized = prepare_folded(self.folded.model, flavour=flavour)
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
            self.twin = prepare_folded(fold(float_model).model)
            self.inputs = match_inputs(self.quantized, self.twin)
            self.outputs = match_outputs(self.quantized, self.twin)
            self.pairing = pair(self.quantized, self.twin, self.inputs)
            if differs(self.quantized, self.twin, self.pairing):
                self.pairing = pair_by_values(self.quantized, self.twin, self.inputs, self.pairing)
        self.reference: Reference = "shadow" if float_model is None else "float model"
        self.grids: dict[int, Grid | None] = {
            tensor: Grid.of(self.quantized.specs[tensor])
            for step in self.quantized.steps
            for tensor in step.outputs
            if tensor != OPTIONAL and is_code(self.quantized.specs[tensor])
        }
        self.hybrids = hybrids(self.quantized, self.folded.origins)
        if not self.grids and not self.hybrids:
            raise UsageError(
                f"{model.source or 'the model'} has no operator with a quantized output or "
                "quantized weights; debug takes a quantized model, and its float twin as --float"
            )
        self.local: dict[int, tuple[LocalOperator | LocalChain, Reference]] = {}
        self.unpaired = list(self.pairing.unpaired)
        for step in self.quantized.steps:
            if step.operator not in self.hybrids and self.grids.keys().isdisjoint(step.outputs):
                continue
            try:
                self.local[step.operator] = self._local(step)
            except LookupError as error:
                self.unpaired.append(unpaired("quantized", self.quantized, step, str(error)))
                self.hybrids.pop(step.operator, None)
                for tensor in step.outputs:
                    self.grids.pop(tensor, None)
        self.parts = self._parts()
        self.compared = frozenset(
            (*self.grids, *(t for s in self.quantized.steps if s.operator in self.parts
                            for t in s.outputs if t != OPTIONAL))
        )  # fmt: skip
        self.scheme = scheme_of(self.quantized, self.hybrids, coded=bool(self.grids))
        operators = self.quantized.graph.operators
        self.weighted = tuple(weighted_operators(operators, self.quantized.specs))
        found = contract_faults(
            self.folded.model, self.quantized.subgraph, self.quantized.specs, self.weighted
        )
        self.contract = tuple(fault for fault in found if fault.severity != "note")
        suspects = {f.operator for f in self.contract if f.id == "accumulator_overflow"}
        self.watches = {
            one.operator: AccumulatorWatch.of(one, operators[one.operator])
            for one in self.weighted
            if one.operator in suspects
        }
        graph_inputs = self.quantized.graph.inputs
        self.coded_inputs = [i for i in graph_inputs if is_code(self.quantized.specs[i])]
        self.channels = {
            i: channel_count(self.quantized.specs[i]) for i in (*self.compared, *self.coded_inputs)
        }
        self.probabilities = [
            any(s.name in PROBABILITIES and i in s.outputs for s in self.quantized.steps)
            for i in self.quantized.graph.outputs
        ]
        self.fixed = [
            step.outputs[0]
            for step in self.quantized.steps
            if step.outputs and step.outputs[0] in self.grids and _is_fixed(self.quantized, step)
        ]
        self.layouts = [layout(self.quantized, tensor) for tensor in self.quantized.graph.outputs]
        self.followers: dict[int, list[int]] = {}
        for tensor in sorted(self.compared):
            partner = self.pairing.tensors.get(tensor)
            if partner is not None:
                self.followers.setdefault(partner, []).append(tensor)

    def default_batch(self, samples: int) -> int:
        """How many samples to run at once: as many as keep memory bounded, at most 64."""
        if one_by_one(self.quantized) or not same_in_batches(self.quantized):
            return 1
        fitting = _TRACE_BYTES // max(1, trace_bytes(self.quantized))
        return max(1, min(samples, fitting, _LARGEST_BATCH))

    @one_blas_thread()
    def measure(
        self,
        samples: Samples,
        *,
        start: int = 0,
        stop: int | None = None,
        batch: int | None = None,
        progress: Callable[[int], None] | None = None,
        stopping: Callable[[], bool] | None = None,
    ) -> Measurements:
        """Measure samples start … stop - 1; batch: how many run at once, with no other effect.

        progress: called with the number of samples done. stopping: asked before each sample; once
        it says yes the sums of the samples before are returned. A model with state runs its samples
        one after the other, the state going on from sample to sample.
        """
        samples, note = with_fitting_labels(self.quantized, samples)
        stop = samples.count if stop is None else min(stop, samples.count)
        count = max(0, stop - start)
        size = self.default_batch(count) if batch is None else min(batch, max(1, count))
        if size < 1:
            raise UsageError(f"batch is {batch}; at least 1 is needed")
        if one_by_one(self.quantized) or not same_in_batches(self.quantized):
            size = 1
        result = self._nothing(samples.labels)
        result.notes.update({note: None} if note else {})
        run = Runs(self, Executor(self.quantized, samples=size), Executor(self.twin), result)
        run.stopping, run.progress = stopping, progress
        for first in range(start, stop, size):
            if stopping is not None and stopping():
                break
            last = min(first + size, stop)
            with np.errstate(all="ignore"):
                run.batch(
                    [samples.get(i) for i in range(first, last)],
                    range(first, last),
                    None if samples.labels is None else samples.labels[first:last],
                )
        return result

    def report(self, measured: Measurements, *, random: bool = False) -> DebugReport:
        """Turn sums into figures, ranked. random: the samples are random data."""
        layers = [
            self._layer(step, tensor, measured)
            for step in self.quantized.steps
            for tensor in step.outputs
            if tensor in self.compared
        ]
        outputs = tuple(
            self._output(place, sums, measured) for place, sums in enumerate(measured.outputs)
        )
        inputs = tuple(self._input(i, measured) for i in self.coded_inputs)
        twin = self.twin if self.reference == "float model" else None
        layers = diagnose(
            self.quantized,
            twin,
            self.pairing,
            self.contract,
            self.weighted,
            measured.sums,
            layers,
            inputs,
            {tensor: self._bound(tensor, measured) for tensor in self.fixed},
            hybrid_faults(self.quantized, twin, self.pairing, self.hybrids, layers),
            random=random,
        )
        return DebugReport(
            samples=measured.samples,
            flavour=self.quantized.flavour,
            reference=self.reference,
            notes=(*measured.notes, *self._unknown()),
            unpaired=tuple(self.unpaired),
            layers=tuple(sorted(layers, key=rank)),
            outputs=outputs,
            inputs=inputs,
            scheme=self.scheme,
            keep_in_float=tuple(
                one for one in self.names() if one.operator in keep_in_float(layers, outputs)
            ),
            random=random,
            remarks=tuple(
                remarks(outputs, self._widths(), layers, twin=self.reference == "float model")
            ),
        )

    def names(self) -> tuple[LayerName, ...]:
        """What quantizers call the layers, in order."""
        twin = self.twin if self.reference == "float model" else None
        return tuple(layer_names(self.quantized, twin, self.pairing, self.compared))

    def _output(self, place: int, sums: OutputSums, measured: Measurements) -> Output:
        tensor = self.quantized.graph.outputs[place]
        spec = self.quantized.specs[tensor]
        scores = is_scores(spec, [self.quantized.specs[i] for i in self.quantized.graph.inputs])
        known = self.layouts[place]
        counted = scores and measured.samples > 0
        return Output(
            tensor,
            spec.name,
            sums.errors.figures(scaled=is_code(spec)),
            sums.agreed / measured.samples if counted else None,
            sums.divergence.value / measured.samples if counted else None,
            metric(sums, measured.metrics[place]),
            () if known is None or sums.parts is None else known.parts(sums.parts),
        )

    def _widths(self) -> list[int]:
        """The length of each output's last axis."""
        shapes = [self.quantized.specs[i].shape for i in self.quantized.graph.outputs]
        return [shape[-1] if shape else 1 for shape in shapes]

    def _bound(self, tensor: int, measured: Measurements) -> Bound:
        reached = measured.accumulated.get(tensor, measured.local[tensor])
        return Bound(
            measured.rounded[tensor].figures(scaled=False).sqnr_db,
            reached.figures(scaled=False).sqnr_db,
        )

    def _input(self, tensor: int, measured: Measurements) -> Input:
        spec = self.quantized.specs[tensor]
        codes = measured.codes[tensor].figures()
        return Input(
            tensor,
            spec.name,
            spec.shape,
            spec.dtype,
            tuple(spec.scale.tolist()),
            tuple(spec.zero_point.tolist()),
            codes,
            measured.reals[tensor].figures(),
            None if codes is None else measured.neighbours[tensor].reinterpreted(codes),
        )

    def _shadow_program(self) -> tuple[Shadow, Program]:
        if self._shadow is None:
            shadow = shadow_of(self.quantized.model, self.quantized.subgraph)
            program = prepare_folded(shadow.model, self.quantized.subgraph)
            self._shadow = shadow, program
        return self._shadow

    def _local(self, step: Step) -> tuple[LocalOperator | LocalChain, Reference]:
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
        if self.reference == "float model":
            try:
                chain = local_chain(self.quantized, step, self.twin, self.pairing.tensors)
                return chain, self.reference
            except LookupError:
                pass  # fused or divided in a way that no float operators stand for
        shadow, program = self._shadow_program()
        place = shadow.operators[step.operator]
        other = next(one for one in program.steps if one.operator == place)
        return local_operator(self.quantized, step, program, other), "shadow"

    def _parts(self) -> dict[int, Parts]:
        """The float operators that part the losses of hybrid layers, by operator."""
        if not self.hybrids:
            return {}
        shadow, shadowed = self._shadow_program()
        told = {i for i, (_, reference) in self.local.items() if reference == "float model"}
        moved = None
        if not told.issuperset(self.hybrids):
            moved = moved_program(shadow, self.quantized, self.hybrids)
        found = {}
        for step in self.quantized.steps:
            if step.operator not in self.hybrids:
                continue
            other = None if step.operator in told else moved
            own = parts(self.quantized, step, shadow, shadowed, other)
            if step.operator not in told:
                own = replace(own, dequantized=self.local[step.operator][0])
            found[step.operator] = own
        return found

    def _unknown(self) -> list[str]:
        """What cannot be known of weights whose float originals are not there."""
        moved = sorted(i for i, own in self.parts.items() if own.moved is not None)
        if not moved or self.reference == "float model":
            return []
        return [
            "without a float model (--float) nobody knows what storing the weights in fewer bits "
            "has lost: it is estimated, by moving them at random by up to half a step, and no "
            "figure of the outputs has it in"
        ]

    def _nothing(self, labels: Array | None = None) -> Measurements:
        specs = self.quantized.specs
        inputs = [specs[i] for i in self.quantized.graph.inputs]
        counted = (*self.grids, *self.coded_inputs)
        grids = {t: self.grids.get(t) or Grid.of(specs[t]) for t in counted}
        real = [t for t in self.compared if t not in self.grids]
        return Measurements(
            local={tensor: ErrorSums() for tensor in self.compared},
            accumulated={t: ErrorSums() for t in self.compared if t in self.pairing.tensors},
            codes={t: code_sums(specs[t].dtype, self.channels[t]) for t in counted},
            neighbours={t: Neighbours() for t in self.coded_inputs},
            rounded={t: ErrorSums() for t in self.fixed},
            reals={t: RealSums(g, self.channels[t]) for t, g in grids.items() if g is not None},
            sums={
                i: AccumulatorRange.nothing(w.weighted.channels) for i, w in self.watches.items()
            },
            outputs=tuple(
                OutputSums(parts=None if one is None else one.nothing()) for one in self.layouts
            ),
            metrics=tuple(
                metric_name(specs[i], inputs, labels) for i in self.quantized.graph.outputs
            ),
            weights={tensor: ErrorSums() for tensor in real},
            activations={tensor: ErrorSums() for tensor in real},
            run_time={
                i: RunTimeSums(one.units)
                for i, one in self.hybrids.items()
                if one.units is not None and i in self.parts
            },
        )

    def _layer(self, step: Step, tensor: int, measured: Measurements) -> Layer:
        spec = self.quantized.specs[tensor]
        accumulated = measured.accumulated.get(tensor)
        coded = tensor in self.grids
        step_size = spec.scale.astype(np.float64) if coded else 1.0
        return Layer(
            operator=step.operator,
            op_name=step.name,
            tensor=tensor,
            name=spec.name,
            shape=spec.shape,
            dtype=spec.dtype,
            scale=tuple(spec.scale.tolist()) if coded else (),
            zero_point=tuple(spec.zero_point.tolist()) if coded else (),
            local=measured.local[tensor].figures(scaled=coded),
            local_reference=self.local[step.operator][1],
            accumulated=None if accumulated is None else accumulated.figures(scaled=coded),
            codes=measured.codes[tensor].figures() if coded else None,
            reals=measured.reals[tensor].figures() if coded else None,
            local_channels=measured.local[tensor].channel_figures(step_size),
            accumulated_channels=None
            if accumulated is None
            else accumulated.channel_figures(step_size),
            weights=None if coded else self._weights(step, tensor, measured),
            activations=None if coded else self._activations(step, tensor, measured),
        )

    def _weights(self, step: Step, tensor: int, measured: Measurements) -> WeightsPart:
        stored = self.hybrids[step.operator].weights
        spec = self.quantized.specs[stored.source]
        return weights_part(
            measured.weights[tensor].figures(scaled=False),
            stored,
            spec,
            estimated=self.parts[step.operator].moved is not None,
        )

    def _activations(self, step: Step, tensor: int, measured: Measurements) -> ActivationsPart:
        run_time = measured.run_time.get(step.operator)
        return ActivationsPart(
            measured.activations[tensor].figures(scaled=False),
            None if run_time is None else run_time.figures(),
        )


def _is_fixed(program: Program, step: Step) -> bool:
    """Whether the definition of an operator fixes the one grid that its result has."""
    if not step.inputs or step.inputs[0] == OPTIONAL:
        return False
    x, y = program.specs[step.inputs[0]], program.specs[step.outputs[0]]
    return y.scale.size == 1 and fixed_output(step.name, x, y) is not None


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
    `Comparison.measure`. A model that cannot be run, and whose file shows why, gives a report
    without figures, `refused`.
    """
    try:
        comparison = Comparison(model, float_model, flavour=flavour)
    except ModelError as error:
        return refused_report(model, error, flavour)
    measured = comparison.measure(samples, stop=limit, batch=batch, progress=progress)
    return comparison.report(measured, random=samples.random)
