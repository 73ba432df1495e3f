"""Timings as the fields of a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refinterp.bench.job import Failed, OperatorTime, Timed, Timings
from refinterp.bench.memory import MemoryUse
from refinterp.bench.spread import Spread
from refinterp.report.bench_table import Benched
from refinterp.report.machine import error_fields


def timings_fields(
    timings: Timings, model: str | None, memory: MemoryUse | None = None
) -> dict[str, Any]:
    """Return what was measured of one model, by the names of the `bench` document."""
    job = timings.job
    ratios = timings.ratios
    return {
        "model": model,
        "model_bytes": len(job.model),
        "macs": timings.macs,
        "subjects": [_subject(subject, ratios) for subject in timings.subjects],
        "operators": [_operator(operator) for operator in timings.operators],
        "memory": None if memory is None else _memory(memory),
    }


def benched_fields(one: Benched) -> dict[str, Any]:
    """Return what was measured of one model, or why nothing was."""
    if one.timings is None:
        assert one.error is not None
        return {"model": one.model, "error": error_fields(one.error)}
    return timings_fields(one.timings, one.model, one.memory)


def _subject(subject: Timed | Failed, ratios: Mapping[str, Spread]) -> dict[str, Any]:
    if isinstance(subject, Failed):
        return {"name": subject.name, "status": subject.status, "reason": subject.reason}
    ratio = ratios.get(subject.name)
    return {
        "name": subject.name,
        "status": "ran",
        "version": subject.version,
        "samples_side_by_side": subject.side_by_side,
        "invocations_per_turn": subject.invocations,
        "seconds_per_sample": _spread(subject.spread),
        "ratio": None if ratio is None else _spread(ratio),
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "median": spread.median,
        "low_quartile": spread.low,
        "high_quartile": spread.high,
        "least": spread.least,
        "most": spread.most,
        "count": spread.count,
    }


def _operator(operator: OperatorTime) -> dict[str, Any]:
    return {
        "subgraph": 0,
        "operator": operator.operator,
        "op_name": operator.op_name,
        "dtype": operator.dtype,
        "shape": list(operator.shape),
        "seconds_per_sample": operator.seconds,
        "share": operator.share,
        "macs": operator.macs,
        "macs_per_second": operator.macs_per_second,
    }


def _memory(memory: MemoryUse) -> dict[str, Any]:
    return {
        "peak_bytes": memory.peak,
        "bound_bytes": memory.bound,
        "model_bytes": memory.model,
        "arena_bytes": memory.arena,
        "samples_side_by_side": memory.samples,
        "prepared_bytes": memory.prepared,
    }
