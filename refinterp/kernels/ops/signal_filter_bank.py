"""SignalFilterBank and what follows it, but SignalPCAN: tflite-micro's mel features.

FilterBank            channel i: sum of weight * x over its frequencies + sum of unweight * x over
                      those of the channel before, in 64 bits
SquareRoot            round(sqrt(x)) >> bits
SpectralSubtraction   noise = (x * smoothing + noise * one_minus) >> bits, kept between invocations;
                      y = max(x - noise, floor(x * min_signal_remaining)); odd channels have
                      smoothing of their own
Log                   log(x << input_correction_bits) * output_scale, at most 32767; 0 for 0 and 1
Shapes                rank 1 throughout
Units                 unsigned integers without a scale; arithmetic wraps as C's does
Raises                ModelError, from prepare only: sizes, options out of range
Source                tflite-micro signal/micro/kernels and signal/src (90b983c2b)
Exact to              TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import FilterBank, ShiftedRoot, Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import unsigned

_LOW32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FilterBankOptions:
    """Custom options of SignalFilterBank."""

    num_channels: int = 0


@kernel("SignalFilterBank", "uint32", options=FilterBankOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SignalFilterBank(Kernel):
    """matrix: uint64 (channels, frequencies), int16 weights modulo 2**64."""

    channels: int
    frequencies: int
    matrix: NDArray[np.uint64]

    @staticmethod
    def output_shapes(
        operands: FilterBank[TensorSpec], options: FilterBankOptions
    ) -> tuple[Shape, ...]:
        """One sum of each channel."""
        return ((options.num_channels,),)

    @classmethod
    def prepare(
        cls,
        operands: FilterBank[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FilterBankOptions,
        rule: Rules,
    ) -> SignalFilterBank:
        """Spread constant weights over the frequencies."""
        x, tables = operands.input, operands[1:]
        channels = count("num_channels", options.num_channels)
        if any(spec.size < channels + 1 for spec in tables[2:]):
            raise ModelError(
                f"{channels} channels need {channels + 1} starts and widths; there are "
                f"{[spec.size for spec in tables[2:]]}"
            )
        values = [spec.data for spec in tables if spec.data is not None]
        if len(values) < len(tables):
            raise ModelError("weights, starts and widths of SignalFilterBank must be constants")
        return cls(channels, x.size, _filter_matrix(channels, x.size, values))

    def eval(self, operands: FilterBank[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x = operands.input
        outputs[0][...] = x.astype(np.uint64) @ self.matrix.T


def _filter_matrix(channels: int, frequencies: int, tables: Sequence[Array]) -> NDArray[np.uint64]:
    weights, unweights, starts, places, widths = (table.astype(np.int64) for table in tables)
    matrix = np.zeros((channels + 2, frequencies), np.int64)
    for channel in range(channels + 1):
        width = max(int(widths[channel]), 0)
        start, place = int(starts[channel]), int(places[channel])
        if width and not (
            0 <= start <= frequencies - width
            and 0 <= place <= min(weights.size, unweights.size) - width
        ):
            raise ModelError(
                f"channel {channel} takes frequencies {start}..{start + width - 1} and weights "
                f"{place}..{place + width - 1}; there are {frequencies} and "
                f"{min(weights.size, unweights.size)}"
            )
        matrix[channel, start : start + width] += weights[place : place + width]
        matrix[channel + 1, start : start + width] += unweights[place : place + width]
    return matrix[1:-1].astype(np.uint64)


@kernel("SignalFilterBankSquareRoot", "uint64", options=NoOptions)
@dataclass(frozen=True, slots=True)
class SignalFilterBankSquareRoot(Kernel):
    """Rounded roots, shifted right."""

    @staticmethod
    def output_shapes(operands: ShiftedRoot[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """As the input."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: ShiftedRoot[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> SignalFilterBankSquareRoot:
        """Nothing is folded."""
        return cls()

    def eval(self, operands: ShiftedRoot[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, bits = operands.input, operands.scale_bits
        shift = bits.astype(np.int64).reshape(-1, 1) & 31  # as x86 shifts
        outputs[0][...] = unsigned.square_root(x) >> shift


@dataclass(frozen=True, slots=True)
class SpectralSubtractionOptions:
    """Custom options of SignalFilterBankSpectralSubtraction."""

    num_channels: int = 0
    smoothing: int = 0
    one_minus_smoothing: int = 0
    alternate_smoothing: int = 0
    alternate_one_minus_smoothing: int = 0
    smoothing_bits: int = 0
    spectral_subtraction_bits: int = 0
    min_signal_remaining: int = 0
    clamping: bool = False


@kernel("SignalFilterBankSpectralSubtraction", "uint32", options=SpectralSubtractionOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SignalFilterBankSpectralSubtraction(Kernel):
    """smoothing, one_minus: uint64 (channels,), by the channel's parity."""

    smoothing: NDArray[np.uint64]
    one_minus: NDArray[np.uint64]
    options: SpectralSubtractionOptions
    remembers: ClassVar[bool] = True

    @staticmethod
    def output_shapes(
        operands: Unary[TensorSpec], options: SpectralSubtractionOptions
    ) -> tuple[Shape, ...]:
        """The signal and the noise estimate, as the input."""
        x = operands.input
        return (x.shape, x.shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SpectralSubtractionOptions,
        rule: Rules,
    ) -> SignalFilterBankSpectralSubtraction:
        """Alternate the coefficients."""
        x = operands.input
        if x.size != options.num_channels:
            raise ModelError(f"{x.size} channels; the options say {options.num_channels}")
        count("smoothing_bits", options.smoothing_bits, 0, 31)
        count("spectral_subtraction_bits", options.spectral_subtraction_bits, 0, 63)
        odd = np.arange(x.size, dtype=np.int64) % 2 == 1

        def alternating(even: int, other: int) -> NDArray[np.uint64]:
            return np.where(odd, other & _LOW32, even & _LOW32).astype(np.uint64)

        return cls(
            alternating(options.smoothing, options.alternate_smoothing),
            alternating(options.one_minus_smoothing, options.alternate_one_minus_smoothing),
            options,
        )

    def state(self) -> Sequence[Array]:
        """The noise estimate."""
        return [np.zeros(self.smoothing.size, np.uint32)]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the signal, the estimate, and the state."""
        x, (state,) = operands.input, operands.state
        y, noise = outputs
        bits = np.uint64(self.options.spectral_subtraction_bits)
        scaling = np.uint64(self.options.smoothing_bits)
        remaining = np.uint64(self.options.min_signal_remaining & _LOW32)
        for index in range(len(y)):
            own = x[min(index, len(x) - 1)].astype(np.uint64)
            scaled = (own << scaling) & np.uint64(_LOW32)
            estimate = scaled * self.smoothing + state[0].astype(np.uint64) * self.one_minus
            estimate = (estimate >> bits) & np.uint64(_LOW32)
            kept = np.minimum(estimate, scaled)
            state[0] = kept if self.options.clamping else estimate
            floor = ((own * remaining) >> bits) & np.uint64(_LOW32)
            y[index] = np.maximum((scaled - kept) >> scaling, floor)
            noise[index] = state[0]


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Custom options of SignalFilterBankLog."""

    input_correction_bits: int = 0
    output_scale: int = 0


@kernel("SignalFilterBankLog", "uint32", options=LogOptions)
@dataclass(frozen=True, slots=True)
class SignalFilterBankLog(Kernel):
    """Logarithms."""

    bits: int
    scale: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: LogOptions) -> tuple[Shape, ...]:
        """As the input."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: LogOptions,
        rule: Rules,
    ) -> SignalFilterBankLog:
        """Fold the options."""
        bits = count("input_correction_bits", options.input_correction_bits, 0, 31)
        return cls(bits, options.output_scale & _LOW32)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x = operands.input
        scaled = (x.astype(np.int64) << self.bits) & _LOW32
        logs = unsigned.log(np.maximum(scaled, 2), self.scale)
        outputs[0][...] = np.where(scaled > 1, np.minimum(logs, 32767), 0)
