"""What `arena` says of its measurements: in a terminal, as a page, as a document."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from refinterp.arena.optimize import Optimized
from refinterp.arena.tensor_plan import TensorPlan
from refinterp.boards.choice import Choice
from refinterp.cli.arena_measure import Answer, refusal
from refinterp.graph.open_sizes import open_inputs
from refinterp.report.arena_answer import (
    Lines,
    ModelArena,
    Wheel,
    arena_answer,
    arenas_answer,
    targets_answer,
)
from refinterp.report.arena_document import (
    distribution_fields,
    ledger_fields,
    optimized_fields,
    shared_fields,
    wheel_fields,
)
from refinterp.report.arena_table import (
    print_ledger,
    print_models,
    print_optimized,
    print_owners,
    print_shared,
    print_targets,
    print_totals,
    print_what_ifs,
)
from refinterp.report.hardware import choice_fields
from refinterp.report.machine import document, error_fields
from refinterp.report.memory_map import memory_map
from refinterp.report.page_arena import Arena, arena_page
from refinterp.report.terminal import console, print_answer, print_text
from refinterp.tflm.dearer import Dearer
from refinterp.tflm.ledger import measure_apart
from refinterp.tflm.ledger_data import Ledger, SharedArena
from refinterp.tflm.planning import Planning

_ROWS: Final = 40  # of the picture: what fits on a screen
_LISTED: Final = 12  # buffers in the legend


@dataclass(frozen=True, slots=True)
class ArenaResults:
    """Everything that one call of the command has measured.

    options: as typed.
    plans: each model's plan, once.
    answers: every model in every profile asked for.
    choice: the hardware named, None for all targets.
    shared: the models that run, in one arena.
    wheel: a single model in TFLM's Python wheel.
    optimized: what writing a plan has changed.
    dearer: builds on which the model written needs more than before.
    """

    options: argparse.Namespace
    plans: Planning
    answers: Sequence[Answer]
    choice: Choice | None = None
    shared: SharedArena | None = None
    wheel: Wheel | None = None
    optimized: Optimized | None = None
    dearer: Sequence[Dearer] = ()

    def summary(self) -> Lines:
        """Return the answer in a few lines."""
        first = self.answers[0]
        if len(self.answers) == 1 and first.ledger is not None:
            lines = arena_answer(first.ledger, first.title, self.wheel, self.options.fail_over)
            free = open_inputs(first.model) if first.model is not None else ()
            return lines + ([("open", "; ".join(map(str, free)))] if free else [])
        if len(self.options.models) > 1:
            builds = len(self.answers) // len(self.options.models)
            return arenas_answer(self._asked(), self.shared, self.options.fail_over, builds)
        return self._targets(self.answers)

    def _targets(self, rows: Sequence[Answer]) -> Lines:
        known = [(a.profile, a.ledger) for a in rows]
        return targets_answer(rows[0].title, known, self.options.fail_over)

    def _asked(self) -> list[ModelArena]:
        return [ModelArena(a.title, a.ledger, refusal(a)) for a in self.answers]

    def page(self, data: dict[str, Any]) -> str:
        """Return the page. data: the document."""
        several = self.options.all_targets
        arenas = [
            Arena(a.title, a.ledger.plan, a.ledger, () if several else a.changes)
            for a in self.answers
            if a.ledger
        ]
        refused = [(a.title, refusal(a)) for a in self.answers if a.error is not None]
        return arena_page(arenas, data, self.shared, summary=self.summary(), refused=refused)

    def document(self) -> dict[str, Any]:
        """Return the document: of one answer its fields, of several a list of results."""
        results = [self._fields(answer) for answer in self.answers]
        summary = dict(self.summary())
        if self.optimized is not None:
            results[0]["optimized"] = optimized_fields(
                self.optimized,
                self.options.output,
                self.dearer,
                reorder=self.options.reorder,
            )
        if len(results) == 1:
            return document(**results[0], wheel=wheel_fields(self.wheel), summary=summary)
        more = {} if self.shared is None else {"shared": shared_fields(self.shared)}
        return document(summary=summary, results=results, **more)

    def _fields(self, answer: Answer) -> dict[str, Any]:
        if answer.model is None:
            assert answer.error is not None
            return {"model": answer.path, "error": error_fields(answer.error)}
        fields: dict[str, Any] = {"model": answer.model.source} | choice_fields(self.choice)
        if answer.ledger is None:
            assert answer.error is not None
            where = answer.profile
            return fields | {
                "target": where.target.name,
                "kernels": where.kernels.name,
                "tflm": where.tflm.name,
                "distribution": distribution_fields(where.tflm),
                "refused": str(answer.error),
                "error": error_fields(answer.error),
            }
        planner = self.options.planner
        apart = measure_apart(answer.model, answer.profile, planner, plan=self.plans)
        return fields | ledger_fields(answer.ledger, apart, answer.changes)

    def show(self) -> None:
        """Print the answer, and what stands below it."""
        print_answer(self.summary())
        if self.options.all_targets:
            for path in self.options.models:
                self._show_targets([a for a in self.answers if a.path == path])
            return
        if len(self.answers) > 1:
            print_models(self._asked(), self.options.fail_over)
        if self.optimized is not None:
            where = self.answers[0].profile
            print_optimized(self.optimized, self.dearer, where, reorder=self.options.reorder)
        if self.shared is not None:
            print_text()
            print_shared(self.shared, [a.title for a in self.answers if a.ledger])
        for answer in self.answers:
            if answer.ledger is not None and (len(self.answers) == 1 or self.options.ledger):
                print_text()
                self._show_model(answer, answer.ledger)

    def _show_model(self, answer: Answer, ledger: Ledger) -> None:
        assert answer.model is not None
        planner = self.options.planner
        apart = measure_apart(answer.model, answer.profile, planner, plan=self.plans)
        print_totals(ledger, apart)
        print_text()
        _draw(ledger.plan, answer.title)
        print_owners(ledger)
        if self.options.ledger:
            print_ledger(ledger)
        print_what_ifs(answer.changes)

    def _show_targets(self, rows: Sequence[Answer]) -> None:
        if len(self.options.models) > 1:
            print_text()
            print_answer(self._targets(rows))
        reasons = [str(a.error) if a.error else None for a in rows]
        told = [(a.profile, a.ledger, r) for a, r in zip(rows, reasons, strict=True)]
        print_targets(told, self.options.fail_over)


def _draw(plan: TensorPlan, title: str) -> None:
    terminal = console()
    sys.stdout.write(
        memory_map(
            plan,
            title=title,
            width=terminal.width,
            height=_ROWS,
            legend=_LISTED,
            color=bool(terminal.is_terminal and terminal.color_system),
            ascii_only="utf" not in (sys.stdout.encoding or "").lower(),
        )
    )
