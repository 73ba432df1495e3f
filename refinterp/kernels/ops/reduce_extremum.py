"""REDUCE_MAX and REDUCE_MIN: the largest or smallest element over some axes.

Real      y = max(x), y = min(x)
Integer   the same on the codes
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); of no elements y is the type's other end
Units     codes; x and y share scale and zero point
Raises    ModelError, from prepare only: an axis x does not have, x and y quantized differently;
          NeedsValue when the axes are known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (ReduceGeneric; f67457790);
          tflite-micro micro/kernels/reduce_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM

C compares with what it has so far, and NaN loses every comparison: it is passed over. Where LiteRT
reduces all axes it starts from the first element, which stays if it is NaN; otherwise, and always
in TFLM (path "from-end"), from the type's finite end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.reduction import ReducerOptions, Reduction, reduced_shapes
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_DTYPES = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")


@dataclass(frozen=True, slots=True)
class MaxOptions(ReducerOptions):
    """Schema table ReducerOptions; function: picks one of two, end: the one that never wins."""

    function: ClassVar[np.ufunc] = np.fmax
    end: ClassVar[str] = "min"


@dataclass(frozen=True, slots=True)
class MinOptions(ReducerOptions):
    """Schema table ReducerOptions; function: picks one of two, end: the one that never wins."""

    function: ClassVar[np.ufunc] = np.fmin
    end: ClassVar[str] = "max"


@kernel("REDUCE_MAX", *_DTYPES, options=MaxOptions)
@kernel("REDUCE_MIN", *_DTYPES, options=MinOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ReduceExtremum(Kernel):
    """function: picks one of two. end: what everything is compared with first."""

    reduction: Reduction
    function: np.ufunc
    end: Any
    from_first: bool

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Reduced[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: MaxOptions | MinOptions,
        rule: Rules,
    ) -> ReduceExtremum:
        """Read the axes."""
        x, y = operands.input, outputs[0]
        reduction = Reduction.of(operands, options)
        if x.dtype in ("int8", "uint8", "int16") and (x.step, x.zero) != (y.step, y.zero):
            raise ModelError(
                f"input {x.name!r} has scale {x.step} and zero point {x.zero}, output {y.name!r} "
                f"{y.step} and {y.zero}; they must be the same"
            )
        kind = np.dtype("uint8" if x.dtype == "bool" else x.dtype)
        limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
        everything = len(reduction.axes) == len(reduction.shape)
        from_first = everything and rule.path != "from-end"
        return cls(reduction, options.function, getattr(limits, options.end), from_first)

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        axes = self.reduction.array_axes
        start: dict[str, Any] = {} if self.from_first and x.size else {"initial": self.end}
        found = self.function.reduce(x, axis=axes, **start)
        if self.from_first and x.size and x.dtype.kind == "f":
            first = x.reshape(len(x), -1)[:, 0]
            found = np.where(np.isnan(first), first, found.reshape(len(x)))
        y[...] = np.asarray(found).reshape(len(x), *y.shape[1:])
