"""From a model and what was asked to the subject of an export, or why there is none."""

from __future__ import annotations

from refinterp.errors import UnsupportedError
from refinterp.export.golden import golden, usual_count
from refinterp.export.port import Port, ports, unreachable
from refinterp.export.subject import Exported
from refinterp.graph.model import Model
from refinterp.run.gate import refusals
from refinterp.samples.samples import Samples
from refinterp.tflm.ledger import measure
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.targets import Profile
from refinterp.verdicts.verdict import TFLM


def settled(model: Model, profile: Profile) -> tuple[Ledger, tuple[Port, ...], tuple[Port, ...]]:
    """Return the arena's ledger, the inputs and the outputs of a model that TFLM runs.

    Raises UnsupportedError for what TFLM refuses or C++ has no type for, ModelError for a model
    that cannot be planned.
    """
    inputs, outputs = ports(model, "Input"), ports(model, "Output")
    ledger = measure(model, profile)
    if profile.tflm.distribution:
        refused = iter(ledger.fails_to_run)
    else:
        refused = map(str, refusals(model, TFLM))
    for verdict in refused:
        raise UnsupportedError(f"{verdict}; sources that TFLM cannot run are not written")
    return ledger, inputs, outputs


def samples_wanted(asked: int | None, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> int:
    """Return how many golden samples to take. asked: what the user said, or None."""
    return usual_count((*inputs, *outputs)) if asked is None else asked


def gathered(
    name: str,
    title: str,
    content: bytes,
    model: Model,
    known: tuple[Ledger, tuple[Port, ...], tuple[Port, ...]],
    samples: Samples,
    count: int,
) -> tuple[Exported, tuple[str, ...]]:
    """Return the subject, and notes of what was done to the data on their way in.

    known: what `settled` found. Raises what running the samples raises.
    """
    ledger, inputs, outputs = known
    expected, notes = golden(model, samples, inputs, outputs, count)
    subject = Exported(
        name=name,
        model=model,
        content=content,
        title=title,
        ledger=ledger,
        inputs=inputs,
        outputs=outputs,
        golden=expected,
        unreachable=unreachable(model),
    )
    return subject, notes
