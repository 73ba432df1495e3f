"""EMBEDDING_LOOKUP: rows of a table, picked by index; a table of codes may come out as reals.

Real      y[i] = table[index[i]], or scale * table[index[i]]
Shapes    index: int32 (n,); table (rows, ...), at least 2-D; y (n, ...)
Units     unchanged where table and y are of one type; else int8, uint8, int4 or int2 codes with
          zero point 0, one scale or one per row, become float32 or float16
Raises    ModelError; from prepare: scales that do not fit; from eval: an index out of range,
          on which the runtimes fail the run
Source    LiteRT kernels/embedding_lookup.cc (f67457790); tflite-micro
          micro/kernels/embedding_lookup.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM, which takes the first scale for every row (path
          "first-scale"). LiteRT reads uint8 codes as int8, and so does this kernel;
          int4 and int2 rows that do not end on a byte it reads shifted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Embedded
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes, per_sample, take, within
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "EMBEDDING_LOOKUP"
_CODES = ("int8", "uint8", "int4", "int2")


@kernel(
    "EMBEDDING_LOOKUP",
    "float32",
    "int8",
    "uint8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bool",
    "int4",
    "int2",
)
@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingLookup(Kernel):
    """rows: of the table. scale: float32 (1,) or (rows,), None to copy."""

    checks_data: ClassVar[bool] = True

    rows: int
    scale: NDArray[np.float32] | None

    @staticmethod
    def output_shapes(operands: Embedded[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Replace the rows by the indices."""
        index, table = operands.indices, operands.table
        return ((index.shape[0], *table.shape[1:]),)

    @classmethod
    def prepare(
        cls,
        operands: Embedded[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> EmbeddingLookup:
        """Check types and scales."""
        table, y = operands.table, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        rows = table.shape[0]
        if table.dtype == y.dtype:
            return cls(rows, None)
        scale = table.scale[:1] if rule.path == "first-scale" else table.scale
        if scale.size not in (1, rows) or table.zero_point.any():
            raise ModelError(
                f"{_WHERE}: table {table.name!r} has {table.scale.size} scales and zero points "
                f"{table.zero_point[:4]}; it needs 1 or {rows} scales, and zero points of 0"
            )
        return cls(rows, scale)

    def eval(self, operands: Embedded[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take rows and scale them."""
        index, table, y = operands.indices, operands.table, outputs[0]
        within(index, self.rows, _WHERE)
        if self.scale is None and len(index) == 1:
            take(table, index[0], 0, y)
            return
        if table.dtype == np.uint8:
            table = table.view(np.int8) if self.scale is not None else table
        for rows, pick, out in per_sample(len(y), table, index, y):
            if self.scale is None:
                take(rows[None], pick, 0, out[None])
                continue
            factor = np.broadcast_to(self.scale, self.rows)[pick]
            real = rows[pick].astype(np.float32) * factor.reshape(-1, *(1,) * (rows.ndim - 1))
            np.copyto(out, real, casting="same_kind")
