"""What the operators that call a body for every pair of elements share: which body it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from refinterp.errors import ModelError, UnsupportedError

BODIES: Final[Mapping[str, np.ufunc]] = {
    "ADD": np.add,
    "STABLEHLO_ADD": np.add,
    "MUL": np.multiply,
    "STABLEHLO_MULTIPLY": np.multiply,
    "MAXIMUM": np.maximum,
    "STABLEHLO_MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "STABLEHLO_MINIMUM": np.minimum,
    "LOGICAL_AND": np.logical_and,
    "STABLEHLO_AND": np.logical_and,
    "LOGICAL_OR": np.logical_or,
    "STABLEHLO_OR": np.logical_or,
}
"""By the one operator of a body subgraph, which is recognised and not run."""


def body(
    subgraphs: Sequence[Sequence[str]], index: int, allowed: Collection[str], where: str
) -> str | None:
    """Return the one operator of a body subgraph, or None if it has none.

    subgraphs: the names of the operators of each. Raises UnsupportedError for other bodies, as
    LiteRT does.
    """
    if not 0 <= index < len(subgraphs):
        raise ModelError(f"{where}: subgraph {index} does not exist; there are {len(subgraphs)}")
    names = subgraphs[index]
    if not names:
        return None
    if len(names) > 1 or names[0] not in allowed:
        raise UnsupportedError(
            f"{where}: its body is {', '.join(names)}; allowed is one of {', '.join(allowed)}"
        )
    return names[0]
