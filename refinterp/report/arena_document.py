"""Memory plans and ledgers as the fields of a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refinterp.arena.optimize import Optimized
from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan
from refinterp.report.arena_answer import Wheel
from refinterp.tflm.dearer import Dearer
from refinterp.tflm.ledger_data import (
    AsBuilt,
    Ledger,
    LedgerEntry,
    Margin,
    Moment,
    Recording,
    SharedArena,
    TwoArenas,
)
from refinterp.tflm.versions import Version
from refinterp.tflm.what_if import WhatIf


def plan_fields(plan: TensorPlan) -> dict[str, Any]:
    """Return what a plan says, by the names of the `arena` document."""
    return {
        "planner": plan.planner,
        "head_bytes": plan.head_bytes,
        "variable_bytes": sum(buffer.size for buffer in plan.variables),
        "lower_bound_bytes": plan.lower_bound_bytes,
        "waste_bytes": plan.waste_bytes,
        "proven": plan.proven,
        "gap_bytes": plan.waste_bytes,
        "peak_scope": plan.peak_scope,
        "peak_owners": list(plan.peak_owners),
        "buffers": [buffer_fields(buffer) for buffer in plan.buffers],
        "variables": [buffer_fields(buffer) for buffer in plan.variables],
    }


def buffer_fields(buffer: PlannedBuffer) -> dict[str, Any]:
    """Return a buffer's fields; size is rounded up to 16, as the plan counts it."""
    return {
        "subgraph": buffer.subgraph,
        "tensor": buffer.tensor,
        "name": buffer.name,
        "operator": buffer.operator,
        "offset": buffer.offset,
        "size": buffer.size,
        "requested_bytes": buffer.requested_bytes,
        "first_use": buffer.first_use,
        "last_use": buffer.last_use,
        "kind": buffer.kind,
    }


def ledger_fields(
    ledger: Ledger, apart: TwoArenas | None = None, what_ifs: Sequence[WhatIf] = ()
) -> dict[str, Any]:
    """Return what a ledger says: totals, plan, every allocation, and what other builds come to."""
    profile = ledger.profile
    return {
        "target": profile.target.name,
        "kernels": profile.kernels.name,
        "tflm": profile.tflm.name,
        "distribution": distribution_fields(profile.tflm),
        "provenance": profile.provenance,
        "fails_to_run": list(ledger.fails_to_run),
        "margin": None if ledger.margin is None else _margin(ledger.margin),
        "as_built": as_built_fields(ledger.as_built),
        "arena_used_bytes": ledger.arena_used_bytes,
        "tail_bytes": ledger.tail_bytes,
        "minimum_arena_bytes": ledger.minimum_arena_bytes,
        "minimum": _moment(ledger.peak),
        "tail_bytes_by_end": list(ledger.tail_by_end),
        **plan_fields(ledger.plan),
        "head_bytes": ledger.head_bytes,
        "ledger": [_entry(entry) for entry in ledger.entries],
        "read_not_measured": list(ledger.read_not_measured),
        "recording": _recording(ledger.recording),
        "two_arenas": None if apart is None else _apart(apart),
        "what_if": [_what_if(what_if) for what_if in what_ifs],
    }


def distribution_fields(version: Version) -> dict[str, Any] | None:
    """Return what a distribution is; None for TFLM's own repository."""
    if not version.distribution:
        return None
    return {"source": version.source, "commit": version.commit, "date": version.date}


def as_built_fields(found: AsBuilt | None) -> dict[str, Any] | None:
    """Return what people's own build of a distribution needs; None where it is no other."""
    if found is None:
        return None
    return {
        "tflm": found.profile.tflm.name,
        "provenance": found.profile.provenance,
        "arena_used_bytes": found.arena_used_bytes,
        "minimum_arena_bytes": found.minimum_arena_bytes,
        "reason": found.why,
    }


def _margin(margin: Margin) -> dict[str, Any]:
    return {
        "arena_used_bytes": margin.used_bytes,
        "minimum_arena_bytes": margin.minimum_bytes,
        "reason": margin.reason,
        "known": [
            {
                "target": one.profile.target.name,
                "kernels": one.profile.kernels.name,
                "tflm": one.profile.tflm.name,
                "provenance": one.profile.provenance,
                "arena_used_bytes": one.arena_used_bytes,
                "minimum_arena_bytes": one.minimum_arena_bytes,
                "refused": one.refused or None,
            }
            for one in margin.known
        ],
    }


def wheel_fields(wheel: Wheel | None) -> dict[str, Any] | None:
    """Return what the Python wheel, a RecordingMicroInterpreter, comes to; None if not asked."""
    if wheel is None:
        return None
    where, ledger = wheel.profile, wheel.ledger
    return {
        "target": where.target.name,
        "kernels": where.kernels.name,
        "tflm": where.tflm.name,
        "arena_used_bytes": None if ledger is None else ledger.recording.total_bytes,
        "minimum_arena_bytes": None if ledger is None else ledger.recording.minimum_arena_bytes,
        "refused": wheel.refused,
    }


def shared_fields(shared: SharedArena) -> dict[str, Any]:
    """Return what several models in one arena come to."""
    return {
        "arena_used_bytes": shared.arena_used_bytes,
        "head_bytes": shared.head_bytes,
        "tail_bytes": shared.tail_bytes,
        "minimum_arena_bytes": shared.minimum_arena_bytes,
        "minimum": _moment(shared.peak),
        "allocator_bytes": shared.allocator_bytes,
        "tail_bytes_each": list(shared.tail_bytes_each),
        "as_built": as_built_fields(shared.as_built),
    }


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "requested_bytes": entry.requested_bytes,
        "bytes": entry.bytes,
        "align": entry.align,
        "section": entry.section,
        "stage": entry.stage,
        "category": entry.category,
        "subgraph": entry.subgraph,
        "operator": entry.operator,
        "op_name": entry.op_name,
        "tensor": entry.tensor,
        "what": entry.what,
        "measured": entry.measured,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "bytes": moment.bytes,
        "head_or_temp_bytes": moment.low,
        "tail_bytes": moment.tail,
        "stage": moment.stage,
        "what": moment.what,
    }


def _recording(recording: Recording) -> dict[str, Any]:
    return {
        "total_bytes": recording.total_bytes,
        "head_bytes": recording.head_bytes,
        "tail_bytes": recording.tail_bytes,
        "minimum_arena_bytes": recording.minimum_arena_bytes,
        "allocations": [
            {
                "category": category.category,
                "requested_bytes": category.requested_bytes,
                "used_bytes": category.used_bytes,
                "count": category.count,
            }
            for category in recording.allocations
        ],
    }


def _apart(apart: TwoArenas) -> dict[str, Any]:
    return {
        "persistent_bytes": apart.persistent_bytes,
        "non_persistent_bytes": apart.non_persistent_bytes,
        "persistent_minimum_bytes": apart.persistent_minimum_bytes,
        "non_persistent_minimum_bytes": apart.non_persistent_minimum_bytes,
    }


def _what_if(what_if: WhatIf) -> dict[str, Any]:
    return {
        "change": what_if.change,
        "target": what_if.profile.target.name,
        "kernels": what_if.profile.kernels.name,
        "tflm": what_if.profile.tflm.name,
        "provenance": what_if.profile.provenance,
        "planner": what_if.planner,
        "arena_used_bytes": what_if.arena_used_bytes,
        "minimum_arena_bytes": what_if.minimum_arena_bytes,
        "gain_bytes": what_if.gain_bytes,
        "reason": what_if.reason,
    }


def optimized_fields(
    result: Optimized, output: str, dearer: Sequence[Dearer], *, reorder: bool
) -> dict[str, Any]:
    """Return what writing a plan into a model has changed; output: the path of the new model.

    dearer: where it needs more than before. reorder: whether other orders were looked for.
    """
    orders = result.orders
    return {
        "output": output,
        "head_bytes_before": result.before.head_bytes,
        "head_bytes": result.after.head_bytes,
        "gain_bytes": result.gain_bytes,
        "lower_bound_bytes": result.lower_bound_bytes,
        "proven": result.proven,
        "gap_bytes": result.gap_bytes,
        "orders": None if orders is None else [list(order) for order in orders],
        "reorder_tried": reorder,
        "dearer_on": [
            {
                "target": one.profile.target.name,
                "kernels": one.profile.kernels.name,
                "minimum_arena_bytes_before": one.before,
                "minimum_arena_bytes": one.after,
            }
            for one in dearer
        ],
        "seconds": round(result.seconds, 3),
    }
