"""A model with some of its layers in another precision, and what its outputs then come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from refinterp.debug.reference.shadow import is_code, shadow_of
from refinterp.debug.setup import set_up
from refinterp.debug.study.behaviour import behaviour
from refinterp.debug.study.float_constants import are_strangers, float_constants
from refinterp.debug.study.mixed import Mixer, Precision
from refinterp.debug.study.trials import Effect, Target, Trials
from refinterp.graph.model import Buffer, Model
from refinterp.graph.operators import facts
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.samples.samples import Samples

PERFECT: Final = 200.0  # dB: better than float32 can be: as good as no error


class Variants:
    """A quantized model, its reference and samples, ready for variants.

    precision: what layers are kept in. limit: use the first so many samples only. ran: called after
    each run of a variant on a sample.

    steps: the layers, operators that quantizing costs something. base: the model as it is.

    Raises UsageError as `Comparison` does, and when the target has no figure on these samples.
    """

    def __init__(
        self,
        model: Model,
        samples: Samples,
        float_model: Model | None = None,
        *,
        flavour: str = DEFAULT_FLAVOUR,
        precision: Precision = "float",
        target: Target = "sqnr",
        limit: int | None = None,
        ran: Callable[[], None] | None = None,
    ) -> None:
        self.setup = set_up(model, float_model, flavour=flavour)
        self.program = self.setup.quantized
        self.precision, self.target = precision, target
        count = min(samples.count, limit or samples.count)
        self.trials = Trials(self.setup, samples, count, ran)
        plain = self.setup if float_model is None else set_up(model, flavour=flavour)
        lossless, simulable = behaviour(plain, self.trials, whole=float_model is None)
        shadow = shadow_of(self.program.model, self.program.subgraph)
        constants: dict[int, dict[int, Buffer]] = {}
        if float_model is not None:
            constants = float_constants(self.program, shadow, self.setup.twin, self.setup.pairing)
        self.mixer = Mixer(self.program, shadow, constants, lossless, simulable)
        self.trials.notes.update(dict.fromkeys(self._notes()))
        self.rescaling = frozenset(
            step.operator
            for step in self.program.steps
            if facts(step.name).conversion
            and all(is_code(self.program.specs[i]) for i in (step.inputs[0], step.outputs[0]))
        )
        self.steps = [
            step
            for step in self.program.steps
            if step.operator in plain.local
            and (not facts(step.name).conversion or step.operator in self.rescaling)
            and step.operator not in lossless
        ]
        self._known: dict[tuple[frozenset[int], bool], Effect] = {}
        self.base = self.effect(())
        self.base.value(target)

    def _notes(self) -> Iterator[str]:
        """What to know of the constants that layers in float have."""
        mixer = self.mixer
        others = [
            operator
            for operator, own in mixer.constants.items()
            if are_strangers(mixer.shadow, self.program, operator, own)
        ]
        if others:
            yield (
                f"the float model's weights of operator(s) {', '.join(map(str, others))} are not "
                "those of the quantized model, quantized; kept in float, they are the float model's"
            )
        if self.setup.float_model is None and self.setup.hybrids:
            yield (
                "without a float model (--float) a hybrid layer in float keeps its stored weights: "
                "what is gained is what quantizing its data at run time loses, no more"
            )

    def effect(self, operators: Iterable[int], *, deployed: bool = False) -> Effect:
        """What the model comes to with these operators kept; every set is run once."""
        kept = frozenset(operators)
        if deployed:
            kept |= self.carried(kept)
        if (kept, deployed) not in self._known:
            model = self.mixer.mix(dict.fromkeys(kept, self.precision), deployed=deployed)
            self._known[kept, deployed] = self.trials.effect(model)
        return self._known[kept, deployed]

    def alone(self, operator: int) -> Effect:
        """What the model comes to with this operator integer, and all others in float."""
        others = {*self.mixer.shadow.operators, *self.rescaling} - {operator}
        kept: dict[int, Precision] = dict.fromkeys(others, "float")
        return self.trials.effect(self.mixer.with_integers(operator).mix(kept))

    def carried(self, operators: Iterable[int]) -> frozenset[int]:
        """Operators that only move what these operators write."""
        return self._followers(frozenset(operators))[0]

    def readers(self, operators: Iterable[int]) -> frozenset[int]:
        """Layers that read what these operators write, directly or moved."""
        return self._followers(frozenset(operators))[1]

    def _followers(self, operators: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
        layers = {step.operator for step in self.steps}
        written: set[int] = set()
        moving, reading = set(), set()
        for step in self.program.steps:
            if not written.isdisjoint(step.inputs):
                if step.operator in self.mixer.lossless and not facts(step.name).conversion:
                    moving.add(step.operator)
                elif step.operator in layers and step.operator not in self.setup.hybrids:
                    reading.add(step.operator)
            if step.operator in operators or step.operator in moving:
                written.update(step.outputs)
        return frozenset(moving) - operators, frozenset(reading) - operators

    def figure(self, effect: Effect) -> float:
        """The target's figure of an effect, such that more is better, and finite at the top."""
        return min(ordered(effect.value(self.target)), PERFECT)

    def falls(self) -> bool:
        """Whether the target's figure is better when it is smaller."""
        found = self.base.metric
        return self.target == "metric" and found is not None and found.name == "rmse"


def ordered(value: float) -> float:
    """The value, with nan below all others."""
    return -math.inf if math.isnan(value) else value
