"""tflite-micro's signal operators: several invocations each, since most of them remember."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, codes, shape
from refinterp.graph.build import GraphBuilder
from refinterp.graph.flexbuffer import write_map

_NUMBER = {"float32": 0, "int32": 2, "int16": 7}  # of a tensor type, in options called T
_FAST = [4, 6, 8, 10, 12, 16, 18, 20, 24, 30, 32, 40, 48, 50, 60, 64, 90, 100, 128, 150, 256, 512]

Sample = list[NDArray[Any]]


def _case(
    name: str,
    options: Mapping[str, Any] | None,
    g: GraphBuilder,
    operands: list[int],
    results: list[tuple[tuple[int, ...], str]],
    samples: list[Sample],
    *,
    written: tuple[int, int] | None = None,
) -> Case:
    """One operator.

    written: the elements of the output that it writes at all. Two outputs of which the second is a
    bool: the first is written where that is true. What is not written is cut off or replaced.
    """
    outputs = [g.tensor(f"y{i}", dims, kind) for i, (dims, kind) in enumerate(results)]
    data = b"" if options is None else write_map(options)
    g.operator(name, operands, outputs, custom_options=data)
    if written is not None:
        start, stop = written
        bounds = [g.constant(n, np.array([v], np.int32)) for n, v in (("at", start), ("to", stop))]
        ones = g.constant("by", np.array([1], np.int32))
        some = g.tensor("some", (stop - start,), "int32")
        signed = g.tensor("signed", results[0][0], "int32")
        types = {"in_data_type": "uint32", "out_data_type": "int32"}
        g.operator("CAST", [outputs[0]], [signed], types)
        g.operator("STRIDED_SLICE", [signed, *bounds, ones], [some])
        outputs = [some]
    if len(results) == 2 and results[1][1] == "bool":
        dims, kind = results[0]
        blank = g.constant("blank", np.zeros(dims, np.int16))
        shown = g.tensor("shown", dims, kind)
        g.operator("SELECT_V2", [outputs[1], outputs[0], blank], [shown])
        outputs = [shown, outputs[1]]
    return Case(g.build(outputs=outputs), samples, float_tolerance=1e-6)


def _data(d: Draw, dims: tuple[int, ...], kind: str) -> NDArray[Any]:
    if kind == "float32":
        return np.asarray(d.rng.standard_normal(dims), np.float32)
    if kind == "uint64":
        bits = d.rng.integers(0, 65, dims)
        values = d.rng.integers(0, 2**64 - 1, dims, np.uint64, endpoint=True)
        return np.where(bits == 0, np.uint64(0), values >> (64 - bits).astype(np.uint64))
    if kind == "uint32" and chance(d, 60):
        bits = d.rng.integers(0, 33, dims)
        values = d.rng.integers(0, 2**32 - 1, dims, np.uint32, endpoint=True)
        return np.where(bits == 0, 0, values >> np.minimum(32 - bits, 31)).astype(np.uint32)
    return codes(d, dims, kind)


def _times(d: Draw) -> range:
    return range(d.integer(1, 6))


@generator("SignalWindow", "int16")
def window(d: Draw, dtype: str) -> Case:
    """Products with a window that is repeated."""
    g = GraphBuilder()
    size = d.integer(1, 20)
    dims = (*shape(d, d.integer(0, 2), 4), size)
    x = g.input("x", dims, dtype)
    w = g.constant("w", codes(d, (size,), dtype), dtype)
    options = {"shift": d.integer(0, 16)}
    return _case(
        "SignalWindow", options, g, [x, w], [(dims, dtype)], [[_data(d, dims, dtype)]]
    )  # fmt: skip


@generator("SignalDelay", "int16")
def delay(d: Draw, dtype: str) -> Case:
    """Delays shorter and longer than a frame."""
    g = GraphBuilder()
    dims = (*shape(d, d.integer(0, 2), 3), d.integer(1, 12))
    x = g.input("x", dims, dtype)
    samples = [[_data(d, dims, dtype)] for _ in _times(d)]
    options = {"delay_length": d.integer(1, 30)}
    return _case("SignalDelay", options, g, [x], [(dims, dtype)], samples)


@generator("SignalFramer", "int16")
def framer(d: Draw, dtype: str) -> Case:
    """Overlapping and separate frames, from the start or after a prefill."""
    g = GraphBuilder()
    lead = shape(d, d.integer(0, 2), 3)
    step = d.integer(1, 8)
    prefill = chance(d, 50)
    size = d.integer(step if prefill else 1, 25)
    frames = d.integer(1, 4)
    dims = (*lead, step * frames)
    x = g.input("x", dims, dtype)
    options = {"frame_size": size, "frame_step": step, "prefill": prefill}
    results = [((*lead, frames, size), dtype), ((), "bool")]
    samples = [[_data(d, dims, dtype)] for _ in _times(d)]
    return _case("SignalFramer", options, g, [x], results, samples)


@generator("SignalStacker", "int16")
def stacker(d: Draw, dtype: str) -> Case:
    """Contexts on both sides, steps up to the whole row."""
    g = GraphBuilder()
    channels, left, right = d.integer(1, 8), d.integer(0, 4), d.integer(0, 4)
    x = g.input("x", (channels,), dtype)
    options = {
        "num_channels": channels,
        "stacker_left_context": left,
        "stacker_right_context": right,
        "stacker_step": d.integer(1, left + right + 1),
    }
    results = [((channels * (left + right + 1),), dtype), ((), "bool")]
    samples = [[_data(d, (channels,), dtype)] for _ in range(d.integer(1, 10))]
    return _case("SignalStacker", options, g, [x], results, samples)


@generator("SignalOverlapAdd", "int16", "float32")
def overlap_add(d: Draw, dtype: str) -> Case:
    """Frames that overlap once, many times or not at all."""
    g = GraphBuilder()
    lead = shape(d, d.integer(0, 2), 3)
    size, frames = d.integer(1, 12), d.integer(1, 4)
    step = d.integer(1, size)
    dims = (*lead, frames, size)
    x = g.input("x", dims, dtype)
    options = {"T": _NUMBER[dtype], "frame_step": step}
    samples = [[_data(d, dims, dtype)] for _ in _times(d)]
    results = [((*lead, frames * step), dtype)]
    return _case("SignalOverlapAdd", options, g, [x], results, samples)


@generator("SignalFftAutoScale", "int16")
def auto_scale(d: Draw, dtype: str) -> Case:
    """Rows of any size, the lowest code among them."""
    g = GraphBuilder()
    dims = (d.integer(1, 20),)
    x = g.input("x", dims, dtype)
    samples = []
    for _ in _times(d):
        row = (_data(d, dims, dtype) >> d.integer(0, 15)).astype(np.int16)
        if chance(d, 30):
            row[d.integer(0, dims[0] - 1)] = -32768
        samples.append([row])
    return _case("SignalFftAutoScale", None, g, [x], [(dims, dtype), ((), "int32")], samples)


@generator("SignalRfft", "int16", "int32", "float32")
def rfft(d: Draw, dtype: str) -> Case:
    """All radices, rows shorter than the transform."""
    g = GraphBuilder()
    length = choice(d, _FAST)
    lead = shape(d, d.integer(0, 2), 3)
    dims = (*lead, length if chance(d, 60) else d.integer(1, length))
    x = g.input("x", dims, dtype)
    options = {"T": _NUMBER[dtype], "fft_length": length}
    samples = [[_data(d, dims, dtype)] for _ in range(2)]
    return _case("SignalRfft", options, g, [x], [((*lead, length + 2), dtype)], samples)


@generator("SignalIrfft", "int16", "int32", "float32")
def irfft(d: Draw, dtype: str) -> Case:
    """All radices; spectra of no signal in particular."""
    g = GraphBuilder()
    length = choice(d, _FAST)
    lead = shape(d, d.integer(0, 2), 3)
    dims = (*lead, length + 2)
    x = g.input("x", dims, dtype)
    options = {"T": _NUMBER[dtype], "fft_length": length}
    samples = [[_data(d, dims, dtype)] for _ in range(2)]
    return _case("SignalIrfft", options, g, [x], [((*lead, length), dtype)], samples)


@generator("SignalEnergy", "int16")
def energy(d: Draw, dtype: str) -> Case:
    """The first frequencies, up to all of them."""
    g = GraphBuilder()
    half = d.integer(1, 20)
    dims = (2 * half,)
    x = g.input("x", dims, dtype)
    start = d.integer(0, half - 1)
    end = d.integer(start + 1, half)
    options = {"start_index": start, "end_index": end}
    samples = [[_data(d, dims, dtype)] for _ in _times(d)]
    results = [((half,), "uint32")]
    return _case("SignalEnergy", options, g, [x], results, samples, written=(start, end))


@generator("SignalFilterBank", "uint32")
def filter_bank(d: Draw, dtype: str) -> Case:
    """Channels of any width anywhere."""
    g = GraphBuilder()
    size, channels = d.integer(1, 40), d.integer(1, 10)
    widths = [d.integer(0, min(size, 8)) for _ in range(channels + 1)]
    starts = [d.integer(0, size - width) for width in widths]
    weights = max(sum(widths), 1)
    places = [d.integer(0, weights - width) for width in widths]
    x = g.input("x", (size,), dtype)
    tables = [
        g.constant(name, np.asarray(values, np.int16))
        for name, values in (
            ("weights", codes(d, (weights,), "int16")),
            ("unweights", codes(d, (weights,), "int16")),
            ("starts", starts),
            ("places", places),
            ("widths", widths),
        )
    ]
    samples = [[_data(d, (size,), dtype)] for _ in _times(d)]
    options = {"num_channels": channels}
    results = [((channels,), "uint64")]
    return _case("SignalFilterBank", options, g, [x, *tables], results, samples)


@generator("SignalFilterBankSquareRoot", "uint64")
def square_root(d: Draw, dtype: str) -> Case:
    """Numbers of every bit length, and those next to squares."""
    g = GraphBuilder()
    dims = (d.integer(1, 30),)
    x = g.input("x", dims, dtype)
    bits = g.input("bits", (), "int32")
    samples = []
    for _ in _times(d):
        values = _data(d, dims, dtype)
        if chance(d, 50):
            root = d.rng.integers(0, 2**32 - 1, dims, np.uint64, endpoint=True)
            values = root * root + d.rng.integers(-1, 2, dims).astype(np.uint64)
        samples.append([values, np.array(d.integer(0, 15), np.int32)])
    name = "SignalFilterBankSquareRoot"
    return _case(name, None, g, [x, bits], [(dims, "uint32")], samples)


@generator("SignalFilterBankSpectralSubtraction", "uint32")
def spectral_subtraction(d: Draw, dtype: str) -> Case:
    """Sensible smoothing, and any numbers at all."""
    g = GraphBuilder()
    channels = d.integer(1, 12)
    x = g.input("x", (channels,), dtype)
    bits = d.integer(0, 20)
    one = 1 << bits
    some = [d.integer(0, one) if chance(d, 80) else d.integer(0, 2**31 - 1) for _ in range(5)]
    options = {
        "num_channels": channels,
        "smoothing": some[0],
        "one_minus_smoothing": max(one - some[0], 0) if chance(d, 70) else some[1],
        "alternate_smoothing": some[2],
        "alternate_one_minus_smoothing": max(one - some[2], 0) if chance(d, 70) else some[3],
        "smoothing_bits": d.integer(0, 12),
        "spectral_subtraction_bits": bits,
        "min_signal_remaining": some[4],
        "clamping": chance(d, 50),
    }
    samples = [[_data(d, (channels,), dtype)] for _ in _times(d)]
    results = [((channels,), "uint32")] * 2
    return _case("SignalFilterBankSpectralSubtraction", options, g, [x], results, samples)


@generator("SignalPCAN", "uint32")
def pcan(d: Draw, dtype: str) -> Case:
    """Any gain table, estimates of every bit length."""
    g = GraphBuilder()
    dims = (d.integer(1, 30),)
    x, noise = g.input("x", dims, dtype), g.input("noise", dims, dtype)
    table = codes(d, (125,), "int16") if chance(d, 50) else d.rng.integers(0, 2000, 125)
    gain = g.constant("gain", table.astype(np.int16))
    samples = [[_data(d, dims, dtype), _data(d, dims, dtype)] for _ in _times(d)]
    options = {"snr_shift": d.integer(0, 20)}
    return _case("SignalPCAN", options, g, [x, noise, gain], [(dims, "uint32")], samples)


@generator("SignalFilterBankLog", "uint32")
def log(d: Draw, dtype: str) -> Case:
    """Numbers of every bit length, small and large scales."""
    g = GraphBuilder()
    dims = (d.integer(1, 30),)
    x = g.input("x", dims, dtype)
    samples = [[_data(d, dims, dtype)] for _ in _times(d)]
    options = {
        "input_correction_bits": d.integer(0, 8),
        "output_scale": choice(d, [64, 1, 1600, 32768, d.integer(0, 2**20)]),
    }
    return _case("SignalFilterBankLog", options, g, [x], [(dims, "int16")], samples)
