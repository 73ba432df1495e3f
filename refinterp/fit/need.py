"""What a model needs on a build: arena, file, code, and the operators that stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from refinterp.errors import ModelError, UnsupportedError
from refinterp.fit.code import CodeNeed, code_need
from refinterp.fit.objects import interpreter_bytes
from refinterp.fit.stack import StackNeed, stack_need
from refinterp.graph.model import Model
from refinterp.run.gate import refusals
from refinterp.tflm.footprint import find
from refinterp.tflm.judged import judged
from refinterp.tflm.ledger import measure, measure_shared, totals
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.planning import Planning
from refinterp.tflm.targets import Profile, built_by_users
from refinterp.verdicts.verdict import TFLM


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model to be judged. path: as it was typed. title: its file's name. file_bytes: its size."""

    path: str
    title: str
    model: Model
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why TFLM does not run a model. operator: None where it is the file, or more than one."""

    subgraph: int
    operator: int | None
    op_name: str
    why: str


@dataclass(frozen=True, slots=True)
class Need:
    """A model on a build.

    candidates: one model, or several in one firmware.
    profile: the build.
    ledger: None where no arena follows, as TFLM does not run it.
    arena_bytes: the smallest that works, None where that is not known.
    interpreter_bytes: the interpreters' own objects.
    code: of TFLM, for the operators.
    stack: of its functions, where that is known.
    unsupported: why TFLM does not run it.
    margin_bytes: what people's own build needs beyond the arena, where that is another build.
    """

    candidates: tuple[Candidate, ...]
    profile: Profile
    ledger: Ledger | None
    arena_bytes: int | None
    interpreter_bytes: int
    code: CodeNeed
    stack: StackNeed
    unsupported: tuple[Unsupported, ...] = ()
    margin_bytes: int = 0

    @property
    def model_bytes(self) -> int:
        """The models' files."""
        return sum(one.file_bytes for one in self.candidates)

    @property
    def ram_bytes(self) -> int | None:
        """Arena and margin, the interpreter's object, variables and, where known, the stack."""
        if self.arena_bytes is None:
            return None
        arena, stack = self.arena_bytes + self.margin_bytes, self.stack.bytes or 0
        return arena + self.interpreter_bytes + self.code.total.ram + stack

    @property
    def flash_bytes(self) -> int:
        """The models' files and the code."""
        return self.model_bytes + self.code.total.flash


class Needs:
    """What candidates need, each worked out once for every build that is asked for.

    ledgers: keep every allocation, not only what they come to.
    """

    def __init__(self, planner: str, plans: Planning, *, ledgers: bool = True) -> None:
        self._planner, self._plans, self._whole = planner, plans, ledgers
        self._ledgers: dict[tuple[object, ...], Ledger | int | str] = {}
        self._refused: dict[tuple[object, ...], tuple[Unsupported, ...]] = {}
        self._code: dict[tuple[object, ...], CodeNeed] = {}
        self._stacks: dict[tuple[object, ...], StackNeed] = {}
        self._alive: list[Candidate] = []  # so that no two models have the same identity

    def on(self, candidate: Candidate, profile: Profile) -> Need:
        """Return what a candidate needs on a build; a refusal is part of the answer."""
        self._alive.append(candidate)
        key = (id(candidate.model), profile.target.name, profile.kernels.name, profile.tflm.name)
        if key not in self._ledgers:
            self._ledgers[key] = self._ledger(candidate.model, profile)
        found = self._ledgers[key]
        size = found.minimum_arena_bytes if isinstance(found, Ledger) else found
        need = Need(
            (candidate,),
            profile,
            found if isinstance(found, Ledger) else None,
            size if isinstance(size, int) else None,
            interpreter_bytes(profile),
            self.code(candidate.model.operator_names, profile),
            self.stack(candidate.model.operator_names, profile),
            self._unsupported(candidate, profile, found if isinstance(found, str) else ""),
        )
        people = built_by_users(profile)
        return need if people is None else _with_margin(need, self.on(candidate, people))

    def together(self, candidates: Sequence[Candidate], profile: Profile, *, shared: bool) -> Need:
        """Return what several candidates need in one firmware.

        shared: they are set up one after the other in one arena; else each has its own.
        """
        each = [self.on(one, profile) for one in candidates]
        arena: int | None = None
        if all(one.arena_bytes is not None for one in each):
            arena = sum(one.arena_bytes or 0 for one in each)
            if shared:
                arena = self._shared([one.model for one in candidates], profile)
        names = dict.fromkeys(name for one in candidates for name in one.model.operator_names)
        need = Need(
            tuple(candidates),
            profile,
            None,
            arena,
            sum(one.interpreter_bytes for one in each),
            self.code(tuple(names), profile),
            self.stack(tuple(names), profile),
            tuple(why for one in each for why in one.unsupported),
        )
        people = built_by_users(profile)
        if people is None:
            return need
        return _with_margin(need, self.together(candidates, people, shared=shared))

    def code(self, operators: tuple[str, ...], profile: Profile) -> CodeNeed:
        """Return the code of operators on a build."""
        key = (operators, profile)
        if key not in self._code:
            self._code[key] = code_need(profile, operators)
        return self._code[key]

    def stack(self, operators: tuple[str, ...], profile: Profile) -> StackNeed:
        """Return what operators take of the stack on a build."""
        key = (operators, profile)
        if key not in self._stacks:
            self._stacks[key] = stack_need(profile, operators)
        return self._stacks[key]

    def _shared(self, models: Sequence[Model], profile: Profile) -> int | None:
        try:
            found = measure_shared(models, profile, self._planner, plan=self._plans)
        except (UnsupportedError, ModelError):
            return None
        return found.minimum_arena_bytes

    def _ledger(self, model: Model, profile: Profile) -> Ledger | int | str:
        """The ledger, the smallest arena alone, or why there is none."""
        try:
            if not self._whole:
                return totals(model, profile, self._planner, plan=self._plans)[1]
            return measure(model, profile, self._planner, plan=self._plans)
        except (UnsupportedError, ModelError) as error:
            return str(error)

    def _unsupported(
        self, candidate: Candidate, profile: Profile, error: str
    ) -> tuple[Unsupported, ...]:
        """Operators that TFLM lacks, refuses or fails on, or why there is no figure otherwise."""
        model, version = candidate.model, profile.tflm
        key = id(model), version.name, profile.kernels.name if version.distribution else ""
        if key not in self._refused:
            against = judged(model, profile) if version.distribution else refusals(model, TFLM)
            self._refused[key] = tuple(
                Unsupported(verdict.subgraph, verdict.operator, verdict.op_name, verdict.why)
                for verdict in against
            )
        found = self._refused[key]
        told = {(one.subgraph, one.operator) for one in found}
        name = version.name if version.distribution else "TFLM"
        found += tuple(
            Unsupported(number, place, op.name, f"{name} has no kernel for {op.name}")
            for number, graph in enumerate(model.subgraphs)
            for place, op in enumerate(graph.operators)
            if op.name in version.lacks or find(profile, op.name) is None
            if (number, place) not in told
        )
        if error and not found:
            return (Unsupported(0, None, "", error),)
        return found


def _with_margin(need: Need, people: Need) -> Need:
    """What is needed, with what another build of the same distribution needs beyond it."""
    if need.arena_bytes is None or people.arena_bytes is None:
        return need
    return replace(need, margin_bytes=max(0, people.arena_bytes - need.arena_bytes))
