"""What the operators of TFLM's signal library take: audio front ends, as custom operators.

Source    TFLM `signal/micro/kernels/` and `signal/src/` at 90b983c2b, and the layout of kiss_fft's
          state (`kiss_fft.h`, `kiss_fftr.c`) that they pin. Options are a FlexBuffers map whose
          values TFLM takes by position, in order of their keys.
"""

from __future__ import annotations

import math
from typing import Any, Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.operation import TflmOperation

_FFT_TYPES: Final = {0: 4, 2: 4, 7: 2}  # TensorType → bytes: float32, int32, int16


def _number(op: TflmOperation, position: int) -> int:
    values = op.map_values()
    op.require(position < len(values), f"its options are {len(values)} values, too few")
    return int(values[position])


def _item(op: TflmOperation, allowed: tuple[int, ...]) -> int:
    kind = int(op.option_map().get("T", -1))
    op.require(kind in allowed, f"option T is {kind}; its kernels are for {allowed}")
    return _FFT_TYPES[kind]


def _frames(op: TflmOperation, ref: str, inner: int) -> int:
    """Product of the leading dimensions, the last `inner` left out."""
    return math.prod(op[ref].shape[:-inner])


def _circular_buffer(op: TflmOperation, capacity: int) -> int:
    return op.size("CircularBuffer") + 2 * 2 * capacity


def _buffers(op: TflmOperation, count: int, capacity: int) -> None:
    op.keep(op.pointer * count, "pointers to the states")
    op.keep(op.pointer * count, "pointers to the circular buffers")
    for _ in range(count):
        op.keep(_circular_buffer(op, capacity), "circular buffer")


def delay(op: TflmOperation) -> None:
    """Prepare of SignalDelay."""
    op.temps("i0 o0")
    _buffers(op, _frames(op, "i0", 1), op["i0"].shape[-1] + _number(op, 0))


def framer(op: TflmOperation) -> None:
    """Prepare of SignalFramer."""
    op.temps("i0 o0 o1")
    size, step = _number(op, 0), _number(op, 1)
    op.require(step > 0, "frame_step is 0")
    _buffers(op, _frames(op, "i0", 1), -(-size // step) * step)


def stacker_init(op: TflmOperation) -> None:
    """Init of SignalStacker."""
    channels, left, right = (_number(op, i) for i in range(3))
    op.keep(_circular_buffer(op, channels * (left + right + 1)), "circular buffer")


def filter_bank_init(op: TflmOperation) -> None:
    """Init of SignalFilterBank."""
    op.keep(8 * (_number(op, 0) + 1), "one sum per channel")


def spectral_subtraction_init(op: TflmOperation) -> None:
    """Init of SignalFilterBankSpectralSubtraction."""
    op.keep(4 * _number(op, 4), "noise estimate per channel")


def fft_state(op: TflmOperation, item: int) -> int:
    """Bytes of kiss_fft's state for a real transform of items of this size."""
    half = _number(op, 1) // 2
    state = op.size("kiss_fft_state") + 2 * item * half
    return op.size("kiss_fftr_state") + state + 2 * item * (half * 3 // 2)


def rfft_init(op: TflmOperation) -> None:
    """Init of SignalRfft."""
    op.keep(fft_state(op, _item(op, (0, 2, 7))), "FFT tables")


def irfft_init(op: TflmOperation) -> None:
    """Init of SignalIrfft: in float32 the length is kept as well."""
    item = _item(op, (0, 2, 7))
    kept = op.size("IrfftFloatState") if int(op.option_map()["T"]) == 0 else 0
    op.keep(kept + fft_state(op, item), "FFT tables")


def rfft(op: TflmOperation) -> None:
    """Prepare of SignalRfft."""
    op.temps("i0 o0")
    op.scratch(_number(op, 1) * _item(op, (0, 2, 7)), "padded input")


def overlap_add(op: TflmOperation) -> None:
    """Prepare of SignalOverlapAdd."""
    op.temps("i0 o0")
    item, frames = _item(op, (0, 7)), _frames(op, "i0", 2)
    op.keep(op.pointer * frames, "pointers to the states")
    for _ in range(frames):
        op.keep(item * op["i0"].shape[-1], "state")


_MEASURED: Final = frozenset(
    {
        "SignalEnergy", "SignalFftAutoScale", "SignalFilterBank", "SignalFilterBankLog",
        "SignalFilterBankSpectralSubtraction", "SignalFilterBankSquareRoot", "SignalPCAN",
        "SignalRfft", "SignalWindow",
    }
)  # fmt: skip


def _row(operator: str, data: str | None, temps: str = "", **more: Any) -> Footprint:
    measured = operator in _MEASURED
    return Footprint(operator, None, data, temps, measured=measured, **more)


ROWS: Final[tuple[Footprint, ...]] = (
    _row("SignalDelay", "SignalDelayParams", prepare=delay),
    _row("SignalEnergy", "SignalEnergyParams", "i0 o0"),
    _row("SignalFftAutoScale", None, "i0 o0 o1"),
    _row("SignalFilterBank", "SignalFilterBankParams", "i0 i1 i2 i3 i4 i5 o0",
         init=filter_bank_init),
    _row("SignalFilterBankLog", "SignalLogParams", "i0 o0"),
    _row("SignalFilterBankSpectralSubtraction", "SignalSpectralSubtractionParams", "i0 o0 o1",
         init=spectral_subtraction_init),
    _row("SignalFilterBankSquareRoot", None, "i0 i1 o0"),
    _row("SignalFramer", "SignalFramerParams", prepare=framer),
    _row("SignalIrfft", "SignalIrfftParams", "i0 o0", init=irfft_init),
    _row("SignalOverlapAdd", "SignalOverlapAddParams", prepare=overlap_add),
    _row("SignalPCAN", "SignalPcanParams", "i0 i1 i2 o0"),
    _row("SignalRfft", "SignalRfftParams", init=rfft_init, prepare=rfft),
    _row("SignalStacker", "SignalStackerParams", "i0 o0 o1", init=stacker_init),
    _row("SignalWindow", "SignalWindowParams", "i0 i1 o0"),
)  # fmt: skip
