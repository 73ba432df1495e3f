"""What both runtimes' adapters need to read tensors."""

from __future__ import annotations

from collections.abc import Sequence

from refinterp.runtimes.outcome import Array


def check_sample(sample: Sequence[Array], inputs: int) -> None:
    """Raise ValueError when a sample does not have one array per model input."""
    if len(sample) != inputs:
        raise ValueError(f"a sample has {len(sample)} arrays, but the model has {inputs} inputs")


def share_unchanged(now: dict[int, Array], before: dict[int, Array]) -> dict[int, Array]:
    """Put the earlier array in the place of every one with the same bytes: it is pickled once."""
    return {
        index: earlier
        if (earlier := before.get(index)) is not None
        and earlier.shape == array.shape
        and earlier.tobytes() == array.tobytes()
        else array
        for index, array in now.items()
    }
