"""FULLY_CONNECTED with weights stored in other ways: blocks of int4 codes, shuffled uint8 codes.

Blocks    float32 x, int4 w with a float16 scale per unit and block of depth: rows of x become int8
          codes q of scale s and zero point z; y = (sum over blocks of (sum(w * q) * w_scale) - z *
          sum over blocks of (sum(w) * w_scale)) * s + bias, block after block in float32; no
          activation
Shuffled  uint8 x and w, zero points 128, int16 y: four units by sixteen of depth at a time, the
          sign turned; y = clip(R(sum((w - 128) * (x - 128)) + bias)). A second output holds x as it
          was multiplied: one row as it is, of four rows sixteen elements each in turn, the sign
          turned
Source    LiteRT kernels/fully_connected.cc (EvalBlockwise4Bit), internal/reference/
          fully_connected.h (ShuffledFullyConnected; f67457790)
Exact to  LiteRT BUILTIN_REF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.weighted import bias_values, constant, legacy_factors
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds
from refinterp.numerics.dynamic import asymmetric
from refinterp.numerics.requantize import Requantizer

F32 = NDArray[np.float32]
_UNITS, _DEPTH = 4, 16


@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedBlockwise(Kernel):
    """weights: float32 (blocks, block, units), whole numbers; scales: float32 (blocks, units).

    zeros: float32 (units,), the sum of weights times scales, added block after block.
    """

    weights: F32
    scales: F32
    zeros: F32

    @classmethod
    def of(cls, w: TensorSpec) -> FullyConnectedBlockwise:
        """Lay out constant weights; raises ModelError for blocks that do not fill the depth."""
        codes = constant(w, "weights").astype(np.float32)
        units, depth = codes.shape
        size = w.block_size
        if depth % size or w.scale.size != units * (depth // size):
            raise ModelError(
                f"weights {w.name!r} of shape {list(w.shape)} have {w.scale.size} scales for "
                f"blocks of {size}"
            )
        weights = codes.reshape(units, depth // size, size).transpose(1, 2, 0)
        scales = w.scale.reshape(units, -1).T
        zeros = scales * weights.sum(axis=1, dtype=np.float32)
        zeros = np.add.accumulate(zeros, axis=0, dtype=np.float32)[-1]
        return cls(np.ascontiguousarray(weights), np.ascontiguousarray(scales), zeros)

    def zero_points(self) -> bool:
        """Always."""
        return True

    def eval(self, operands: Weighted[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, ..., units)."""
        x, bias, y = operands.input, operands.bias, outputs[0]
        blocks, size, units = self.weights.shape
        rows = asymmetric(x.reshape(-1, blocks * size))
        codes = rows.codes.reshape(-1, blocks, size).transpose(1, 0, 2)
        steps = np.matmul(codes, self.weights)  # (blocks, rows, units), exact
        steps *= self.scales[:, None]
        out = np.add.accumulate(steps, axis=0, dtype=steps.dtype)[-1]
        out -= rows.zero[:, None] * self.zeros
        out *= rows.scale[:, None]
        out = out.reshape(len(x), -1, units)
        if bias is not None:
            out += bias.reshape(len(bias), 1, units)
        np.copyto(y, out.reshape(len(x), *y.shape[1:]))


@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedShuffled(Kernel):
    """weights: int32 (depth, units), without zero point."""

    weights: NDArray[np.int32]
    requantizer: Requantizer

    @classmethod
    def of(
        cls, operands: Weighted[TensorSpec], y: TensorSpec, activation: str | int
    ) -> FullyConnectedShuffled:
        """Put the weights in order; raises ModelError for types and sizes without this form."""
        x, w, bias = operands.input, operands.filter, operands.bias
        units, depth = w.shape
        if (x.dtype, w.dtype, y.dtype) != ("uint8", "uint8", "int16") or bias is None:
            raise ModelError("shuffled weights need uint8 data and weights, a bias, int16 output")
        rows = x.size // depth if depth else 0
        if units % _UNITS or depth % _DEPTH or rows not in (1, 4):
            raise ModelError(
                f"shuffled weights of shape {list(w.shape)} with {rows} rows of data; "
                f"allowed: multiples of {_UNITS} by {_DEPTH}, and 1 or 4 rows"
            )
        codes = constant(w, "weights").view(np.int8)
        tiles = codes.reshape(units // _UNITS, depth // _DEPTH, _UNITS, _DEPTH)
        weights = tiles.transpose(0, 2, 1, 3).reshape(units, depth)
        low, high = integer_bounds(activation, y.dtype, y.step, y.zero)
        requantizer = Requantizer.prepare(
            legacy_factors(x, w, y, units), bias_values(bias, units), 0, low, high,
            rounding="double",
        )  # fmt: skip
        return cls(weights.T.astype(np.int32), requantizer)

    def eval(self, operands: Weighted[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the data as they are multiplied."""
        x, y, shuffled = operands.input, outputs[0], outputs[1]
        depth, units = self.weights.shape
        turned = (x ^ np.uint8(0x80)).reshape(len(x), -1, depth)
        sums = turned.view(np.int8).astype(np.int32) @ self.weights
        self.requantizer(sums.reshape(-1, units), y.reshape(-1, units))
        chunks = turned.reshape(len(x), -1, depth // _DEPTH, _DEPTH).transpose(0, 2, 1, 3)
        np.copyto(shuffled, chunks.reshape(len(x), *shuffled.shape[1:]))
