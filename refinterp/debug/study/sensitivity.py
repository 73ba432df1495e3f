"""Which layers the outputs depend on: one at a time in another precision, and the smallest set.

For every operator that quantizing costs something, two variants of the model are run:

kept      this operator in float, the rest integer: what is won by not quantizing this layer
alone     this operator integer, the rest in float: what quantizing this layer loses by itself

Both are simulated, see `mixed`: a layer's figure is about its own weights and output. Then `search`
looks for the smallest set of layers that recovers a target.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from refinterp.debug.layer_names import layer_names
from refinterp.debug.remarks import nothing_to_keep
from refinterp.debug.study.report import LayerEffect, SensitivityReport
from refinterp.debug.study.search import Stopping, search
from refinterp.debug.study.trials import Effect, Target
from refinterp.debug.study.variants import Variants, ordered
from refinterp.errors import RefinterpError
from refinterp.graph.model import OPTIONAL
from refinterp.run.program import Step

Progress = Callable[[int], None]
"""Called with how many layers have been tried."""


def runs(variants: Variants, *, alone: bool) -> int:
    """How often variants will run on a sample, at most, until the layers are studied."""
    return variants.trials.count * (2 + len(variants.steps) * (2 if alone else 1))


def sensitivity(
    variants: Variants,
    recover: float | None = None,
    *,
    alone: bool = True,
    progress: Progress | None = None,
    searching: Progress | None = None,
    stopping: Stopping | None = None,
) -> SensitivityReport:
    """Run the variants of each layer, then search for a set if a target is given.

    recover: the target's figure that is wanted: dB, a share, or the metric. alone: whether to run
    the reverse too. searching: called with how large the set has grown. stopping: once it says yes,
    the report is of what has been run.
    """
    told = progress or (lambda done: None)
    stop = stopping or (lambda: False)
    layers = []
    for number, step in enumerate(variants.steps):
        if stop():
            break
        told(number)
        layers.append(_layer(variants, step, alone=alone))
    told(len(layers))
    usable = [one.operator for one in layers if one.kept is not None]
    layers.sort(key=lambda one: (_rank(one.kept, variants.target), one.operator))
    whole = len(layers) == len(variants.steps)
    found = None
    if recover is not None and whole:
        found = search(variants, usable, recover, searching or (lambda size: None), stop)
        whole = found is not None
    return SensitivityReport(
        samples=variants.trials.count,
        flavour=variants.program.flavour,
        reference=variants.setup.reference,
        notes=tuple(variants.trials.notes),
        precision=variants.precision,
        target=variants.target,
        base=variants.base,
        all_kept=variants.effect(usable),
        layers=tuple(layers),
        lossless=tuple(sorted(variants.mixer.lossless)),
        search=found,
        names=layer_names(variants.setup),
        scheme=variants.setup.scheme,
        interrupted=not whole,
        remarks=_remarks(variants, variants.effect(usable)) if usable else (),
    )


def _remarks(variants: Variants, kept: Effect) -> tuple[str, ...]:
    said = nothing_to_keep(
        variants.base.sqnr_db,
        kept.sqnr_db,
        variants.trials.inputs(),
        twin=variants.setup.float_model is not None,
    )
    return () if said is None else (said,)


def _layer(variants: Variants, step: Step, *, alone: bool) -> LayerEffect:
    kept, reason = None, None
    try:
        kept = variants.effect((step.operator,))
    except RefinterpError as error:
        reason = str(error)
    tensor = next(i for i in step.outputs if i != OPTIONAL)
    return LayerEffect(
        step.operator,
        step.name,
        tensor,
        variants.program.specs[tensor].name,
        kept,
        variants.alone(step.operator) if alone else None,
        reason,
    )


def _rank(effect: Effect | None, target: Target) -> tuple[float, float]:
    """What gains most first; what cannot be kept last."""
    if effect is None:
        return math.inf, math.inf
    return -ordered(effect.value(target)), -ordered(effect.sqnr_db)
