"""DEQUANTIZE: codes to float32.

Real      y = scale * (x - zero point)
Integer   the product in float64, rounded once to float32
          several scales: TFLM (path "first-scale") takes the first for all
State     LiteRT dequantizes a constant only once: where y is a variable, as the float16 state of an
          LSTM is, later runs find in it what the run before left there
Shapes    y as x; with several scales, one per index of x's quantized dimension
Units     x: codes, or float16 without a scale, which is only widened
Raises    ModelError, from prepare only: missing scales
Source    LiteRT kernels/dequantize.h, internal/reference/dequantize.h (f67457790);
          tflite-micro micro/kernels/dequantize.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import along, same_shape, scale_of_input
from refinterp.kernels.contract import Array, Kernel, NoOptions, Steady
from refinterp.kernels.elementwise import map_codes, map_reals
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.tables import tabulate
from refinterp.numerics.tape import Do, put

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Once(Kernel):
    """A constant that becomes the first value of a variable. State: whether it has, bool ()."""

    kernel: Any
    remembers: ClassVar[bool] = True

    def state(self) -> Sequence[Array]:
        """Nothing is written yet."""
        return (np.zeros((), np.bool_),)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y the first time."""
        (done,) = operands.state
        if not done.all():
            self.kernel.eval(Unary([operands.input]), outputs, work)
            done.fill(True)


def _repeated(kernel: Any, x: TensorSpec, y: TensorSpec, rule: Rules) -> Any:
    """Run a kernel at every invocation, or only at the first."""
    constant = x.data is not None and y.is_variable and rule.path != "first-scale"
    return Once(kernel) if constant else kernel


@kernel("DEQUANTIZE", "int8", "uint8", "int16", "int4", "uint4", "int2")
@dataclass(frozen=True, slots=True, eq=False)
class Dequantize(Steady):
    """From codes. scale float64, zero int64: () or broadcasting over (S, *shape).

    table: the real of every code, where there is one scale; else None.
    """

    scale: NDArray[np.float64]
    zero: I64
    table: Array | None

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Any:
        """Check the input's scales."""
        x = operands.input
        if rule.path == "first-scale" and x.scale.size > 1:
            x = replace(x, scale=x.scale[:1], zero_point=x.zero_point[:1])
        return _repeated(cls._of(x, rule), x, outputs[0], rule)

    @classmethod
    def _of(cls, x: TensorSpec, rule: Rules) -> Dequantize:
        if x.scale.size > 1:
            shape = along(x)
            return cls(x.scale.astype(np.float64).reshape(shape), x.zero_point.reshape(shape), None)
        scale_of_input(x, "input")
        scale, zero = np.array(x.step), np.array(x.zero, np.int64)
        if rule.plain:
            return cls(scale, zero, None)
        held = {"int4": "int8", "uint4": "uint8", "int2": "int8"}.get(x.dtype, x.dtype)
        exact: Callable[[I64], Array] = cls(scale, zero, None).exact
        return cls(scale, zero, tabulate(exact, held, "float32"))

    def exact(self, x: I64) -> NDArray[np.float32]:
        """The definition: codes → reals."""
        with np.errstate(over="ignore"):
            return (self.scale * (x - self.zero)).astype(np.float32)

    def record(
        self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y."""
        if self.scale.ndim == 0:
            map_codes(self.exact, self.table, operands.input, outputs[0], do)
        else:
            do(lambda y, x: put(y, self.exact(x.astype(np.int64))), outputs[0], operands.input)
        return True


@kernel("DEQUANTIZE", "float16")
@dataclass(frozen=True, slots=True, eq=False)
class Widen(Kernel):
    """From float16: every value is a float32 too."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Any:
        """Check the output's type."""
        return _repeated(cls(), operands.input, outputs[0], rule)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        map_reals(lambda x: x.astype(np.float32), operands.input, outputs[0])
