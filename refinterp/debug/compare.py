"""The layer-by-layer comparison of a quantized model with its float twin or its shadow.

`setup` says what is compared with what, `runs` how it is run, `figures` and `diagnose` what comes
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from refinterp.debug.diagnose import diagnose
from refinterp.debug.faults.refused import refused_report
from refinterp.debug.figures import figures
from refinterp.debug.keep_in_float import keep_in_float
from refinterp.debug.labelled import with_fitting_labels
from refinterp.debug.layer_names import layer_names
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.measure.trace import one_by_one, trace_bytes
from refinterp.debug.remarks import remarks
from refinterp.debug.result import DebugReport, rank
from refinterp.debug.runs import Runs, no_measurements
from refinterp.debug.setup import Setup, set_up
from refinterp.errors import ModelError, UsageError
from refinterp.graph.model import Model
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.batches import same_in_batches
from refinterp.samples.samples import Samples

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
        self.setup: Final[Setup] = set_up(model, float_model, flavour=flavour)

    def default_batch(self, samples: int) -> int:
        """How many samples to run at once: as many as keep memory bounded, at most 64."""
        if self._one_by_one():
            return 1
        fitting = _TRACE_BYTES // max(1, trace_bytes(self.setup.quantized))
        return max(1, min(samples, fitting, _LARGEST_BATCH))

    def _one_by_one(self) -> bool:
        """Whether samples have to run one at a time, or would come out otherwise together."""
        program = self.setup.quantized
        return one_by_one(program) or not same_in_batches(program)

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
        samples, note = with_fitting_labels(self.setup.quantized, samples)
        stop = samples.count if stop is None else min(stop, samples.count)
        count = max(0, stop - start)
        size = self.default_batch(count) if batch is None else min(batch, max(1, count))
        if size < 1:
            raise UsageError(f"batch is {batch}; at least 1 is needed")
        if self._one_by_one():
            size = 1
        result = no_measurements(self.setup, samples.labels)
        result.notes.update({note: None} if note else {})
        run = Runs(self.setup, size, result, stopping, progress)
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
        setup = self.setup
        found = figures(setup, measured, random=random)
        layers = diagnose(found)
        kept = keep_in_float(layers, found.outputs)
        shapes = [setup.quantized.specs[one.tensor].shape for one in setup.outputs]
        classes = [shape[-1] if shape else 1 for shape in shapes]
        said = remarks(found.outputs, classes, layers, twin=setup.float_model is not None)
        return DebugReport(
            samples=measured.samples,
            flavour=setup.quantized.flavour,
            reference=setup.reference,
            notes=(*measured.notes, *_unknown(setup)),
            unpaired=setup.unpaired,
            layers=tuple(sorted(layers, key=rank)),
            outputs=found.outputs,
            inputs=found.inputs,
            scheme=setup.scheme,
            keep_in_float=tuple(one for one in layer_names(setup) if one.operator in kept),
            random=random,
            remarks=tuple(said),
        )


def _unknown(setup: Setup) -> Iterator[str]:
    """What cannot be known of weights whose float originals are not there."""
    if setup.float_model is None and any(one.moved is not None for one in setup.losses.values()):
        yield (
            "without a float model (--float) nobody knows what storing the weights in fewer bits "
            "has lost: it is estimated, by moving them at random by up to half a step, and no "
            "figure of the outputs has it in"
        )


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
