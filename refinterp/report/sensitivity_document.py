"""A sensitivity study as a JSON document (`schema/sensitivity.schema.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from refinterp.debug.study.better_ranges import TensorRanges
from refinterp.debug.study.recipe import denylisted_nodes, quantizer_recipe
from refinterp.debug.study.report import LayerEffect, Search, SensitivityReport
from refinterp.debug.study.trials import Effect
from refinterp.report.machine import document
from refinterp.report.sensitivity_answer import sensitivity_answer

_SUBGRAPH: Final = 0  # the one that is studied


def sensitivity_document(
    report: SensitivityReport,
    ranges: Sequence[TensorRanges],
    model: str | None = None,
    float_model: str | None = None,
) -> dict[str, Any]:
    """Return the document; model, float_model: where they were read from."""
    return document(
        model=model,
        float_model=float_model,
        summary=dict(sensitivity_answer(report, ranges)),
        flavour=report.flavour,
        reference=report.reference,
        samples=report.samples,
        interrupted=report.interrupted,
        notes=list(report.notes),
        remarks=list(report.remarks),
        precision=report.precision,
        target=report.target,
        base=_effect(report.base),
        all_kept=_effect(report.all_kept),
        layers=[_layer(one) for one in report.layers],
        lossless=list(report.lossless),
        search=None if report.search is None else _search(report, report.search),
        ranges=[_ranges(one) for one in ranges],
    )


def _effect(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    found = effect.metric
    return {
        "sqnr_db": effect.sqnr_db,
        "worst": effect.worst,
        "top1_agreement": effect.top1_agreement,
        "metric": None if found is None else asdict(found),
    }


def _layer(layer: LayerEffect) -> dict[str, Any]:
    return {
        "subgraph": _SUBGRAPH,
        "operator": layer.operator,
        "op_name": layer.op_name,
        "tensor": layer.tensor,
        "name": layer.name,
        "kept": _effect(layer.kept),
        "alone": _effect(layer.alone),
        "unsupported": layer.unsupported,
    }


def _search(report: SensitivityReport, search: Search) -> dict[str, Any]:
    return {
        "wanted": search.wanted,
        "reached": search.reached,
        "steps": [
            {
                "operator": step.operator,
                "simulated": _effect(step.simulated),
                "deployed": _effect(step.deployed),
            }
            for step in search.steps
        ],
        "operators": list(search.operators),
        "carried": list(search.carried),
        "smallest": search.smallest,
        "simulated": _effect(search.simulated),
        "deployed": _effect(search.deployed),
        "denylisted_nodes": denylisted_nodes(report.recipe),
        "ai_edge_quantizer": quantizer_recipe(report.recipe, report.precision, report.scheme),
    }


def _ranges(one: TensorRanges) -> dict[str, Any]:
    return {
        "subgraph": _SUBGRAPH,
        "operator": one.operator,
        "op_name": one.op_name,
        "tensor": one.tensor,
        "name": one.name,
        "gain_db": one.gain_db,
        "own": asdict(one.own),
        "others": [asdict(other) for other in one.others],
    }
