"""STABLEHLO_PAD: one value around and between the elements; negative paddings crop.

Shapes    x: at least a vector; value: one element; y: size + (size - 1) * interior + low + high
          along each axis, and empty along all if any is not positive
Units     codes are copied
Raises    ModelError, from prepare only: paddings that are not one per axis, a negative interior
Source    LiteRT kernels/stablehlo_pad.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Started
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import BYTES, expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "STABLEHLO_PAD"


@dataclass(frozen=True, slots=True)
class PadOptions:
    """Schema table StablehloPadOptions."""

    edge_padding_low: Sequence[int] = ()
    edge_padding_high: Sequence[int] = ()
    interior_padding: Sequence[int] = ()


@kernel("STABLEHLO_PAD", *BYTES, options=PadOptions)
@dataclass(frozen=True, slots=True)
class StablehloPad(Kernel):
    """kept: the elements of x that are not cropped; places: where they lie in y."""

    kept: tuple[slice, ...]
    places: tuple[slice, ...]

    @staticmethod
    def output_shapes(operands: Started[TensorSpec], options: PadOptions) -> tuple[Shape, ...]:
        """Add the paddings."""
        shape = operands.input.shape
        low, high = options.edge_padding_low, options.edge_padding_high
        between = options.interior_padding
        if not shape or not len(shape) == len(low) == len(high) == len(between):
            raise ModelError(
                f"{_WHERE}: paddings {list(low)}, {list(high)} and {list(between)} do not fit an "
                f"input of {list(shape)}"
            )
        if min(between) < 0:
            raise ModelError(f"{_WHERE}: interior padding {list(between)} must not be negative")
        sizes = tuple(
            n + max(n - 1, 0) * gap + before + after
            for n, before, after, gap in zip(shape, low, high, between, strict=True)
        )
        return (sizes if min(sizes) > 0 else (0,) * len(shape),)

    @classmethod
    def prepare(
        cls,
        operands: Started[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: PadOptions,
        rule: Rules,
    ) -> StablehloPad:
        """Place the elements."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        if operands.initial.size != 1:
            raise ModelError(f"{_WHERE}: the padding must be one element")
        kept, places = [slice(None)], [slice(None)]
        for size, room, before, gap in zip(
            x.shape, y.shape, options.edge_padding_low, options.interior_padding, strict=True
        ):
            step = gap + 1  # element i lies at before + i * step
            first = max(0, -(before // step))
            last = max(first, min(size, -((before - room) // step)))
            kept.append(slice(first, last))
            start = before + first * step
            places.append(slice(start, start + (last - first) * step, step))
        return cls(tuple(kept), tuple(places))

    def eval(self, operands: Started[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Fill, then copy the elements to their places."""
        x, value, y = operands.input, operands.initial, outputs[0]
        np.copyto(y, value.reshape(-1, *(1,) * (y.ndim - 1)))
        if y.size:
            np.copyto(y[self.places], x[self.kept])
