"""A memory plan as the fields of a JSON document."""

from __future__ import annotations

from typing import Any

from refinterp.arena.tensor_plan import PlannedBuffer, TensorPlan


def plan_fields(plan: TensorPlan) -> dict[str, Any]:
    """Return what a plan says, by the names of the `arena` document."""
    return {
        "planner": plan.planner,
        "head_bytes": plan.head_bytes,
        "variable_bytes": sum(buffer.size for buffer in plan.variables),
        "lower_bound_bytes": plan.lower_bound_bytes,
        "waste_bytes": plan.waste_bytes,
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
