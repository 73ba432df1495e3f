"""SignalFftAutoScale, SignalRfft, SignalIrfft: tflite-micro's Fourier transforms.

Real      Rfft: the spectrum of each row, padded with zeros to fft_length; Irfft: its inverse,
          divided by fft_length. AutoScale: x * 2**bits, and bits
Integer   fixed-point butterflies that divide by their radix, see `numerics.kissfft`; the integer
          inverse is not divided further. AutoScale: bits so that the largest fits 15 bits
Shapes    Rfft: x (..., n) → (..., fft_length + 2); Irfft the reverse; AutoScale: x (n,) → (n,), ()
Units     complex numbers lie as real, imaginary part; codes carry no scale
Raises    ModelError, from prepare only: sizes. UnsupportedError: a length whose half has
          prime factors beyond 5
Source    tflite-micro signal/micro/kernels/rfft.cc, irfft.cc, fft_auto_scale_kernel.cc (90b983c2b)
Exact to  TFLM; float32 too but for the compiler's freedom
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.kissfft import Transform, transform


@dataclass(frozen=True, slots=True)
class FftOptions:
    """Custom options of SignalRfft and SignalIrfft; T is a tensor type's number."""

    fft_length: int = 0
    T: int = 7


_TYPES = {0: "float32", 2: "int32", 7: "int16"}


def _transform(x: TensorSpec, y: TensorSpec, options: FftOptions, *, inverse: bool) -> Transform:
    if _TYPES.get(options.T) != x.dtype or y.dtype != x.dtype:
        raise ModelError(
            f"a transform of type {_TYPES.get(options.T, options.T)} from {x.dtype} to {y.dtype}; "
            "all three must be the same"
        )
    return transform(x.dtype, options.fft_length, inverse=inverse)


@kernel("SignalRfft", "int16", "int32", "float32", options=FftOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SignalRfft(Kernel):
    """Rows to spectra."""

    transform: Transform

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: FftOptions) -> tuple[Shape, ...]:
        """Real and imaginary part of fft_length / 2 + 1 frequencies."""
        x = operands.input
        if not x.shape or not 0 < x.shape[-1] <= options.fft_length:
            raise ModelError(
                f"rows of shape {list(x.shape)} are longer than fft_length {options.fft_length}, "
                "or none"
            )
        return ((*x.shape[:-1], options.fft_length + 2),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FftOptions,
        rule: Rules,
    ) -> SignalRfft:
        """Make the tables."""
        return cls(_transform(operands.input, outputs[0], options, inverse=False))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        rows = np.zeros((*x.shape[:-1], self.transform.length), x.dtype)
        rows[..., : x.shape[-1]] = x
        y[..., 0::2], y[..., 1::2] = self.transform.forward(rows)


@kernel("SignalIrfft", "int16", "int32", "float32", options=FftOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SignalIrfft(Kernel):
    """Spectra to rows."""

    transform: Transform

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: FftOptions) -> tuple[Shape, ...]:
        """fft_length points."""
        x = operands.input
        if not x.shape or x.shape[-1] != options.fft_length + 2:
            raise ModelError(
                f"a spectrum of shape {list(x.shape)}; its last size must be fft_length + 2, "
                f"{options.fft_length + 2}"
            )
        return ((*x.shape[:-1], options.fft_length),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FftOptions,
        rule: Rules,
    ) -> SignalIrfft:
        """Make the tables."""
        return cls(_transform(operands.input, outputs[0], options, inverse=True))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        rows = self.transform.backward(x[..., 0::2], x[..., 1::2])
        y[...] = rows / np.float32(self.transform.length) if y.dtype == np.float32 else rows


@kernel("SignalFftAutoScale", "int16", options=NoOptions)
@dataclass(frozen=True, slots=True)
class SignalFftAutoScale(Kernel):
    """A row scaled up by the power of two that its largest element leaves room for."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """The row, and one number."""
        return (operands.input.shape, ())

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> SignalFftAutoScale:
        """Nothing is folded."""
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the bits."""
        x = operands.input
        y, bits = outputs
        for index in range(len(y)):
            own = x[min(index, len(x) - 1)].astype(np.int64)
            most = _largest(own)
            shift = max(0, 15 - most.bit_length()) if most > 0 else 0
            y[index] = own << shift
            bits[index] = shift


def _largest(x: Array) -> int:
    """The largest magnitude in int16, where that of -32768 is -32768.

    After one, the search goes on from there: negative numbers that rise count as larger, until
    one does not rise, from which on magnitudes count.
    """
    lowest = np.flatnonzero(x == -32768)
    if not lowest.size:
        return int(np.abs(x).max(initial=0))
    rest = x[lowest[-1] + 1 :]
    if not rest.size:
        return -32768
    before = np.concatenate([[-32768], rest[:-1]])
    turned = np.flatnonzero((rest >= 0) | (rest <= before))
    return int(np.abs(rest[turned[0] :]).max()) if turned.size else int(rest[-1])
