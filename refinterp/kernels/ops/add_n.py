"""ADD_N: the sum of two or more tensors of one shape.

Real      y = sum(x_i)
Integer   int8 (TFLM): s = R(1/2, (0 - x_zero) << 20) + sum(R(1/2, (x_i - x_zero) << 20)): the sum
          starts from code 0, not from the zero point; y = clip(R(y_factor, s) + y_zero)
Shapes    all alike
Units     codes, real = scale * (code - zero point), the inputs' all the same; int32, float32: plain
          numbers, added in order
Raises    ModelError, from prepare only: scales that differ
Source    LiteRT kernels/add_n.cc (f67457790); tflite-micro micro/kernels/add_n.cc,
          internal/reference/add_n.h (90b983c2b)
Exact to  LiteRT BUILTIN_REF with one thread (float32, int32) and TFLM (float32, int8)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE, type_bounds
from refinterp.numerics.broadcast import blocks
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32

I64 = NDArray[np.int64]


def add_n_shapes(operands: Variadic[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """The operands' shape."""
    return (operands.rest[0].shape,)


@kernel("ADD_N", "float32", "int32")
@dataclass(frozen=True, slots=True, eq=False)
class AddNPlain(Kernel):
    """Numbers: each partial sum is clamped to the type's finite range."""

    low: Any
    high: Any

    output_shapes = staticmethod(add_n_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> AddNPlain:
        """Take the type's range."""
        return cls(*type_bounds("NONE", operands.rest[0].dtype))

    def eval(self, operands: Variadic[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        with np.errstate(over="ignore", invalid="ignore"):
            for out, *parts in blocks(outputs[0], *operands.rest):
                out[...] = parts[0]
                for part in parts[1:]:
                    out += part
                    np.clip(out, self.low, self.high, out=out)


@kernel("ADD_N", "int8")
@dataclass(frozen=True, slots=True, eq=False)
class AddNInteger(Kernel):
    """int8 codes of one scale."""

    x_zero: int
    y_zero: int
    x_factor: Multiplier
    y_factor: Multiplier
    y_min: int
    y_max: int

    output_shapes = staticmethod(add_n_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> AddNInteger:
        """Fold the scales in float64."""
        (x, *others), y = operands.rest, outputs[0]
        scale = require_scale(x, "input")
        for other in others:
            if (other.step, other.zero) != (x.step, x.zero):
                raise ModelError(
                    f"inputs must share scale and zero point, got {x.step}, {x.zero} and "
                    f"{other.step}, {other.zero}"
                )
        y_real = 2 * scale / ((1 << 20) * require_scale(y, "output"))
        if not y_real < 1.0:
            raise ModelError(f"output {y.name!r} has scale {y.step:g}, too small for the inputs'")
        return cls(
            x.zero, y.zero, Multiplier.of(0.5), Multiplier.of(y_real), *INTEGER_RANGE[y.dtype]
        )

    def eval(self, operands: Variadic[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        start = self._scaled(np.asarray(0, np.int64))
        for out, *parts in blocks(outputs[0], *operands.rest):
            total = start + sum(self._scaled(part.astype(np.int64)) for part in parts)
            y = rescale(wrap32(total), self.y_factor) + self.y_zero
            out[...] = np.clip(y, self.y_min, self.y_max)

    def _scaled(self, x: I64) -> I64:
        return rescale((x - self.x_zero) << 20, self.x_factor)
