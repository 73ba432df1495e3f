"""Where a model that was rewritten for one build needs a larger arena than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Model
from refinterp.tflm.ledger import totals
from refinterp.tflm.planning import Planner
from refinterp.tflm.targets import Profile, profiles


@dataclass(frozen=True, slots=True)
class Dearer:
    """A build, and the bytes of the smallest arena there with the old model and the new one."""

    profile: Profile
    before: int
    after: int


def dearer(old: Model, new: Model, where: Profile, *, plan: Planner) -> Iterator[Dearer]:
    """Yield the builds other than `where` on which `new` needs more than `old`."""
    for profile in profiles():
        if (profile.target, profile.kernels) == (where.target, where.kernels):
            continue
        try:
            before, after = (totals(model, profile, plan=plan)[1] for model in (old, new))
        except (ModelError, UnsupportedError):
            continue  # refused there, whichever of the two
        if after > before:
            yield Dearer(profile, before, after)
