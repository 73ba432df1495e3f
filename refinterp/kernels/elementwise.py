"""What the element-wise operators share: kernels that map one or two operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Binary, Operands, Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import (
    common_shape,
    require_scale,
    require_zero_point,
    same_shape,
    scale_of_input,
)
from refinterp.kernels.contract import Array, Kernel, NoOptions, Steady
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.broadcast import BLOCK, blocks
from refinterp.numerics.tables import (
    PAIRS,
    UNSIGNED,
    interpolate,
    interpolation_table,
    tabulate,
    tabulate_pairs,
    through_float32,
)
from refinterp.numerics.tape import NOW, Do, put

I64 = NDArray[np.int64]
_NARROW = ("int8", "uint8", "int16")  # types of which every code has a place in a table


def map_codes(
    exact: Callable[[I64], Array], table: Array | None, x: Array, y: Array, do: Do = NOW
) -> None:
    """Write a function of every code of x into y, by the table where there is one.

    x: (S, ...) or (1, ...), contiguous; y: (S, ...). exact: int64 codes → values for y.
    """
    once = y[: len(x)]
    source, target = x.reshape(-1), once.reshape(-1)
    pattern = source.view(UNSIGNED[x.itemsize]) if table is not None else source
    for start in range(0, source.size, BLOCK):
        part = slice(start, start + BLOCK)
        if table is None:
            do(_write, exact, target[part], source[part])
        else:
            do(np.take, table, pattern[part], None, target[part], "clip")
    if len(x) < len(y):
        do(put, y[1:], once)


def _write(exact: Callable[..., Array], out: Array, *codes: Array) -> None:
    out[...] = exact(*(own.astype(np.int64) for own in codes))


def map_pairs(
    exact: Callable[[I64, I64], Array],
    table: Array | None,
    a: Array,
    b: Array,
    y: Array,
    work: Workspace,
    do: Do = NOW,
) -> None:
    """Write a function of the codes of a and b, which broadcast, into y.

    exact: two int64 arrays that broadcast → values for y. table: see `numerics.tables`.
    """
    if table is None:
        for out, first, second in blocks(y, a, b):
            do(_write, exact, out, first, second)
        return
    index = work.take((min(BLOCK, y.size),), np.uint16)
    for out, first, second in blocks(y, a.view(np.uint8), b.view(np.uint8)):
        pair = index[: out.size].reshape(out.shape)
        do(np.copyto, pair, first)
        do(np.left_shift, pair, np.uint16(8), pair)
        do(np.add, pair, second, pair)
        do(np.take, table, pair, None, out, "clip")


def map_reals(function: Callable[[Array], Array], x: Array, y: Array) -> None:
    """Write function(x) into y, block by block; x: (S, ...) or (1, ...), contiguous, as y."""
    once = y[: len(x)]
    source, target = x.reshape(-1), once.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for start in range(0, source.size, BLOCK):
            part = slice(start, start + BLOCK)
            target[part] = function(source[part])
    if len(x) < len(y):
        y[1:] = once


@dataclass(frozen=True, slots=True, eq=False)
class RealMap(Kernel):
    """A prepared kernel: one function of each element, on arrays of the operand's own type."""

    function: Callable[[Array], Array]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        map_reals(self.function, operands.input, outputs[0])


@dataclass(frozen=True, slots=True, eq=False)
class CodeMap(Steady):
    """A prepared kernel: one function of each code; table: it for every code, or None."""

    exact: Callable[[I64], Array]
    table: Array | None

    @classmethod
    def of(
        cls, exact: Callable[[I64], Array], x: TensorSpec, y: TensorSpec, rule: Rules
    ) -> CodeMap:
        """Tabulate the definition, unless the type is too wide or the plain form asked for."""
        narrow = not rule.plain and x.dtype in _NARROW
        return cls(exact, tabulate(exact, x.dtype, y.dtype) if narrow else None)

    def record(
        self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y."""
        map_codes(self.exact, self.table, operands.input, outputs[0], do)
        return True


def real_function(
    operator: str, function: Callable[[Array], Array], *dtypes: str, options: type = NoOptions
) -> None:
    """Register an operator that is one function of each element, in the element's own type."""

    @kernel(operator, *(dtypes or ("float32",)), options=options)
    class Registered(Kernel):
        output_shapes = staticmethod(same_shape)

        @classmethod
        def prepare(
            cls,
            operands: Unary[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: Any,
            rule: Rules,
        ) -> RealMap:
            return RealMap(function)


def through_table(
    function: Callable[[Array], Array], x: TensorSpec, y: TensorSpec, rule: Rules
) -> CodeMap:
    """Map codes through a float32 function as LiteRT does: 8 bits by 256 entries, int16 by 513.

    Raises ModelError for missing scales, and for int16 with a zero point.
    """
    x_scale, y_scale = scale_of_input(x, "input"), require_scale(y, "output")
    if x.dtype != "int16":
        exact = through_float32(function, (x_scale, x.zero), (y_scale, y.zero), y.dtype)
        return CodeMap.of(exact, x, y, rule)
    require_zero_point(x, 0, "input")
    require_zero_point(y, 0, "output")
    points = interpolation_table(function, x_scale, 0, y_scale, 0, np.float32)
    return CodeMap.of(lambda codes: interpolate(codes, points), x, y, rule)


@dataclass(frozen=True, slots=True, eq=False)
class PairMap(Steady):
    """A prepared kernel: one function of two codes.

    types: of both operands and the output, where it can be tabulated: two operands of 8 bits, and
    not the plain form. table: the output for every pair, once that pays.
    """

    exact: Callable[[I64, I64], Array]
    types: tuple[str, str, str] | None
    table: Array | None = None

    settles: ClassVar[bool] = True

    @classmethod
    def of(
        cls,
        exact: Callable[[I64, I64], Array],
        operands: tuple[TensorSpec, TensorSpec],
        y: TensorSpec,
        rule: Rules,
    ) -> PairMap:
        """Prepare a definition: a function of codes, int64 arrays that broadcast."""
        a, b = (spec.dtype for spec in operands)
        if rule.plain or not {a, b} <= {"int8", "uint8"}:
            return cls(exact, None)
        return cls(exact, (a, b, y.dtype))

    def settle(self, outputs: Sequence[Array], runs: int) -> PairMap:
        """Tabulate the definition where as many elements are written as there are pairs."""
        if self.types is None or self.table is not None or outputs[0].size * runs < PAIRS:
            return self
        return replace(self, table=tabulate_pairs(self.exact, *self.types))

    def record(
        self, operands: Operands[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y."""
        a, b = operands
        map_pairs(self.exact, self.table, a, b, outputs[0], work, do)
        return True


@dataclass(frozen=True, slots=True, eq=False)
class PlainPair(Kernel):
    """A prepared kernel: one function of two elements, on arrays of the operands' own type."""

    function: Callable[[Array, Array], Array]

    def eval(self, operands: Operands[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        a, b = operands
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for out, first, second in blocks(outputs[0], a, b):
                out[...] = self.function(first, second)


@dataclass(frozen=True, slots=True, eq=False)
class ClampedPair(Kernel):
    """A prepared kernel: one function of two elements in their own type, then a clamp."""

    function: np.ufunc
    low: Any
    high: Any

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        with np.errstate(over="ignore", invalid="ignore"):
            for out, first, second in blocks(outputs[0], operands.left, operands.right):
                self.function(first, second, out=out)
                np.clip(out, self.low, self.high, out=out)


def pair_function(
    operator: str,
    function: Callable[[Array, Array], Array],
    *dtypes: str,
    options: type = NoOptions,
) -> None:
    """Register an operator that is one function of two elements, in the elements' own type."""

    @kernel(operator, *dtypes, options=options)
    class Registered(Kernel):
        output_shapes = staticmethod(common_shape)

        @classmethod
        def prepare(
            cls,
            operands: Binary[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: Any,
            rule: Rules,
        ) -> PlainPair:
            return PlainPair(function)
