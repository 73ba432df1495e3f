"""What delegates take, in words and as fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from refinterp.cost.work import operator_work
from refinterp.graph.model import Model
from refinterp.report.words import one_line, operators, percent, plural
from refinterp.verdicts.delegates.taken import Delegated, delegate_title

_REASONS: Final = 3  # that are told


def delegate_lines(
    model: Model, delegated: Mapping[str, Sequence[Delegated]]
) -> list[tuple[str, str]]:
    """Return (delegate, text) lines: how much it takes, and why what stays stays."""
    return [(name, _line(model, name, found)) for name, found in delegated.items()]


def _line(model: Model, name: str, found: Sequence[Delegated]) -> str:
    took = sum(one.answer == "taken" for one in found)
    text = f"takes {took} of {plural(len(found), 'operator')}"
    share = taken_share(model, found)
    if share is not None:
        text += f" and {percent(share) or '0 %'} of the products"
    reasons: dict[str, list[Delegated]] = {}
    for one in found:
        if one.answer != "taken":
            reasons.setdefault(f"{one.op_name}, {one.why}", []).append(one)
    stays = [
        f"{operators([(0, one.operator) for one in same], 6)} ({one_line(why)})"
        for why, same in reasons.items()
    ]
    if stays:
        more = len(stays) - _REASONS
        text += f"; left: {'; '.join(stays[:_REASONS])}"
        text += f"; and {plural(more, 'other reason')} (--json has all)" if more > 0 else ""
    return f"{text}; by {delegate_title(name)}"


def taken_share(model: Model, found: Sequence[Delegated]) -> float | None:
    """The part of a model's products that is taken; None where there are no products."""
    macs = {one.operator: one.macs for one in operator_work(model)}
    whole = sum(macs.values())
    own = sum(macs[one.operator] for one in found if one.answer == "taken")
    return own / whole if whole else None


def delegate_fields(
    model: Model, delegated: Mapping[str, Sequence[Delegated]]
) -> list[dict[str, Any]]:
    """Return what delegates take, for the document."""
    return [
        {
            "delegate": name,
            "taken": sum(one.answer == "taken" for one in found),
            "macs_fraction": taken_share(model, found),
            "operators": [{"subgraph": 0, **asdict(one)} for one in found],
        }
        for name, found in delegated.items()
    ]
