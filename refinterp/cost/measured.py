"""What a user has measured, as it is typed: `model.tflite=12.3ms`, `model.tflite=450uJ`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from refinterp.cost.quantity import Quantity
from refinterp.cost.written import time_or_energy
from refinterp.errors import UsageError


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure of one model. model: its path or name, as typed; value in s or J (`unit`)."""

    model: str
    value: float
    unit: str


def measurement(text: str) -> Measurement:
    """Read MODEL=12.3ms or MODEL=450uJ; ArgumentTypeError, with what is allowed, otherwise."""
    model, _, amount = text.rpartition("=")
    try:
        value, unit = time_or_energy(amount if model.strip() else "")
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no measurement of a model; write MODEL=12.3ms (s, ms, us) for its time, "
            "MODEL=450uJ (J, mJ, uJ, nJ) for its energy"
        ) from None
    return Measurement(model.strip(), value, unit)


def add_measured(parser: argparse._ActionsContainer) -> None:
    """Add --measured."""
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        type=measurement,
        metavar="MODEL=12.3ms",
        help="what an inference takes on your device, as you measured it: a time (s, ms, us) or an "
        "energy (J, mJ, uJ, nJ); may be given again, for another model",
    )


def measured_of(
    models: Sequence[str], given: Iterable[Measurement]
) -> dict[str, dict[str, Quantity]]:
    """Return by model path, then by unit ("s", "J"), what was measured.

    A model is meant by its path, its file's name, or that without its ending. Raises UsageError for
    a name that means none or several of the models, and for a figure given twice.
    """
    found: dict[str, dict[str, Quantity]] = {path: {} for path in models}
    for one in given:
        means = meant(models, one.model)
        if len(means) != 1:
            listed = ", ".join(PurePath(path).name for path in models)
            word = "none" if not means else "several"
            raise UsageError(
                f"--measured {one.model}: means {word} of the models; they are {listed}"
            )
        own = found[means[0]]
        if one.unit in own:
            what = "time" if one.unit == "s" else "energy"
            raise UsageError(f"--measured {one.model}: its {what} is given twice")
        own[one.unit] = Quantity.measured(one.value, one.unit, f"--measured {one.model}")
    return found


def meant(models: Sequence[str], name: str) -> list[str]:
    """The models that a name means: the path itself, or all whose file bears it."""
    paths = list(dict.fromkeys(models))
    return [path for path in paths if path == name] or [p for p in paths if name in _names(p)]


def _names(path: str) -> tuple[str, str]:
    return PurePath(path).name, PurePath(path).stem
