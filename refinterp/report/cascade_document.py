"""A cascade as a JSON document (`schema/cascade.schema.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refinterp.cost.cascade import CascadePoint, code_threshold, held_out, wilson
from refinterp.report.cascade_answer import CascadeReport, cascade_answer
from refinterp.report.cost_fields import quantity_fields
from refinterp.report.machine import document


def cascade_document(
    report: CascadeReport, data: Sequence[dict[str, str]] = (), flavour: str = ""
) -> dict[str, Any]:
    """Return the document. data: what the data were taken as; flavour: whose arithmetic."""
    decided = report.decided
    chosen = report.chosen
    accuracy, share = held_out(decided, report.wanted)
    return document(
        summary=dict(cascade_answer(report)),
        small=_side(report, 0),
        big=_side(report, 1),
        flavour=flavour,
        samples=decided.samples,
        confidence=report.kind,
        wanted_accuracy=report.wanted,
        chosen=None if chosen is None else _point(report, chosen),
        held_out={"accuracy": accuracy, "to_big_fraction": share},
        thresholds=[_point(report, point) for point in report.points],
        notes=list(report.notes),
        data=list(data),
    )


def _side(report: CascadeReport, side: int) -> dict[str, Any]:
    right = report.decided.big if side else report.decided.small
    correct = int(right.sum())
    return {
        "model": report.names[side],
        "correct": correct,
        "accuracy": correct / report.decided.samples,
        "accuracy_interval": list(wilson(correct, report.decided.samples)),
        "macs": report.macs[side],
        "time": quantity_fields(report.times[side]),
        "energy": quantity_fields(report.energies[side]),
    }


def _point(report: CascadeReport, point: CascadePoint) -> dict[str, Any]:
    samples = report.decided.samples
    return {
        "threshold": point.threshold,
        "threshold_codes": code_threshold(report.output, report.kind, point.threshold),
        "to_big": point.to_big,
        "to_big_fraction": point.to_big / samples,
        "correct": point.correct,
        "accuracy": point.correct / samples,
        "accuracy_interval": list(wilson(point.correct, samples)),
        "mean_macs": report.mean_macs(point),
        "mean_time": quantity_fields(report.mean(report.times, point)),
        "mean_energy": quantity_fields(report.mean(report.energies, point)),
    }
