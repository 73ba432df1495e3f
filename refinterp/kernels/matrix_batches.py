"""Batches of matrices that are multiplied, where leading sizes broadcast.

Source    LiteRT kernels/batch_matmul.cc (f67457790)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """How LiteRT's dynamic-range kernel walks over the leading dimensions, three at most.

    rows, columns: of one product. x_lead, w_lead: the factors' leading dimensions. x_at, w_at,
    int (batches,): of which matrix the scales, zero points and weight sums are taken. These are
    not always the matrix multiplied: LiteRT adds the indices of the dimensions up.
    """

    rows: int
    depth: int
    columns: int
    x_lead: Shape
    w_lead: Shape
    x_at: NDArray[np.int64]
    w_at: NDArray[np.int64]

    @classmethod
    def of(cls, x: Shape, w: Shape, adj_x: bool) -> Batches:
        """Place the shapes, both turned so that they multiply."""
        if not adj_x and len(x) > 2 and len(w) > 2 and w[-3] == 1:
            x, w = (*x[:-3], x[-3] * x[-2], x[-1]), (*w[:-3], *w[-2:])
        x_lead, w_lead = ((1,) * (5 - len(shape)) + shape[:-2] for shape in (x, w))
        grid = np.indices(np.broadcast_shapes(x_lead, w_lead), np.int64)
        x_at, w_at = (
            sum(index.reshape(-1) * (size != 1) for index, size in zip(grid, lead, strict=True))
            for lead in (x_lead, w_lead)
        )
        return cls(x[-2], x[-1], w[-1], x_lead, w_lead, np.asarray(x_at), np.asarray(w_at))
