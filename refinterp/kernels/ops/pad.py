"""PAD and PADV2: a tensor surrounded by one value.

Shapes    x: any; paddings (rank, 2) of any integer type: how many to put before and after each
          axis; value: one element or omitted; y: x's shape plus the paddings
Units     unchanged; the value is the code of 0, which is y's zero point, or the third input, whose
          scale and zero point must be y's when x is quantized
Raises    ModelError, from prepare only: paddings that are negative or not of x's rank, other scales
Source    LiteRT kernels/pad.cc (f67457790); tflite-micro micro/kernels/pad_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Padded
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes, integers, same_scale
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE

TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16")


def margins(operands: Padded[TensorSpec]) -> list[tuple[int, int]]:
    """Return (before, after) per axis."""
    x, paddings = operands.input, operands.paddings
    rank = len(x.shape)
    if paddings.shape != (rank, 2):
        raise misfit(operands, "paddings", f"shape {list(paddings.shape)}", f"{[rank, 2]}")
    flat = integers(operands.paddings, "PAD")
    if any(amount < 0 for amount in flat):
        raise misfit(operands, "paddings", f"{flat}", "0 or more each")
    return list(zip(flat[::2], flat[1::2], strict=True))


@kernel("PAD", *TYPES)
@kernel("PADV2", *TYPES)
@dataclass(frozen=True, slots=True)
class Pad(Kernel):
    """inner: where x lies in y, sample axis included. value: of the margins, unless it comes with
    the run.
    """

    inner: tuple[slice, ...]
    value: int
    full: bool

    @staticmethod
    def output_shapes(operands: Padded[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Add the paddings."""
        shape = operands.input.shape
        pairs = zip(shape, margins(operands), strict=True)
        return (tuple(size + before + after for size, (before, after) in pairs),)

    @classmethod
    def prepare(
        cls,
        operands: Padded[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Pad:
        """Fix the value and the place."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), "PAD")
        given = operands.value
        quantized = x.dtype == "uint8" or (x.dtype in ("int8", "int16") and x.quantized)
        value = y.zero if quantized else 0
        if given is not None:
            if given.size != 1:
                raise misfit(operands, "value", f"{given.size} elements", "1")
            if quantized:
                same_scale(given, y, "PAD")
        elif quantized:
            low, high = INTEGER_RANGE[y.dtype]
            if not low <= y.zero <= high:
                raise ModelError(
                    f"PAD: output {y.name!r} has zero point {y.zero}, which {y.dtype} cannot hold"
                )
        inner = [
            slice(before, before + size)
            for size, (before, _) in zip(x.shape, margins(operands), strict=True)
        ]
        return cls((slice(None), *inner), value, x.shape == y.shape)

    def eval(self, operands: Padded[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Fill, then copy into the middle."""
        x, value, y = operands.input, operands.value, outputs[0]
        if value is not None:
            np.copyto(y, value.reshape(-1, *(1,) * (y.ndim - 1)))
        elif not self.full:
            y.fill(self.value)
        np.copyto(y[self.inner], x)
