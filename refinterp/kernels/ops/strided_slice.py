"""STRIDED_SLICE: every n-th element of a range, axis by axis, as Python's x[begin:end:stride].

Shapes    x: any; begin, end, strides: int32 (n,), one entry per axis. Bits of the masks, one per
          entry: begin_mask, end_mask: from the first, to the last element; shrink_axis_mask: one
          element, and the axis is dropped; new_axis_mask: a new axis of size 1;
          ellipsis_mask: as many whole axes as are left over. Axes without an entry are whole.
          offset: end counts from begin
Units     unchanged
Raises    ModelError, from prepare only: a stride of 0, an element that does not exist
Source    LiteRT kernels/strided_slice.cc, internal/reference/strided_slice.h (f67457790);
          tflite-micro micro/kernels/strided_slice_common.cc (90b983c2b), path "four-masks": it
          ignores ellipsis, new axes and offset
Exact to  LiteRT BUILTIN_REF and TFLM. Where LiteRT leaves elements of its output unwritten (a
          shrunk axis whose index is out of range or whose stride is negative, an offset that
          reaches outside) there is nothing to be exact to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Strided
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import BYTES, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "STRIDED_SLICE"


@dataclass(frozen=True, slots=True)
class StridedSliceOptions:
    """Schema table StridedSliceOptions."""

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """What is taken along one axis of x, or, with stride 0, a new axis."""

    start: int
    stop: int
    stride: int
    size: int
    shrink: bool = False

    @property
    def index(self) -> Any:
        """The cut as a NumPy index."""
        if self.stride == 0:
            return None
        if self.shrink:
            return self.start
        stop = None if self.stop < 0 else self.stop  # -1 lies before the first element
        return slice(self.start, stop, self.stride)


def cuts(operands: Strided[TensorSpec], options: StridedSliceOptions) -> list[Cut]:
    """Resolve entries and masks into one cut per axis of x and new axis."""
    shape = operands.input.shape
    begin, end, strides = (
        integers(spec, _WHERE) for spec in (operands.begin, operands.end, operands.strides)
    )
    count = len(begin)
    if not len(begin) == len(end) == len(strides):
        raise ModelError(
            f"{_WHERE}: begin, end and strides have {len(begin)}, {len(end)} and {len(strides)} "
            "entries; they must have the same number"
        )
    ellipsis = [bool(options.ellipsis_mask >> i & 1) for i in range(count)]
    added = [bool(options.new_axis_mask >> i & 1) and not ellipsis[i] for i in range(count)]
    if sum(ellipsis) > 1:
        raise ModelError(f"{_WHERE}: ellipsis_mask {options.ellipsis_mask:#b} names two entries")
    # An ellipsis takes at least one axis; entries that then are left without one are ignored.
    left = max(len(shape) - (count - sum(added) - sum(ellipsis)), 1)
    found: list[Cut] = []
    axis = 0
    for i in range(count):
        if added[i]:
            found.append(Cut(0, 1, 0, 1))
        elif axis == len(shape):
            continue
        elif ellipsis[i]:
            found += [Cut(0, size, 1, size) for size in shape[axis : axis + left]]
            axis += left
        else:
            found.append(_cut(i, begin[i], end[i], strides[i], shape[axis], options))
            axis += 1
    return found + [Cut(0, size, 1, size) for size in shape[axis:]]


def _cut(i: int, begin: int, end: int, stride: int, size: int, options: StridedSliceOptions) -> Cut:
    """Resolve entry i on an axis of `size` elements."""
    if stride == 0:
        raise ModelError(f"{_WHERE}: stride {i} is 0")
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    start = min(max(begin + size if begin < 0 else begin, low), high)
    if options.begin_mask >> i & 1:
        start = 0 if stride > 0 else size - 1
    if options.shrink_axis_mask >> i & 1:
        if stride < 0 or not 0 <= start < size:
            raise ModelError(
                f"{_WHERE}: entry {i} takes element {begin} of an axis of {size} with stride "
                f"{stride}; a shrunk axis needs an existing element and a positive stride"
            )
        return Cut(start, start + 1, 1, 1, shrink=True)
    stop = end + start if options.offset else end
    stop = min(max(stop + size if stop < 0 else stop, low), high)
    if options.end_mask >> i & 1:
        stop = size if stride > 0 else -1
    found = Cut(start, stop, stride, len(range(start, stop, stride)))
    if options.offset and found.size != len(range(0, end, stride)):
        raise ModelError(f"{_WHERE}: {end} elements from {begin} are not within an axis of {size}")
    return found


@kernel("STRIDED_SLICE", *BYTES, options=StridedSliceOptions)
@dataclass(frozen=True, slots=True)
class StridedSlice(Kernel):
    """index: the NumPy index that makes y a view of x, sample axis included."""

    index: tuple[Any, ...]

    @staticmethod
    def output_shapes(
        operands: Strided[TensorSpec], options: StridedSliceOptions
    ) -> tuple[Shape, ...]:
        """Return the sizes of the cuts that are not shrunk."""
        return (tuple(cut.size for cut in cuts(operands, options) if not cut.shrink),)

    @classmethod
    def prepare(
        cls,
        operands: Strided[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: StridedSliceOptions,
        rule: Rules,
    ) -> StridedSlice:
        """Resolve the masks."""
        if rule.path == "four-masks":
            options = replace(options, ellipsis_mask=0, new_axis_mask=0, offset=False)
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        return cls((slice(None), *(cut.index for cut in cuts(operands, options))))

    def eval(self, operands: Strided[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy through a view."""
        x = operands.input
        np.copyto(outputs[0], x[self.index])
