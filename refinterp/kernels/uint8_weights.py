"""uint8 weights of operators on float32 data: int8 codes under another name.

Converters before int8 existed wrote the symmetric codes of dynamic-range weights as uint8. LiteRT
takes their bytes for int8; so do the kernels made here.
Source    LiteRT kernels/fully_connected.cc, lstm_eval.cc, svdf.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such weights
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Operands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import KERNELS, kernel
from refinterp.kernels.workspace import Workspace


def register_uint8_weights(*operators: str) -> None:
    """Register operators' dynamic-range kernels for weights that are called uint8."""
    for operator in operators:
        entry = KERNELS[operator, "float32x8"]
        made = type(f"{entry.kernel.__name__}OfUint8", (_Relabelled,), {"inner": entry.kernel})
        made.__module__ = entry.kernel.__module__
        kernel(operator, "float32xu8", options=entry.options)(made)


@dataclass(frozen=True, slots=True)
class _Prepared(Kernel):
    """A prepared kernel of int8 weights that is handed uint8 ones."""

    kernel: Kernel

    def zero_points(self) -> bool | None:
        """As the kernel for int8 weights."""
        return self.kernel.zero_points()

    def eval(self, operands: Operands[Any], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the outputs."""
        signed = type(operands)(
            a.view(np.int8) if a is not None and a.dtype == np.uint8 else a for a in operands
        )
        self.kernel.eval(signed, outputs, work)


class _Relabelled(Kernel):
    """A kernel class; inner: the one for int8 weights."""

    inner: Any

    @classmethod
    def prepare(
        cls,
        operands: Operands[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> _Prepared:
        """Prepare the inner kernel for int8 weights."""
        return _Prepared(cls.inner.prepare(_signed(operands), outputs, options, rule))

    @classmethod
    def output_shapes(cls, operands: Operands[TensorSpec], options: Any) -> tuple[Shape, ...]:
        """As the inner kernel's."""
        shapes: tuple[Shape, ...] = cls.inner.output_shapes(_signed(operands), options)
        return shapes


def _signed(operands: Operands[TensorSpec]) -> Operands[TensorSpec]:
    """The operands, with int8 for uint8."""
    return type(operands)(
        spec
        if spec is None or spec.dtype != "uint8"
        else replace(
            spec, dtype="int8", data=None if spec.data is None else spec.data.view(np.int8)
        )
        for spec in operands
    )
