"""The golden test's data: inputs, and what our interpreter computes for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.export.port import Port
from refinterp.graph.model import STORAGE, Model
from refinterp.run.batches import run_samples
from refinterp.run.prepare import prepare
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples

FLAVOUR: Final = "tflm"
"""Whose outputs are expected: TFLM's reference kernels."""

USUAL: Final = 4  # samples
FITTING: Final = 64 << 10  # bytes of inputs and outputs, if more than one sample is taken

TOLERANCE: Final = 1e-4
"""Of the largest expected value: how far a float output may be off on another processor."""


@dataclass(frozen=True, slots=True)
class Golden:
    """What goes in and must come out.

    inputs, outputs: by port, an array (samples, *shape) in the port's own type. origin: what the
    inputs are. tolerances: by output, 0.0 where every element must be equal.
    """

    inputs: tuple[NDArray[Any], ...]
    outputs: tuple[NDArray[Any], ...]
    origin: str
    tolerances: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.inputs[0]) if self.inputs else len(self.outputs[0])

    @property
    def bytes(self) -> int:
        """What the arrays take in flash when the test is linked."""
        return sum(array.nbytes for array in (*self.inputs, *self.outputs))


def usual_count(sides: Sequence[Port]) -> int:
    """Return how many samples to take where nobody asked: 4, or as many as fit 64 KiB, at least 1.

    sides: all inputs and outputs.
    """
    each = sum(port.bytes for port in sides)
    return max(1, min(USUAL, FITTING // max(1, each)))


def golden(
    model: Model, samples: Samples, inputs: Sequence[Port], outputs: Sequence[Port], count: int
) -> tuple[Golden, tuple[str, ...]]:
    """Run the first samples, one after the other from fresh variables, as the test will.

    Returns what came out, and notes of what was done to the data on their way in.

    Raises UsageError where there is no sample, and what running raises.
    """
    count = min(count, samples.count)
    if count < 1:
        raise UsageError(f"{samples.origin}: there is no sample for the golden test")
    results = run_samples(prepare(model, flavour=FLAVOUR), samples, stop=count, batch=1)
    given = [
        [fit_input(array, port.spec)[0] for array, port in zip(samples.get(i), inputs, strict=True)]
        for i in range(count)
    ]
    came = results.outputs
    expected = tuple(np.stack([one[port.index] for one in came]) for port in outputs)
    for port, array in zip(outputs, expected, strict=True):
        if array.shape[1:] != port.shape:
            raise UsageError(
                f"output {port.index} comes out as {list(array.shape[1:])}, and the file says "
                f"{list(port.shape)}: TFLM takes the sizes of the file"
            )
    made = Golden(
        inputs=tuple(np.stack([one[port.index] for one in given]) for port in inputs),
        outputs=expected,
        origin=samples.origin if samples.random else PurePath(samples.origin).name,
        tolerances=tuple(map(_tolerance, outputs, expected)),
    )
    return made, tuple(results.notes)


def _tolerance(port: Port, expected: NDArray[Any]) -> float:
    if STORAGE[port.spec.dtype].kind != "f":
        return 0.0
    finite = np.abs(expected[np.isfinite(expected)])
    return float(np.float32(TOLERANCE * float(finite.max(initial=0.0))))
