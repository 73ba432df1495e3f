"""HASHTABLE_LOOKUP: the values of keys that a sorted list holds.

Shapes    asked: int32 (n,); keys: int32 (m,), rising; values: (m, ...); y: (n, ...), zeros for keys
          that are not there; found: uint8 (n,), 1 or 0
Units     unchanged
Raises    ModelError, from prepare only: shapes that do not fit, an empty table
Source    LiteRT kernels/hashtable_lookup.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Looked
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "HASHTABLE_LOOKUP"


@kernel("HASHTABLE_LOOKUP", "int32")
@dataclass(frozen=True, slots=True)
class HashtableLookup(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(operands: Looked[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """A row of values, and a mark, for each key asked for."""
        asked, keys, values = operands.lookup, operands.keys, operands.values
        if keys.shape != values.shape[:1] or not keys.size:
            allowed = f"{list(values.shape[:1])}, one for each of the values, 1 or more"
            raise misfit(operands, "keys", f"shape {list(keys.shape)}", allowed)
        return ((*asked.shape, *values.shape[1:]), asked.shape)

    @classmethod
    def prepare(
        cls,
        operands: Looked[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> HashtableLookup:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        return cls()

    def eval(self, operands: Looked[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and what was found, sample after sample."""
        asked, keys, values = operands.lookup, operands.keys, operands.values
        for s, (y, found) in enumerate(zip(*outputs, strict=True)):
            own, table, rows = (a[min(s, len(a) - 1)] for a in (asked, keys, values))
            at = np.minimum(np.searchsorted(table, own), table.size - 1)
            found[...] = table[at] == own
            y[...] = 0
            y[found != 0] = rows[at[found != 0]]
