"""All that one question about fitting has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from refinterp.cost.device import DeviceCost
from refinterp.fit.judge import FitResult
from refinterp.fit.layers import LayerShare
from refinterp.fit.suggest import Suggestion
from refinterp.verdicts.delegates.taken import Delegated


@dataclass(frozen=True, slots=True)
class Fitted:
    """One model in one place. detailed: whether changes were looked for. cost: of an inference.

    delegated: delegate → what it takes of the model, where that was asked.
    """

    result: FitResult
    suggestions: tuple[Suggestion, ...] = ()
    layers: tuple[LayerShare, ...] = ()
    detailed: bool = False
    cost: DeviceCost | None = None
    delegated: Mapping[str, tuple[Delegated, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FitReport:
    """Every model in every place, and all models together in each.

    together: for each place first in one arena, then each in its own. judged: which of these the
    verdict is about, "shared" or "apart"; None for each model by itself. every_board: the question
    is which boards will do, not whether all do. sharing: for each place what one arena saves.
    """

    fitted: tuple[Fitted, ...]
    together: tuple[FitResult, ...]
    judged: str | None
    every_board: bool
    sharing: tuple[Suggestion, ...] = ()

    @property
    def asked(self) -> list[FitResult]:
        """The results that the verdict is about."""
        if self.judged is not None:
            return self.of(self.judged)
        return [one.result for one in self.fitted]

    def of(self, way: str) -> list[FitResult]:
        """All models together, in one arena ("shared") or each in its own ("apart")."""
        return list(self.together[way == "apart" :: 2])

    @property
    def fits(self) -> bool:
        """Whether everything fits, or with every board asked about, all models some board."""
        if not self.every_board:
            return all(one.fits for one in self.asked)
        models = {one.need.candidates for one in self.asked}
        fitting = {one.need.candidates for one in self.asked if one.fits}
        return models == fitting
