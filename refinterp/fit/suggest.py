"""What would make a model fit, or fit better: each change measured, none guessed.

What can be done now carries the command that does it. What needs another model is measured on a
rewritten graph and is not applied by any command.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from refinterp.arena.optimize import optimize_model
from refinterp.errors import RefinterpError, UsageError
from refinterp.fit.dead_channels import without_dead_channels
from refinterp.fit.judge import FitResult
from refinterp.fit.need import Candidate, Need, Needs
from refinterp.graph.model import Model
from refinterp.modelfile.writer import write_model
from refinterp.run.resize import resized
from refinterp.tflm.ledger import needs as asked_for
from refinterp.tflm.planning import Planning
from refinterp.tflm.targets import DEFAULT_VERSION, KERNELS, Profile, profile
from refinterp.tflm.what_if import with_integer_edges

SECONDS: Final = 1  # that a search for a plan may take
ENOUGH: Final = 5  # that the command for it may, so that a slower moment finds no less
_SMALLER: Final = ((3, 4), (1, 2))  # of the height and width of an image


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change, and what it comes to.

    id: a name that stays the same.
    change: what to do, in words.
    command: what does it now, None where it needs another model.
    changes_outputs: whether any output's values, type or number may be others.
    ram_gain_bytes, flash_gain_bytes: what it saves; negative where it takes more.
    need: with the change.
    fits: whether it fits then.
    """

    id: str
    change: str
    command: str | None
    changes_outputs: bool
    ram_gain_bytes: int
    flash_gain_bytes: int
    need: Need
    fits: bool


class Suggestions:
    """Looks for changes that save memory."""

    def __init__(self, needs: Needs, plans: Planning) -> None:
        self._needs, self._plans = needs, plans

    def of(
        self, result: FitResult, words: tuple[str, ...], common: tuple[str, ...] = ()
    ) -> tuple[Suggestion, ...]:
        """Return what would save memory, what can be done now first.

        result: of one model. words: the options that ask the same of `fit` again. common: those
        that `arena` needs beside the build: files of hardware, sizes of inputs.
        """
        if result.need.unsupported or result.need.ledger is None:
            return ()
        found = [*self._plan(result, common), *self._kernels(result, words), *self._changed(result)]
        gaining = [one for one in found if one.ram_gain_bytes > 0 or one.flash_gain_bytes > 0]
        return tuple(sorted(gaining, key=lambda one: (one.command is None, -one.ram_gain_bytes)))

    def _plan(self, result: FitResult, common: tuple[str, ...]) -> Iterator[Suggestion]:
        """Write an optimal plan into the model, then also let operators run in another order."""
        candidate, where = result.need.candidates[0], result.need.profile
        shapes, scratch = asked_for(candidate.model, where, plan=self._plans)
        best = 0
        for reorder in (False, True):
            try:
                found = optimize_model(
                    candidate.model,
                    shapes=shapes,
                    scratch=scratch,
                    reorder_operators=reorder,
                    time_limit=SECONDS,
                )
            except RefinterpError:
                continue
            if found.gain_bytes <= best or (reorder and found.orders is None):
                continue
            best = found.gain_bytes
            name, change = ("optimal_plan", "an optimal plan in the model's metadata")
            if reorder:
                name, change = ("operator_order", f"operators in another order, and {change}")
            words = ["refinterp", "arena", candidate.path, *build_words(where), *common]
            words += ["--optimize", *(["--reorder"] * reorder), "--time-limit", str(ENOUGH)]
            stem = "model" if candidate.path == "-" else PurePath(candidate.title).stem
            words += ["-o", f"{stem}.planned.tflite"]
            yield self._with(result, name, change, found.model, shlex.join(words))

    def _kernels(self, result: FitResult, words: tuple[str, ...]) -> Iterator[Suggestion]:
        """Take another kernel library of the same target."""
        candidate, where = result.need.candidates[0], result.need.profile
        if where.tflm.name != DEFAULT_VERSION:
            return
        for name, library in KERNELS.items():
            if name == where.kernels.name or library.chip:
                continue
            try:
                other = replace(profile(where.target.name, name), core=where.core)
            except UsageError:
                continue
            need = self._needs.on(candidate, other)
            if need.unsupported or need.ram_bytes is None:
                continue
            command = shlex.join(["refinterp", "fit", candidate.path, *words, "--kernels", name])
            same = {name, where.kernels.name} == {"cmsis-nn", "cmsis-nn-size"}
            yield self._told(result, "kernels", f"{library.summary}", command, need, not same)

    def _changed(self, result: FitResult) -> Iterator[Suggestion]:
        """Change the model: nothing that a command does yet."""
        model = result.need.candidates[0].model
        integer = with_integer_edges(model)
        if integer is not None:
            change = "integer inputs and outputs in place of float32"
            yield self._with(result, "integer_ends", change, integer)
        dropped = without_dead_channels(model)
        if dropped is not None:
            change = f"{dropped.channels} channels dropped that no output depends on"
            yield self._with(result, "drop_dead_channels", change, dropped.model, same=True)
        for up, down in _SMALLER:
            smaller = _smaller(model, up, down)
            if smaller is not None:
                shape = "x".join(map(str, _image(smaller)))
                yield self._with(result, "smaller_input", f"an input of {shape}", smaller)

    def _with(
        self,
        result: FitResult,
        name: str,
        change: str,
        model: Model,
        command: str | None = None,
        *,
        same: bool = False,
    ) -> Suggestion:
        """A suggestion by the model that it leads to."""
        old = result.need.candidates[0]
        new = Candidate(old.path, old.title, model, len(write_model(model)))
        need = self._needs.on(new, result.need.profile)
        return self._told(result, name, change, command, need, not (command or same))

    @staticmethod
    def _told(
        result: FitResult, name: str, change: str, command: str | None, need: Need, others: bool
    ) -> Suggestion:
        before, after = result.need.ram_bytes, need.ram_bytes
        return Suggestion(
            name,
            change,
            command,
            others,
            0 if before is None or after is None else before - after,
            result.need.flash_bytes - need.flash_bytes,
            need,
            FitResult(need, result.choice, result.memory).fits,
        )


def share_arena(shared: FitResult, apart: FitResult, command: Sequence[str]) -> Suggestion:
    """Return what several models save that are set up one after the other in one arena.

    Only one of them runs at a time then: each overwrites what another has left in the head.
    """
    before, after = apart.need.ram_bytes, shared.need.ram_bytes
    return Suggestion(
        "share_arena",
        "one arena for all models",
        shlex.join(command),
        False,
        0 if before is None or after is None else before - after,
        0,
        shared.need,
        shared.fits,
    )


def build_words(where: Profile) -> list[str]:
    """Return the options that name a build, whatever named it before."""
    return [
        "--target", where.core or where.target.name, "--kernels", where.kernels.name,
        "--tflm", where.tflm.name,
    ]  # fmt: skip


def _image(model: Model) -> tuple[int, ...]:
    """The shape of the single input where that is an image, else ()."""
    if not model.subgraphs or len(model.subgraphs[0].inputs) != 1:
        return ()
    graph = model.subgraphs[0]
    shape = (
        graph.tensors[graph.inputs[0]].shape if 0 <= graph.inputs[0] < len(graph.tensors) else ()
    )
    square = len(shape) == 4 and shape[3] in (1, 3) and min(shape[1], shape[2]) >= 16
    return shape if square else ()


def _smaller(model: Model, up: int, down: int) -> Model | None:
    """The model with a smaller image, None where it has none or does not take one."""
    shape = _image(model)
    if not shape:
        return None
    new = (shape[0], shape[1] * up // down, shape[2] * up // down, shape[3])
    try:
        found = resized(model, {model.subgraphs[0].inputs[0]: new})
    except RefinterpError:
        return None
    outputs = [
        [graph.tensors[i].shape for i in graph.outputs]
        for graph in (model.subgraphs[0], found.subgraphs[0])
    ]
    return found if outputs[0] == outputs[1] else None
