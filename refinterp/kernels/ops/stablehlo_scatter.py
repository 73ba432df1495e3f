"""STABLEHLO_SCATTER: the input with updates worked into it at coordinates.

Shapes    x: any; start: int32 or int64; axis index_vector_dim holds coordinates on the axes
          scatter_dims_to_operand_dims; updates: at update_window_dims the axes of x without
          inserted_window_dims, the others are start's batch axes; y: x's shape
Units     codes are taken as plain integers; the body is one operator, or none: replace
Raises    ModelError, UnsupportedError, from prepare only: options that do not fit, other bodies
Source    LiteRT kernels/stablehlo_scatter.cc, tensor_slice_util.cc (f67457790)
Exact to  LiteRT BUILTIN_REF: updates in row-major order, those out of bounds left out; TFLM has no
          such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import ScatteredInto
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.body_subgraphs import BODIES, body
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.coordinates import coordinates_last, strides
from refinterp.kernels.data_movement import BYTES, expect_shapes, per_sample
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "STABLEHLO_SCATTER"
_ALLOWED = ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM")


@dataclass(frozen=True, slots=True)
class ScatterOptions:
    """Schema table StablehloScatterOptions; subgraph_operators: names, by subgraph."""

    update_window_dims: Sequence[int] = ()
    inserted_window_dims: Sequence[int] = ()
    scatter_dims_to_operand_dims: Sequence[int] = ()
    index_vector_dim: int = 0
    update_computation_subgraph_index: int = 0
    subgraph_operators: Sequence[Sequence[str]] = ()


@kernel("STABLEHLO_SCATTER", *BYTES, options=ScatterOptions)
@dataclass(frozen=True, slots=True, eq=False)
class StablehloScatter(Kernel):
    """Where each update goes, as coordinates in x.

    axis: of coordinates in start. mapped: the axes of x they count on. window: for each axis of x,
    the coordinate within the window, shaped to broadcast against updates. batch: updates' shape
    with ones in place of the window. sizes, steps: of x. name: of the body, None to replace.
    """

    axis: int
    mapped: tuple[int, ...]
    window: tuple[NDArray[np.int64], ...]
    batch: Shape
    sizes: Shape
    steps: NDArray[np.int64]
    name: str | None

    @staticmethod
    def output_shapes(
        operands: ScatteredInto[TensorSpec], options: ScatterOptions
    ) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: ScatteredInto[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ScatterOptions,
        rule: Rules,
    ) -> StablehloScatter:
        """Work out where updates go."""
        x, start, updates = operands.input, operands.indices, operands.updates
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        axis, mapped = options.index_vector_dim, tuple(options.scatter_dims_to_operand_dims)
        inside = [d in options.update_window_dims for d in range(len(updates.shape))]
        batch = [n for n, own in zip(updates.shape, inside, strict=True) if not own]
        count = start.shape[axis] if 0 <= axis < len(start.shape) else 1
        open_axes = [d for d in range(len(x.shape)) if d not in options.inserted_window_dims]
        if (
            not 0 <= axis <= len(start.shape)
            or batch != [n for d, n in enumerate(start.shape) if d != axis]
            or len(mapped) != count
            or not set(mapped) <= set(range(len(x.shape)))
            or len(open_axes) != sum(inside)
        ):
            raise ModelError(
                f"{_WHERE}: updates {list(updates.shape)} and starts {list(start.shape)} do not "
                f"fit an input of {list(x.shape)}"
            )
        window = [np.zeros((), np.int64)] * len(x.shape)
        places = [d for d, own in enumerate(inside) if own]
        for x_axis, place in zip(open_axes, places, strict=True):
            line = np.arange(updates.shape[place], dtype=np.int64)
            window[x_axis] = line.reshape(-1, *(1,) * (len(inside) - 1 - place))
        index = options.update_computation_subgraph_index
        return cls(
            axis,
            mapped,
            tuple(window),
            tuple(1 if own else n for n, own in zip(updates.shape, inside, strict=True)),
            x.shape,
            strides(x.shape),
            body(options.subgraph_operators, index, _ALLOWED, _WHERE),
        )

    def eval(
        self, operands: ScatteredInto[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Copy x, then work in the updates that are within bounds."""
        x, start, updates = operands.input, operands.indices, operands.updates
        y = outputs[0]
        np.copyto(y, x)
        if not y.size or not updates.size:
            return
        first = coordinates_last(start, self.axis).astype(np.int64)
        shape = updates.shape[1:]
        position = np.zeros((len(start), *shape), np.int64)
        fits = np.ones((len(start), *shape), np.bool_)
        for axis, (window, size, step) in enumerate(
            zip(self.window, self.sizes, self.steps, strict=True)
        ):
            place = window
            if axis in self.mapped:
                own = first[..., self.mapped.index(axis)].reshape(len(start), *self.batch)
                place = own + window
            fits &= (place >= 0) & (place < size)
            position += place * step
        for where, valid, what, out in per_sample(
            len(y), position, fits, updates, y.reshape(len(y), -1)
        ):
            if self.name is None:
                out[where[valid]] = what[valid]
            else:
                with np.errstate(over="ignore", invalid="ignore"):
                    BODIES[self.name].at(out, where[valid], what[valid])
