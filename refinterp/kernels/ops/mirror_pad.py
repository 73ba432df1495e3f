"""MIRROR_PAD: a tensor surrounded by its own mirror image.

Shapes    x: any; paddings: int32 or int64 (rank, 2), at most x's size, one less for REFLECT;
          y: x's shape plus the paddings
Units     unchanged; LiteRT wants one scale and zero point for x and y, TFLM does not look
Raises    ModelError, from prepare only: paddings that are negative or too large, other scales
Source    LiteRT kernels/mirror_pad.cc (f67457790); tflite-micro micro/kernels/mirror_pad.cc
          (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM

REFLECT leaves the edge element out of the image, SYMMETRIC repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Mirrored
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import (
    BYTES,
    expect_shapes,
    integers,
    same_scale,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class MirrorPadOptions:
    """Schema table MirrorPadOptions."""

    mode: str | int = "REFLECT"


def margins(operands: Mirrored[TensorSpec], skipped: int) -> list[tuple[int, int]]:
    """Return (before, after) per axis; skipped: edge elements left out of the image."""
    shape = operands.input.shape
    flat = integers(operands.paddings, "MIRROR_PAD")
    pairs = list(zip(flat[::2], flat[1::2], strict=False))
    if operands.paddings.shape != (len(shape), 2) or any(
        not 0 <= amount <= size - skipped
        for size, pair in zip(shape, pairs, strict=True)
        for amount in pair
    ):
        allowed = f"two for each axis of {list(shape)}, 0 to its size less {skipped}"
        raise misfit(operands, "paddings", f"{flat}", allowed)
    return pairs


def edge(options: MirrorPadOptions) -> int:
    """Return how many edge elements the mode leaves out."""
    if options.mode not in ("REFLECT", "SYMMETRIC"):
        raise ModelError(f"MIRROR_PAD: mode {options.mode}; allowed: REFLECT, SYMMETRIC")
    return int(options.mode == "REFLECT")


@kernel("MIRROR_PAD", *BYTES, options=MirrorPadOptions)
@dataclass(frozen=True, slots=True)
class MirrorPad(Kernel):
    """inner: where x lies in y, sample axis included.

    images: (to, from) slices of y, in the order in which they can be copied.
    """

    inner: tuple[slice, ...]
    images: tuple[tuple[tuple[slice, ...], tuple[slice, ...]], ...]

    @staticmethod
    def output_shapes(
        operands: Mirrored[TensorSpec], options: MirrorPadOptions
    ) -> tuple[Shape, ...]:
        """Add the paddings."""
        shape = operands.input.shape
        pairs = zip(shape, margins(operands, edge(options)), strict=True)
        return (tuple(size + before + after for size, (before, after) in pairs),)

    @classmethod
    def prepare(
        cls,
        operands: Mirrored[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: MirrorPadOptions,
        rule: Rules,
    ) -> MirrorPad:
        """Place x and its images."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), "MIRROR_PAD")
        if x.dtype in ("int8", "uint8", "int16") and rule.path != "unchecked":
            same_scale(x, y, "MIRROR_PAD")
        skipped = edge(options)
        pairs = margins(operands, skipped)
        inner = [slice(b, b + n) for n, (b, _) in zip(x.shape, pairs, strict=True)]
        images = []
        for axis, (size, (before, after)) in enumerate(zip(x.shape, pairs, strict=True)):
            ahead: tuple[slice, ...] = (slice(None),) * (axis + 1)
            behind = tuple(inner[axis + 1 :])  # those axes are filled in later
            first, last = before + skipped, before + size - 1 - skipped
            for to, source in (
                (slice(0, before), _backwards(first + before - 1, before)),
                (slice(before + size, before + size + after), _backwards(last, after)),
            ):
                if to.start < to.stop:
                    images.append(((*ahead, to, *behind), (*ahead, source, *behind)))
        return cls((slice(None), *inner), tuple(images))

    def eval(self, operands: Mirrored[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy x, then one axis after the other its images."""
        x, y = operands.input, outputs[0]
        np.copyto(y[self.inner], x)
        for to, source in self.images:
            np.copyto(y[to], y[source])


def _backwards(start: int, count: int) -> slice:
    """Return `count` elements from start down."""
    stop = start - count
    return slice(start, None if stop < 0 else stop, -1)
