"""Costs as fields of a document, quantities with their bands or why there is none; as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from refinterp.cost.device import DeviceCost
from refinterp.cost.energy import BatteryLife
from refinterp.cost.latency import NoEstimate
from refinterp.cost.quantity import Quantity


def quantity_fields(quantity: Quantity | None) -> dict[str, Any] | None:
    """Return a quantity as fields; None where it is not known."""
    return None if quantity is None else asdict(quantity)


def heading(word: str, costs: Sequence[Quantity | None]) -> str:
    """A column's heading: that it is an estimate, where not all was measured."""
    estimated = any(one is not None and one.basis == "estimate" for one in costs)
    return f"{word} (estimate)" if estimated else word


def cost_fields(cost: DeviceCost | None) -> dict[str, Any] | None:
    """Return what a model costs on a device; `missing` says of each what is not known."""
    if cost is None:
        return None
    parts: dict[str, Quantity | BatteryLife | NoEstimate | None] = {
        "time": cost.time,
        "current": cost.current,
        "energy": cost.energy,
        "battery": cost.battery,
    }
    fields: dict[str, Any] = {}
    for name, part in parts.items():
        if isinstance(part, BatteryLife):
            fields[name] = {
                "hours": quantity_fields(part.hours),
                "average_current": quantity_fields(part.average),
                "charge": dict(part.shares),
            }
        else:
            fields[name] = quantity_fields(part) if isinstance(part, Quantity) else None
    fields["missing"] = {
        name: part.why for name, part in parts.items() if isinstance(part, NoEstimate)
    }
    return fields
