"""What a study of sensitivity finds, as data: layers, and the smallest set that recovers."""

from __future__ import annotations

from dataclasses import dataclass

from refinterp.debug.reference.hybrid import STATIC, Scheme
from refinterp.debug.reference.partners import Reference
from refinterp.debug.result import LayerName
from refinterp.debug.study.mixed import Precision
from refinterp.debug.study.trials import Effect, Target


@dataclass(frozen=True, slots=True)
class LayerEffect:
    """One operator. kept: in another precision, the rest integer; alone: integer, the rest float.

    unsupported: why it cannot be kept in the precision asked for, or None.
    """

    operator: int
    op_name: str
    tensor: int
    name: str
    kept: Effect | None
    alone: Effect | None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One operator more in the set, and what the set then comes to."""

    operator: int
    simulated: Effect
    deployed: Effect


@dataclass(frozen=True, slots=True)
class Search:
    """The smallest set of layers found.

    wanted: of the target's figure.
    reached: whether the set reaches that, deployed.
    steps: as the search went, deployed with the readers of what is kept.
    operators: the set that is left after those not needed are given back.
    carried: operators that only move values between these, which have to be kept with them.
    simulated, deployed: what the set comes to.
    smallest: whether all smaller sets have been tried and none reaches the target; None when they
        have not been tried.
    """

    wanted: float
    reached: bool
    steps: tuple[SearchStep, ...]
    operators: tuple[int, ...]
    carried: tuple[int, ...]
    simulated: Effect
    deployed: Effect
    smallest: bool | None


@dataclass(frozen=True, slots=True)
class SensitivityReport:
    """What a study found.

    samples: how many each variant was run on.
    flavour: whose arithmetic integers were computed with.
    reference: what the outputs are held against.
    notes: what was done to the data.
    precision: what layers are kept in.
    target: what they are ranked by.
    base: the model as it is.
    all_kept: the model with every layer kept that can be.
    layers: the one that gains most first.
    lossless: operators that lose nothing by themselves, left out of `layers`.
    search: for the smallest set, where one was asked for.
    names: what quantizers call the layers.
    scheme: how the model is quantized.
    interrupted: whether somebody stopped it.
    remarks: what to know before any layer.
    """

    samples: int
    flavour: str
    reference: Reference
    notes: tuple[str, ...]
    precision: Precision
    target: Target
    base: Effect
    all_kept: Effect
    layers: tuple[LayerEffect, ...]
    lossless: tuple[int, ...]
    search: Search | None
    names: tuple[LayerName, ...]
    scheme: Scheme = STATIC
    interrupted: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def recipe(self) -> tuple[LayerName, ...]:
        """What the search says to keep: its set and what is carried along, in order."""
        if self.search is None:
            return ()
        kept = {*self.search.operators, *self.search.carried}
        return tuple(one for one in self.names if one.operator in kept)

    def layer(self, operator: int) -> LayerEffect:
        """The layer of an operator."""
        return next(one for one in self.layers if one.operator == operator)
