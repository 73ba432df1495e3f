"""Which layers the outputs depend on: one at a time in another precision, and the smallest set.

For every operator that quantizing costs something, two variants of the model are run:

kept      this operator in float, the rest integer: what is won by not quantizing this layer
alone     this operator integer, the rest in float: what quantizing this layer loses by itself

Both are simulated, see `mixed`: a layer's figure is about its own weights and output. A search then
keeps adding the operator that gains most, unless even all of them together do not reach the target;
in large models each step tries those that the steps before have found best. What counts is the set
*deployed*, where an integer layer reads integers whoever feeds it, so those who read what a kept
layer writes are kept with it. Once the set reaches the target it gives back every layer that turns
out not to be needed, and where all smaller sets can be tried it says that none of them would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.compare import Comparison
from refinterp.debug.measure.metrics import Grid, sqnr_db
from refinterp.debug.measure.trace import Trace
from refinterp.debug.reference.local import as_real
from refinterp.debug.reference.pairing import Pairing
from refinterp.debug.reference.shadow import CONVERSIONS, Shadow, is_code, shadow_of
from refinterp.debug.remarks import nothing_to_keep
from refinterp.debug.result import STATIC, LayerName, Reference, Scheme
from refinterp.debug.study.mixed import Mixer, Precision
from refinterp.debug.study.trials import Effect, Target, Trials
from refinterp.errors import RefinterpError
from refinterp.graph.model import OPTIONAL, STORAGE, Buffer, Model
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.executor import Executor
from refinterp.run.prepare import Program, Step
from refinterp.samples.samples import Samples

Array = NDArray[Any]
_PERFECT: Final = 200.0  # dB: better than float32 can be: as good as no error
_EXACT: Final = 1e-3  # of a step: what float32 may round, far below what a code can be off
_FLOAT_ROUNDING: Final = 1e-5  # of the largest value
_ROUNDING: Final = 2 / 256  # of the code range: what integer arithmetic may differ from reals by
_SAME_WEIGHTS: Final = 10.0  # dB: 8-bit weights of healthy layers are within 30 dB and more
_ALL_TRIED: Final = 24  # layers of a model in which each step of the search tries all
_TRIED: Final = 8  # in larger ones
_PROOF: Final = 300  # how many smaller sets are tried to show that none does

Stopping = Callable[[], bool]
Progress = Callable[[int], None]
"""Called with how many layers have been tried."""


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
    """The smallest set found. wanted: of the target's figure; reached: whether it was, deployed.

    steps: as the search went, deployed with the readers of what is kept; operators: what is left
    after those not needed are given back.
    carried: operators that only move values between these, which have to be kept with them.
    smallest: no smaller set reaches the target, all have been tried; None when they have not.
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
    """What a study found. layers: the one that gains most first.

    base: the model as it is; all_kept: every layer that can be kept, kept. lossless: operators that
    lose nothing by themselves, left out of layers. asked: samples asked for per variant.
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


class Sensitivity:
    """A quantized model, its reference and samples, ready for variants.

    precision: what layers are kept in. total: use the first so many samples only. ran: called after
    each run of a variant on a sample; how many there will be: `runs`.
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
        self.comparison = Comparison(model, float_model, flavour=flavour)
        self.program = self.comparison.quantized
        self.precision, self.target = precision, target
        self.trials = Trials(
            self.comparison, samples, min(samples.count, limit or samples.count), ran
        )
        plain = self.comparison if float_model is None else Comparison(model, flavour=flavour)
        lossless, simulable = _behaviour(plain, self.trials, whole=float_model is None)
        shadow = shadow_of(self.program.model, self.program.subgraph)
        constants: dict[int, dict[int, Buffer]] = {}
        if float_model is not None:
            constants = _constants(
                self.program, shadow, self.comparison.twin, self.comparison.pairing
            )
        others = [i for i, own in constants.items() if _strangers(shadow, self.program, i, own)]
        if others:
            self.trials.notes[
                f"the float model's weights of operator(s) {', '.join(map(str, others))} are not "
                "those of the quantized model, quantized; kept in float, they are the float model's"
            ] = None
        if float_model is None and self.comparison.hybrids:
            self.trials.notes[
                "without a float model (--float) a hybrid layer in float keeps its stored weights: "
                "what is gained is what quantizing its data at run time loses, no more"
            ] = None
        self.mixer = Mixer(self.program, shadow, constants, lossless, simulable)
        self.rescaling = frozenset(
            step.operator
            for step in self.program.steps
            if step.name == "QUANTIZE"
            and all(is_code(self.program.specs[i]) for i in (step.inputs[0], step.outputs[0]))
        )
        self.steps = [
            step
            for step in self.program.steps
            if step.operator in plain.local
            and (step.name not in CONVERSIONS or step.operator in self.rescaling)
            and step.operator not in lossless
        ]
        self._known: dict[tuple[frozenset[int], bool], Effect] = {}
        self.base = self.effect(())
        self.base.value(target)

    def runs(self, *, alone: bool) -> int:
        """How often variants will run on a sample, at most, until the layers are studied."""
        return self.trials.count * (2 + len(self.steps) * (2 if alone else 1))

    def effect(self, operators: Iterable[int], *, deployed: bool = False) -> Effect:
        """What the model comes to with these operators kept; every set is run once."""
        kept = frozenset(operators)
        if deployed:
            kept |= self.carried(kept)
        if (kept, deployed) not in self._known:
            model = self.mixer.mix(dict.fromkeys(kept, self.precision), deployed=deployed)
            self._known[kept, deployed] = self.trials.effect(model)
        return self._known[kept, deployed]

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
                if step.operator in self.mixer.lossless and step.name not in CONVERSIONS:
                    moving.add(step.operator)
                elif step.operator in layers and step.operator not in self.comparison.hybrids:
                    reading.add(step.operator)
            if step.operator in operators or step.operator in moving:
                written.update(step.outputs)
        return frozenset(moving) - operators, frozenset(reading) - operators

    def figure(self, effect: Effect) -> float:
        """The target's figure of an effect, such that more is better, and finite at the top."""
        return min(_ordered(effect.value(self.target)), _PERFECT)

    def alone(self, operator: int) -> Effect:
        """What the model comes to with this operator integer, and all others in float."""
        others = {*self.mixer.shadow.operators, *self.rescaling} - {operator}
        kept: dict[int, Precision] = dict.fromkeys(others, "float")
        return self.trials.effect(_integer(self.mixer, operator).mix(kept))

    def study(
        self,
        recover: float | None = None,
        *,
        alone: bool = True,
        progress: Progress | None = None,
        searching: Progress | None = None,
        stopping: Stopping | None = None,
    ) -> SensitivityReport:
        """Run the variants of each layer, then search for a set if a target is given.

        recover: the target's figure that is wanted: dB, a share, or the metric. alone: whether to
        run the reverse too. searching: called with how large the set has grown. stopping: once it
        says yes, the report is of what has been run.
        """
        told = progress or (lambda done: None)
        stop = stopping or (lambda: False)
        layers = []
        for number, step in enumerate(self.steps):
            if stop():
                break
            told(number)
            layers.append(self._layer(step, alone=alone))
        told(len(layers))
        usable = [one.operator for one in layers if one.kept is not None]
        layers.sort(key=lambda one: (_rank(one.kept, self.target), one.operator))
        whole = len(layers) == len(self.steps)
        search = None
        if recover is not None and whole:
            search = self._search(usable, recover, searching or (lambda size: None), stop)
            whole = search is not None
        return SensitivityReport(
            samples=self.trials.count,
            flavour=self.program.flavour,
            reference=self.comparison.reference,
            notes=tuple(self.trials.notes),
            precision=self.precision,
            target=self.target,
            base=self.base,
            all_kept=self.effect(usable),
            layers=tuple(layers),
            lossless=tuple(sorted(self.mixer.lossless)),
            search=search,
            names=self.comparison.names(),
            scheme=self.comparison.scheme,
            interrupted=not whole,
            remarks=self._remarks(self.effect(usable)) if usable else (),
        )

    def _remarks(self, kept: Effect) -> tuple[str, ...]:
        said = nothing_to_keep(
            self.base.sqnr_db,
            kept.sqnr_db,
            self.trials.inputs(),
            twin=self.comparison.reference == "float model",
        )
        return () if said is None else (said,)

    def _layer(self, step: Step, *, alone: bool) -> LayerEffect:
        kept, reason = None, None
        try:
            kept = self.effect((step.operator,))
        except RefinterpError as error:
            reason = str(error)
        tensor = next(i for i in step.outputs if i != OPTIONAL)
        return LayerEffect(
            step.operator,
            step.name,
            tensor,
            self.program.specs[tensor].name,
            kept,
            self.alone(step.operator) if alone else None,
            reason,
        )

    def _search(
        self, usable: Sequence[int], wanted: float, told: Progress, stop: Stopping
    ) -> Search | None:
        """Grow the set by what gains most, then give back what is not needed."""
        goal = -wanted if self._falls() else wanted

        def enough(operators: Iterable[int]) -> bool:
            return self.figure(self.effect(operators, deployed=True)) >= min(goal, _PERFECT)

        able = frozenset(usable)
        steps: list[SearchStep] = []
        grown: list[int] = []
        chosen: list[int] = []
        values = {i: self._order((i,)) for i in usable}
        hopeless = not enough(chosen) and not enough(usable)
        if hopeless:
            chosen = sorted(usable)
        while not hopeless and not enough(chosen) and values:
            told(len(grown))
            tried = sorted(values, key=lambda i: values[i], reverse=True)
            if len(usable) > _ALL_TRIED:
                tried = tried[:_TRIED]
            for operator in tried:
                if stop():
                    return None
                values[operator] = self._order((*grown, operator))
            best = max(tried, key=lambda i: (values[i], -usable.index(i)))
            del values[best]
            grown.append(best)
            chosen = [*grown, *sorted((self.readers(grown) & able) - set(grown))]
            effects = self.effect(grown), self.effect(chosen, deployed=True)
            steps.append(SearchStep(best, *effects))
        reached = enough(chosen)
        smallest: bool | None = None
        if reached:
            for operator in reversed(chosen):
                rest = [i for i in chosen if i != operator]
                if enough(rest):
                    chosen = rest
            chosen, smallest = self._smaller(usable, chosen, enough, stop)
        return Search(
            wanted,
            reached,
            tuple(steps),
            tuple(sorted(chosen)),
            tuple(sorted(self.carried(chosen))),
            self.effect(chosen),
            self.effect(chosen, deployed=True),
            smallest,
        )

    def _order(self, operators: Sequence[int]) -> tuple[float, float]:
        """What the search goes by: the figure, and the SQNR where it is equal."""
        found = self.effect(operators)
        return self.figure(found), _ordered(found.sqnr_db)

    def _smaller(
        self,
        usable: Sequence[int],
        chosen: list[int],
        enough: Callable[[Iterable[int]], bool],
        stop: Stopping,
    ) -> tuple[list[int], bool | None]:
        """Try all smaller sets, if they are few: the smallest, and whether that is proven."""
        sizes = range(1, len(chosen))
        if sum(math.comb(len(usable), size) for size in sizes) > _PROOF:
            return chosen, None
        for size in sizes:
            for trial in combinations(usable, size):
                if stop():
                    return chosen, None
                if enough(trial):
                    return list(trial), True
        return chosen, True

    def _falls(self) -> bool:
        """Whether the target's figure is better when it is smaller."""
        found = self.base.metric
        return self.target == "metric" and found is not None and found.name == "rmse"


def _integer(mixer: Mixer, operator: int) -> Mixer:
    """The mixer that runs this operator with its integer kernel, whoever feeds it."""
    own = frozenset({operator})
    return Mixer(
        mixer.program,
        mixer.shadow,
        mixer.constants,
        frozenset(mixer.lossless) - own,
        frozenset(mixer.simulable) - own,
    )


def _rank(effect: Effect | None, target: Target) -> tuple[float, float]:
    """What gains most first; what cannot be kept last."""
    if effect is None:
        return math.inf, math.inf
    return -_ordered(effect.value(target)), -_ordered(effect.sqnr_db)


def _ordered(value: float) -> float:
    return -math.inf if math.isnan(value) else value


@one_blas_thread()
def _behaviour(
    plain: Comparison, trials: Trials, *, whole: bool
) -> tuple[frozenset[int], frozenset[int]]:
    """Operators that lose nothing on these samples, and those that are reals rounded.

    plain: the comparison of the model with its shadow. whole: whether there is no float model, so
    that a hybrid layer loses no more than quantizing its data at run time does.
    """
    executor = Executor(plain.quantized)
    trace, work = Trace(executor), Workspace()
    lossless, simulable = set(plain.local), set(plain.local)
    if not whole:
        lossless -= plain.hybrids.keys()
    specs = plain.quantized.specs
    for index in range(trials.count):
        trials.feed(executor, index)
        trace.run()

        def real(tensor: int) -> Array:
            return as_real(trace.sample(tensor, 0), specs[tensor])

        for step in plain.quantized.steps:
            if step.operator not in simulable:
                continue
            results = plain.local[step.operator][0].run(real, work)
            for tensor, result in zip(step.outputs, results, strict=True):
                grid = plain.grids.get(tensor)
                if grid is None:
                    if tensor in plain.compared and _far(trace.sample(tensor, 0), result):
                        lossless.discard(step.operator)
                    continue
                codes = trace.sample(tensor, 0).reshape(-1)
                off, most = _off(codes, result.reshape(-1), grid)
                if off > _EXACT:
                    lossless.discard(step.operator)
                limits = np.iinfo(STORAGE[specs[tensor].dtype])
                if not most <= _ROUNDING * (int(limits.max) - int(limits.min)):
                    simulable.discard(step.operator)
                    lossless.discard(step.operator)
    return frozenset(lossless), frozenset(simulable)


def _far(found: Array, reals: Array) -> bool:
    """Whether reals are further from others than float arithmetic rounds."""
    reach = float(np.abs(reals).max(initial=0.0))
    off = np.abs(found.reshape(-1).astype(np.float64) - reals.reshape(-1)).max(initial=0.0)
    return not off <= _FLOAT_ROUNDING * reach


def _off(codes: Array, reals: Array, grid: Grid) -> tuple[float, float]:
    """How far codes are from reals, in steps: at most, before and after reals are clipped."""
    if not codes.size:
        return 0.0, 0.0
    with np.errstate(all="ignore"):
        exact = reals.astype(np.float64) / grid.scale + grid.zero_point
        off = np.abs(codes - exact).max()
        most = np.abs(codes - np.clip(exact, grid.low, grid.high)).max()
    return float(off), float(most)


def _constants(
    program: Program, shadow: Shadow, twin: Program, pairing: Pairing
) -> dict[int, dict[int, Buffer]]:
    """The float twin's weights and biases, by operator and place, where they have one's shape."""
    floats = shadow.model.subgraphs[program.subgraph]
    steps = {step.operator: step for step in twin.steps}
    found: dict[int, dict[int, Buffer]] = {}
    for step in program.steps:
        partner = steps.get(pairing.operators.get(step.operator, -1))
        if partner is None or not _same_work(partner.options, step.options):
            continue
        own: dict[int, Buffer] = {}
        for place, (ours, theirs) in enumerate(zip(step.inputs, partner.inputs, strict=False)):
            if OPTIONAL in (ours, theirs):
                continue
            value, here = twin.specs[theirs].data, floats.tensors[ours]
            is_constant = program.specs[ours].data is not None
            if value is None or not is_constant or value.dtype != np.float32:
                continue
            if here.dtype == "float32" and tuple(here.shape) == value.shape:
                own[place] = Buffer(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
        found[step.operator] = own
    return found


def _same_work(options: Any, others: Any) -> bool:
    """Whether options are the same, but for how data are quantized at run time."""
    own = "asymmetric_quantize_inputs"
    if hasattr(options, own) and hasattr(others, own):
        options = replace(options, **{own: getattr(others, own)})
    return bool(options == others)


def _strangers(
    shadow: Shadow, program: Program, operator: int, constants: dict[int, Buffer]
) -> bool:
    """Whether an operator's own weights are further from the twin's than quantizing explains."""
    model = shadow.model
    tensors = model.subgraphs[program.subgraph].tensors
    step = next(step for step in program.steps if step.operator == operator)
    for place, buffer in constants.items():
        theirs = buffer.data.view("<f4").astype(np.float64)
        ours = model.buffers[tensors[step.inputs[place]].buffer].data.view("<f4")
        signal, noise = float(np.sum(theirs**2)), float(np.sum((ours - theirs) ** 2))
        if place == step.entry.weights and sqnr_db(signal, noise) < _SAME_WEIGHTS:
            return True
    return False
