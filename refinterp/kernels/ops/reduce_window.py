"""REDUCE_WINDOW and STABLEHLO_REDUCE_WINDOW: each window of the input reduced to one element.

Real      y = init; for each element x of the window, row-major: y = body(y, x)
Shapes    x: at least a vector; init: one element; window, strides, dilations: one per axis;
          y: (size - ((window - 1) * dilation + 1)) / stride + 1 along each axis. For REDUCE_WINDOW
          they are int64 constants; STABLEHLO_REDUCE_WINDOW has them as options and first spreads x
          by base_dilations and pads it (or crops it, if negative) with init
Units     codes are taken as plain integers, which wrap around; ALL and ANY give 0 or 1
Raises    ModelError, UnsupportedError, from prepare only: windows that do not fit, other bodies
Source    LiteRT kernels/stablehlo_reduce_window.cc (f67457790)
Exact to  LiteRT BUILTIN_REF, float32 in the same order; TFLM has no such operators
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Started, Windowed
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.body_subgraphs import BODIES, body
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")
_FUNCTIONS = {
    "ADD": "ADD",
    "MUL": "MUL",
    "MINIMUM": "MINIMUM",
    "MAXIMUM": "MAXIMUM",
    "ALL": "LOGICAL_AND",
    "ANY": "LOGICAL_OR",
}


@dataclass(frozen=True, slots=True)
class AxesWindow:
    """A window over an input, per axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def output(self, shape: Shape, where: str) -> Shape:
        """Return how many windows lie along each axis. Raises ModelError for what cannot be."""
        settings = (self.size, self.stride, self.dilation)
        if not shape or any(len(s) != len(shape) or min(s) < 1 for s in settings):
            raise ModelError(
                f"{where}: window {self.size}, strides {self.stride} and dilations "
                f"{self.dilation} must be positive, one for each axis of {list(shape)}"
            )
        return tuple(
            max(0, (whole - (n - 1) * gap - 1) // step + 1)
            for whole, n, step, gap in zip(shape, *settings, strict=True)
        )

    def reduce(self, x: Array, init: Array, name: str, y: Array) -> None:
        """Fill y (S, ...) from x (S or 1, ...), one place of the window after the other."""
        np.copyto(y, init.reshape(-1, *(1,) * (y.ndim - 1)))
        if x.dtype == np.bool_:
            x, y = x.view(np.int8), y.view(np.int8)
        counts = y.shape[1:]
        for place in product(*(range(n) for n in self.size)):
            starts = [i * gap for i, gap in zip(place, self.dilation, strict=True)]
            index = [
                slice(start, start + (count - 1) * step + 1, step) if count else slice(0, 0)
                for start, count, step in zip(starts, counts, self.stride, strict=True)
            ]
            with np.errstate(over="ignore", invalid="ignore"):
                BODIES[name](y, x[(slice(None), *index)], out=y)


@dataclass(frozen=True, slots=True)
class ReduceWindowOptions:
    """Schema table ReduceWindowOptions."""

    reduce_function: str | int = "UNSUPPORTED"


def check(
    operands: Windowed[TensorSpec] | Started[TensorSpec], outputs: Sequence[TensorSpec], where: str
) -> None:
    """Check the initial value."""
    if operands.initial.size != 1:
        raise ModelError(f"{where}: the initial value must be one element")


def constant_window(operands: Windowed[TensorSpec]) -> AxesWindow:
    """Read REDUCE_WINDOW's constants."""
    read = (operands.window, operands.strides, operands.dilations)
    return AxesWindow(*(tuple(integers(spec, "REDUCE_WINDOW")) for spec in read))


@kernel("REDUCE_WINDOW", *_TYPES, options=ReduceWindowOptions)
@dataclass(frozen=True, slots=True)
class ReduceWindow(Kernel):
    """window: where; name: the body."""

    window: AxesWindow
    name: str

    @staticmethod
    def output_shapes(
        operands: Windowed[TensorSpec], options: ReduceWindowOptions
    ) -> tuple[Shape, ...]:
        """Count the windows."""
        shape = operands.input.shape
        return (constant_window(operands).output(shape, "REDUCE_WINDOW"),)

    @classmethod
    def prepare(
        cls,
        operands: Windowed[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ReduceWindowOptions,
        rule: Rules,
    ) -> ReduceWindow:
        """Check operands and body."""
        check(operands, outputs, "REDUCE_WINDOW")
        expect_shapes(outputs, cls.output_shapes(operands, options), "REDUCE_WINDOW")
        if options.reduce_function not in _FUNCTIONS:
            raise ModelError(
                f"REDUCE_WINDOW: function {options.reduce_function}; allowed: "
                f"{', '.join(_FUNCTIONS)}"
            )
        return cls(constant_window(operands), _FUNCTIONS[str(options.reduce_function)])

    def eval(self, operands: Windowed[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Reduce."""
        x, init = operands.input, operands.initial
        self.window.reduce(x, init, self.name, outputs[0])


@dataclass(frozen=True, slots=True)
class StablehloReduceWindowOptions:
    """Schema table StablehloReduceWindowOptions; subgraph_operators: names, by subgraph."""

    window_dimensions: Sequence[int] = ()
    window_strides: Sequence[int] = ()
    base_dilations: Sequence[int] = ()
    window_dilations: Sequence[int] = ()
    padding: Sequence[int] = ()
    body_subgraph_index: int = 0
    subgraph_operators: Sequence[Sequence[str]] = ()

    def axes(self, rank: int) -> tuple[AxesWindow, tuple[int, ...], list[tuple[int, int]]]:
        """Return window, base dilations and paddings; what is not given is 1, or 0."""
        ones = (1,) * rank
        flat = tuple(self.padding) or (0,) * (2 * rank)
        window = AxesWindow(
            tuple(self.window_dimensions) or ones,
            tuple(self.window_strides) or ones,
            tuple(self.window_dilations) or ones,
        )
        base = tuple(self.base_dilations) or ones
        return window, base, list(zip(flat[::2], flat[1::2], strict=False))


_STABLEHLO = "STABLEHLO_REDUCE_WINDOW"


def spread(shape: Shape, options: StablehloReduceWindowOptions) -> Shape:
    """Return x's shape once dilated and padded."""
    _, base, pairs = options.axes(len(shape))
    if len(base) != len(shape) or len(pairs) != len(shape) or (base and min(base) < 1):
        raise ModelError(
            f"{_STABLEHLO}: base dilations {base} and paddings {pairs} do not fit {list(shape)}"
        )
    sizes = tuple(
        (n - 1) * step + 1 + before + after
        for n, step, (before, after) in zip(shape, base, pairs, strict=True)
    )
    if sizes and min(sizes) < 1:
        raise ModelError(f"{_STABLEHLO}: paddings {pairs} leave nothing of {list(shape)}")
    return sizes


@kernel("STABLEHLO_REDUCE_WINDOW", *_TYPES, options=StablehloReduceWindowOptions)
@dataclass(frozen=True, slots=True)
class StablehloReduceWindow(Kernel):
    """padded: x's shape once spread; kept, places: which of x lie where in it; name: the body."""

    window: AxesWindow
    padded: Shape
    kept: tuple[slice, ...]
    places: tuple[slice, ...]
    name: str

    @staticmethod
    def output_shapes(
        operands: Started[TensorSpec], options: StablehloReduceWindowOptions
    ) -> tuple[Shape, ...]:
        """Count the windows."""
        shape = operands.input.shape
        window, _, _ = options.axes(len(shape))
        return (window.output(spread(shape, options), _STABLEHLO),)

    @classmethod
    def prepare(
        cls,
        operands: Started[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: StablehloReduceWindowOptions,
        rule: Rules,
    ) -> StablehloReduceWindow:
        """Place the elements and recognise the body."""
        check(operands, outputs, _STABLEHLO)
        expect_shapes(outputs, cls.output_shapes(operands, options), _STABLEHLO)
        shape = operands.input.shape
        padded = spread(shape, options)
        window, base, pairs = options.axes(len(shape))
        kept, places = [slice(None)], [slice(None)]
        for size, room, step, (before, _) in zip(shape, padded, base, pairs, strict=True):
            first = max(0, -(before // step))
            last = max(first, min(size, -((before - room) // step)))
            kept.append(slice(first, last))
            start = before + first * step
            places.append(slice(start, start + (last - first) * step, step))
        name = body(options.subgraph_operators, options.body_subgraph_index, BODIES, _STABLEHLO)
        if name is None:
            raise ModelError(f"{_STABLEHLO}: the body is empty")
        return cls(window, padded, tuple(kept), tuple(places), name)

    def eval(self, operands: Started[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Spread, then reduce."""
        x, init = operands.input, operands.initial
        whole = work.take((max(len(x), len(init)), *self.padded), x.dtype)
        np.copyto(whole, init.reshape(-1, *(1,) * (whole.ndim - 1)))
        np.copyto(whole[self.places], x[self.kept])
        self.window.reduce(whole, init, self.name, outputs[0])
