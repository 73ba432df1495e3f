"""The LSTM cell on reals: float32 weights, or int8 ones with rows quantized as they come.

gate    = activation(W x + V a + R h + P c + b), or activation(N * normalized(...) + b)
cell    = clip(forget * cell + input * candidate); without an input gate: (1 - forget) * candidate
output  = clip(projection(output gate * activation(cell)))
Gates have the logistic function; the candidate and the cell the operator's own activation. x: data,
a: auxiliary data, h: previous output, c: the cell's state, before the step for the input and forget
gate, after it for the output gate.

Source: LiteRT kernels/lstm_eval.cc (f67457790); tflite-micro micro/kernels/lstm_eval.h (90b983c2b),
which has neither peepholes, projection nor normalization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import FullLstm, GateOperands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array
from refinterp.kernels.weighted import product_scale
from refinterp.numerics.recurrent import Activation, Rows, WeightProduct, normalized, sigmoid

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RealGate:
    """One gate: data, auxiliary and recurrent products, peephole, normalization, bias (cells,)."""

    data: WeightProduct
    auxiliary: WeightProduct | None
    recurrent: WeightProduct
    peephole: F32 | None
    norm: F32 | None
    bias: F32

    def __call__(self, x: Rows, a: Rows | None, h: Rows, c: F32) -> F32:
        """Return the gate before its activation, (rows, cells)."""
        total = np.zeros_like(self.bias) if self.norm is not None else self.bias
        total = total + self.data(x)
        if self.auxiliary is not None and a is not None:
            total += self.auxiliary(a)
        total += self.recurrent(h)
        if self.peephole is not None:
            total += self.peephole * c
        if self.norm is not None:
            total = normalized(total) * self.norm + self.bias
        return total


@dataclass(frozen=True, slots=True, eq=False)
class RealCell:
    """All gates; input is None for a cell without an input gate."""

    input: RealGate | None
    forget: RealGate
    cell: RealGate
    output: RealGate
    projection: WeightProduct | None
    projection_bias: F32 | None
    candidate: Activation
    squash: Activation
    cell_clip: np.float32
    proj_clip: np.float32
    asymmetric: bool

    @classmethod
    def of(
        cls,
        operands: FullLstm[TensorSpec],
        arrays: FullLstm[Array],
        options: lstm.LstmOptions,
        candidate: Activation,
        squash: Activation,
        auxiliary: Mapping[str, WeightProduct] = MappingProxyType({}),
    ) -> RealCell:
        """Lay out the weights. arrays: their values (*shape). auxiliary: products by gate."""

        def gate(name: str) -> RealGate:
            return _gate(operands.gate(name), arrays.gate(name), auxiliary.get(name))

        spec, projection = operands.projection_weights, arrays.projection_weights
        return cls(
            None if operands.input_to_input_weights is None else gate("input"),
            gate("forget"),
            gate("cell"),
            gate("output"),
            None
            if projection is None or spec is None
            else WeightProduct.of(projection, product_scale(spec)),
            arrays.projection_bias,
            candidate,
            squash,
            np.float32(options.cell_clip),
            np.float32(options.proj_clip),
            options.asymmetric_quantize_inputs,
        )

    def run(self, x: F32, y: F32, h: F32, c: F32, a: F32 | None = None) -> None:
        """Run a sequence: x (time, batch, n), y (time, batch, outputs); the states change.

        h (batch, outputs), c (batch, cells); a: auxiliary data, as x.
        """
        for time in range(len(x)):
            own = Rows(x[time], self.asymmetric)
            more = None if a is None else Rows(a[time], self.asymmetric)
            self._step(own, more, h, c)
            y[time] = h

    def _step(self, x: Rows, a: Rows | None, h: F32, c: F32) -> None:
        before = Rows(h, self.asymmetric)
        forget = sigmoid(self.forget(x, a, before, c))
        if self.input is not None:
            gate = sigmoid(self.input(x, a, before, c))
        else:
            gate = np.float32(1) - forget
        candidate = self.candidate(self.cell(x, a, before, c))
        c *= forget
        c += candidate * gate
        if self.cell_clip > 0:
            np.clip(c, -self.cell_clip, self.cell_clip, out=c)
        out = sigmoid(self.output(x, a, before, c)) * self.squash(c)
        if self.projection is not None:
            out = self.projection(Rows(out, self.asymmetric))
            if self.projection_bias is not None:
                out = out + self.projection_bias
            if self.proj_clip > 0:
                np.clip(out, -self.proj_clip, self.proj_clip, out=out)
        h[...] = out


def _gate(
    specs: GateOperands[TensorSpec], arrays: GateOperands[Array], auxiliary: WeightProduct | None
) -> RealGate:
    weights, spec = arrays.peephole_weights, specs.peephole_weights
    if weights is not None and spec is not None:
        scale = product_scale(spec)
        weights = weights if scale is None else weights.astype(np.float32) * scale
    return RealGate(
        WeightProduct.of(arrays.weights, product_scale(specs.weights)),
        auxiliary,
        WeightProduct.of(arrays.recurrent_weights, product_scale(specs.recurrent_weights)),
        weights,
        arrays.layer_norm,
        arrays.bias,
    )
