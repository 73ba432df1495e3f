"""Whether labels can be meant for a model's outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from refinterp.debug.measure.outputs import metric_name
from refinterp.errors import UsageError
from refinterp.run.program import Program
from refinterp.samples.samples import Samples


def with_fitting_labels(program: Program, samples: Samples) -> tuple[Samples, str | None]:
    """The samples, without labels that folders' names gave and the model cannot mean, and a note.

    Raises UsageError when other labels are class numbers that no output has a score for. Labels
    that fit no output in any way are left alone: what is compared does not need them.
    """
    labels = samples.labels
    if labels is None or labels.dtype.kind not in "iub" or not labels.size:
        return samples, None
    inputs = [program.specs[i] for i in program.graph.inputs]
    outputs = [program.specs[i] for i in program.graph.outputs]
    scores = [s for s in outputs if metric_name(s, inputs, labels) == "accuracy"]
    if not scores:
        return samples, None
    most = max(spec.size for spec in scores)
    numbers = labels.reshape(-1).astype(np.int64)
    wrong = np.flatnonzero((numbers < 0) | (numbers >= most))
    if not wrong.size:
        return samples, None
    at = int(wrong[0])
    more = f"(and {wrong.size - 1} others) " if wrong.size > 1 else ""
    name = next(spec.name for spec in scores if spec.size == most)
    text = (
        f"{samples.labels_origin or 'the labels'}: label {numbers[at]} of sample {at} "
        f"{more}is no class of the model: output {name!r} has {most} "
        f"scores, 0..{most - 1}"
    )
    if samples.labels_asked:
        raise UsageError(text)
    return replace(samples, labels=None), f"{text}; the samples are taken as without labels"
