"""The places of the input that a window of a convolution or a pool covers."""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import Index


def inside(x: ExplainedOperand, index: Index) -> bool:
    """Whether an index is one of the tensor's."""
    return all(0 <= i < size for i, size in zip(index, x.shape, strict=True))


def window_start(op: Operation, axis: str, position: int, kernel: int) -> int:
    """The input row ("h") or column ("w") an output position's window begins at.

    Padding is what the output's size asks for beyond the input, the smaller half in front.
    """
    dimension = "bhwc".index(axis)
    stride, dilation = int(op.options[f"stride_{axis}"]), window_dilation(op, axis)
    reach = (op.output.shape[dimension] - 1) * stride + (kernel - 1) * dilation + 1
    return position * stride - max(reach - op.input(0).shape[dimension], 0) // 2


def window_dilation(op: Operation, axis: str) -> int:
    """Input rows or columns between two taps."""
    return int(op.options.get(f"dilation_{axis}_factor", 1))


def window(
    op: Operation, at: Index, kernel: tuple[int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Walk a 2-D window: (kernel row, kernel column, input row, input column)."""
    top = window_start(op, "h", at[1], kernel[0])
    left = window_start(op, "w", at[2], kernel[1])
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            row = top + i * window_dilation(op, "h")
            yield i, j, row, left + j * window_dilation(op, "w")
