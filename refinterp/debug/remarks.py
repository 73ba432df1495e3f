"""What to know before any layer is looked at: of the data, the labels, and the model as a whole.

Layers lose against the float model. Where that does its task as badly, no layer is what to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from refinterp.debug.measure.outputs import Metric
from refinterp.debug.result import Layer, Output

_LOW: Final = 0.5  # accuracy
_CHANCE: Final = 1.3  # times what guessing gives, where that is more
_LOW_AUC: Final = 0.6
_LIKE_THE_MEAN: Final = 0.9  # of the labels' deviation, which their mean alone would leave
_APART: Final = 0.1  # of a share: what one model does better than the other


def remarks(
    outputs: Iterable[Output], classes: Sequence[int], layers: Sequence[Layer], *, twin: bool
) -> Iterator[str]:
    """Say where both models do their task badly, or the float one alone, and what labels prove.

    classes: the length of each output's last axis. twin: whether the reference is a float model.
    """
    fed = _fed_wrongly(layers)
    reference = "float model" if twin else "float shadow"
    for output, size in zip(outputs, classes, strict=True):
        found = output.metric
        if found is None:
            continue
        if _badly(found.reference, found, size):
            yield from _both(found, size, fed, reference)
        elif fed is not None:
            yield (
                f"{_says(found, found.reference)} in the {reference} is no proof that the data is "
                f"scaled as it was in calibration (a network of RELUs gives the same classes for "
                f"data times 255): see input_scaling at operator {fed}"
            )
        return  # one metric tells


def _both(found: Metric, size: int, fed: int | None, reference: str) -> Iterator[str]:
    more = "" if fed is None else f"; input_scaling at operator {fed} says what is odd about it"
    look = (
        "look at the data first, at how it is read and scaled, and at whether the labels are in "
        f"the order of the model's classes{more}"
    )
    if found.name == "rmse":
        look = (
            f"the labels deviate from their mean by {found.spread:.4g}; look at the data first, at "
            f"how it is read and scaled, and at the units of the labels{more}"
        )
    if _better(found) and not _badly(found.quantized, found, size):
        yield (
            f"{_says(found, found.reference)} in the {reference}, {found.quantized:.4g} in the "
            f"quantized model: the data or the {reference} is not what belongs to this model; "
            f"{look}"
        )
    elif _alike(found):
        yield (
            f"{_says(found, found.reference)} in the {reference} is low as well, "
            f"{found.quantized:.4g} in the quantized model: it is not quantizing that makes it "
            f"low; {look}"
        )


def _says(found: Metric, value: float) -> str:
    return f"{found.name.replace('_', ' ')} {value:.4g}"


def _badly(value: float, found: Metric, size: int) -> bool:
    """Whether a figure of the metric is little better than guessing."""
    if found.name == "accuracy":
        return value < max(_LOW, _CHANCE / size)
    if found.name == "roc_auc":
        return value < _LOW_AUC
    return bool(found.spread) and value >= _LIKE_THE_MEAN * (found.spread or 0.0)


def _alike(found: Metric) -> bool:
    """Whether quantizing makes no great difference to the metric."""
    if found.name == "rmse":
        return found.quantized <= (1 + _APART) * found.reference
    return found.quantized >= found.reference - _APART


def _better(found: Metric) -> bool:
    if found.name == "rmse":
        return found.quantized < (1 - _APART) * found.reference
    return found.quantized > found.reference + _APART


def _fed_wrongly(layers: Sequence[Layer]) -> int | None:
    """The operator at which the data is told to be scaled otherwise than in calibration."""
    for layer in layers:
        if any(c.id == "input_scaling" and c.implied_by is None for c in layer.causes):
            return layer.operator
    return None


def nothing_to_keep(
    base_db: float, kept_db: float, inputs: Iterable[tuple[str, float]], *, twin: bool
) -> str | None:
    """Say that no layer is at fault where all of them in float are no better, and what was found.

    base_db, kept_db: SQNR of the outputs as they are, and with every layer in float. inputs: name
    and SQNR of each input's codes. twin: whether the reference is a float model.
    """
    if not kept_db < base_db + 1.0 or base_db >= _FINE_DB:
        return None
    said = (
        f"no layer is at fault: with every layer in float the outputs have {kept_db:.1f} dB, as "
        f"they are {base_db:.1f} dB. "
    )
    worst = min(inputs, key=lambda one: one[1], default=None)
    if worst is not None and worst[1] < _FINE_DB:
        return said + (
            f"The loss is in what the model is fed: the codes of input {worst[0]!r} have "
            f"{worst[1]:.1f} dB against the data; `refinterp debug` says what is wrong with them"
        )
    if twin:
        return said + (
            "The float model computes something else than this model's operators do in float: "
            "other weights, or operators of its own that have no partner here"
        )
    return said + "What is lost is lost in operators that cannot be kept in float"


_FINE_DB: Final = 40.0
