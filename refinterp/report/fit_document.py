"""Whether models fit, as a document (`schema/fit.schema.json`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from refinterp.fit.code import CodeNeed
from refinterp.fit.judge import FitResult
from refinterp.fit.need import Need
from refinterp.fit.report import FitReport, Fitted
from refinterp.fit.stack import StackNeed
from refinterp.fit.suggest import Suggestion
from refinterp.report.cost_fields import cost_fields
from refinterp.report.delegates import delegate_fields
from refinterp.report.fit_answer import fit_answer, verdict
from refinterp.report.hardware import choice_fields
from refinterp.report.machine import document


def fit_document(report: FitReport) -> dict[str, Any]:
    """Return the document: of one model in one place its fields, of several a list of results."""
    summary = dict(fit_answer(report))
    results = [_fitted(one) for one in report.fitted]
    if len(results) == 1:
        return document(**results[0], summary=summary)
    more: dict[str, Any] = {}
    if report.together:
        more["together"] = [
            {
                "arenas": way,
                "models": _models(one.need),
                **_result(one),
                "suggestions": [_suggestion(report.sharing[at])] if way == "apart" else [],
            }
            for way in ("shared", "apart")
            for at, one in enumerate(report.of(way))
        ]
    return document(fits=report.fits, summary=summary, results=results, **more)


def _fitted(one: Fitted) -> dict[str, Any]:
    need = one.result.need
    fields = {"model": need.candidates[0].model.source, **_result(one.result)}
    fields["suggestions"] = [_suggestion(found) for found in one.suggestions]
    fields["cost"] = cost_fields(one.cost)
    if one.delegated:
        fields["delegates"] = delegate_fields(need.candidates[0].model, one.delegated)
    if one.detailed:
        fields["layers"] = [asdict(layer) for layer in one.layers]
    return fields


def _models(need: Need) -> list[str | None]:
    return [one.model.source for one in need.candidates]


def _result(result: FitResult) -> dict[str, Any]:
    need, board = result.need, result.choice.board
    profile = need.profile
    return {
        "fits": result.fits,
        "verdict": verdict(result),
        **choice_fields(result.choice),
        "target": profile.target.name,
        "kernels": profile.kernels.name,
        "tflm": profile.tflm.name,
        "provenance": profile.provenance,
        "arena_bytes": need.arena_bytes,
        "arena_margin_bytes": need.margin_bytes,
        "model_bytes": need.model_bytes,
        "code_bytes": need.code.total.flash,
        "ram_bytes": need.ram_bytes,
        "flash_bytes": need.flash_bytes,
        "interpreter_ram_bytes": need.interpreter_bytes,
        "variables_bytes": need.code.total.ram,
        "stack_bytes": need.stack.bytes,
        "ram_available_bytes": result.memory.ram,
        "flash_available_bytes": result.memory.flash,
        "memory_second_look": None if board is None else board.second_look,
        "ram_left_bytes": result.ram_left,
        "flash_left_bytes": result.flash_left,
        "code": _code(need.code),
        "stack": _stack(need.stack),
        "unsupported": [asdict(one) for one in need.unsupported],
    }


def _code(code: CodeNeed) -> dict[str, Any]:
    return {
        "provenance": "measured" if code.measured else "estimate",
        "build": code.build or None,
        "largest_error": code.error,
        "interpreter_bytes": code.core.flash,
        "kernels_bytes": code.kernels.flash,
        "messages_bytes": code.messages.flash,
        "operators": [asdict(one) for one in code.operators],
        "unknown": list(code.unknown),
    }


def _stack(stack: StackNeed) -> dict[str, Any]:
    return {
        "provenance": "measured" if stack.measured else "estimate",
        "build": stack.build or None,
        "bytes": stack.bytes,
        "operator": stack.deepest or None,
        "too_low_at_most": stack.low,
        "too_high_at_most": stack.high,
        "unknown": list(stack.unknown),
    }


def _suggestion(one: Suggestion) -> dict[str, Any]:
    return {
        "id": one.id,
        "change": one.change,
        "command": one.command,
        "applied": False,
        "changes_outputs": one.changes_outputs,
        "ram_gain_bytes": one.ram_gain_bytes,
        "flash_gain_bytes": one.flash_gain_bytes,
        "arena_bytes": one.need.arena_bytes,
        "ram_bytes": one.need.ram_bytes,
        "flash_bytes": one.need.flash_bytes,
        "fits": one.fits,
    }
