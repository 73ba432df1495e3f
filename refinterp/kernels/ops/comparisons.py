"""EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.

Real      y = a == b, and so on
Integer   R(a_scale, (a - a_zero) << 8) against R(b_scale, (b - b_zero) << 8): bits are lost, so
          codes of unlike reals may count as equal. R is meant for scales below one; from one on C
          leaves it undefined, see fixedpoint.rescale_below_one
Shapes    a, b: broadcast to y by NumPy's rules
Units     a, b: codes, real = scale * (code - zero point), or plain numbers; int16 without scales,
          and for all but EQUAL and NOT_EQUAL always, are plain numbers; y: bool
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales, a scale of
          exactly one
Source    LiteRT kernels/comparisons.cc, internal/reference/comparisons.h (f67457790); tflite-micro
          micro/kernels/comparisons.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM, which aborts on scales from one on, and whose GREATER reads
          parameters it never set where the operands are int16
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape, require_scale
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import PairMap, PlainPair, pair_function
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.fixedpoint import Multiplier, rescale_below_one

I64 = NDArray[np.int64]

_HEADROOM = 8  # bits codes are shifted by, to keep a fraction


def comparison(
    operator: str,
    function: Callable[[Array, Array], Array],
    *dtypes: str,
    quantized: Sequence[str],
    raw16: bool = False,
) -> None:
    """Register a comparison for plain types and for types that may be codes.

    raw16: compare int16 codes as they are, even with scales.
    """
    pair_function(operator, function, *dtypes)

    @kernel(operator, *quantized)
    class Registered(Kernel):
        output_shapes = staticmethod(common_shape)

        @classmethod
        def prepare(
            cls,
            operands: Binary[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: NoOptions,
            rule: Rules,
        ) -> PairMap | PlainPair:
            a, b = operands.left, operands.right
            if a.dtype == "int16" and (raw16 or not a.quantized):
                return PlainPair(function)
            a_factor, b_factor = _factor(a, "first operand"), _factor(b, "second operand")

            def exact(first: I64, second: I64) -> Array:
                return function(
                    rescale_below_one((first - a.zero) << _HEADROOM, a_factor),
                    rescale_below_one((second - b.zero) << _HEADROOM, b_factor),
                )

            return PairMap.of(exact, (a, b), outputs[0], rule)


def _factor(spec: TensorSpec, role: str) -> Multiplier:
    scale = require_scale(spec, role)
    if scale == 1.0:
        raise ModelError(f"{role} {spec.name!r} has scale 1, on which the runtimes abort")
    return Multiplier.of(scale)


_NUMBERS = ("float32", "float16", "int32", "int64")
_CODES = ("int8", "uint8", "int16")

comparison("EQUAL", np.equal, *_NUMBERS, "bool", quantized=_CODES)
comparison("NOT_EQUAL", np.not_equal, *_NUMBERS, "bool", quantized=_CODES)
comparison("GREATER", np.greater, *_NUMBERS, quantized=_CODES, raw16=True)
comparison("GREATER_EQUAL", np.greater_equal, *_NUMBERS, quantized=_CODES, raw16=True)
comparison("LESS", np.less, *_NUMBERS, quantized=_CODES, raw16=True)
comparison("LESS_EQUAL", np.less_equal, *_NUMBERS, quantized=_CODES, raw16=True)
