"""TFLM's operators of the audio front end, and the buffer that feeds streaming models."""

from __future__ import annotations

from refinterp.verdicts.checks import has_dimensions, rank, refuse, types
from refinterp.verdicts.common import input_count
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm


def _signature(
    node: Node,
    inputs: tuple[tuple[int | None, str], ...],
    outputs: tuple[tuple[int | None, str], ...],
) -> None:
    """Counts, ranks (None: any) and types of a signal operator's operands."""
    node.counts(len(inputs), len(outputs))
    operands = [(node.x(i), *want) for i, want in enumerate(inputs)]
    operands += [(node.y(i), *want) for i, want in enumerate(outputs)]
    for operand, dims, _ in operands:
        if dims is not None:
            rank(operand, dims)
    for operand, _, dtype in operands:
        types(operand, dtype)


_SIGNATURES = {
    "SignalDelay": (((None, "int16"),), ((None, "int16"),)),
    "SignalEnergy": (((1, "int16"),), ((1, "uint32"),)),
    "SignalFftAutoScale": (((1, "int16"),), ((1, "int16"), (0, "int32"))),
    "SignalFilterBank": (((1, "uint32"), *((1, "int16"),) * 5), ((1, "uint64"),)),
    "SignalFilterBankLog": (((1, "uint32"),), ((1, "int16"),)),
    "SignalFilterBankSpectralSubtraction": (((1, "uint32"),), ((1, "uint32"), (1, "uint32"))),
    "SignalFilterBankSquareRoot": (((1, "uint64"), (0, "int32")), ((1, "uint32"),)),
    "SignalPCAN": (((1, "uint32"), (1, "uint32"), (1, "int16")), ((1, "uint32"),)),
    "SignalStacker": (((1, "int16"),), ((1, "int16"), (0, "bool"))),
}
"""Ranks and types of inputs and outputs."""


@tflm(*_SIGNATURES)
def signal(node: Node) -> None:
    """Operators of the audio front end that ask for these ranks and types alone."""
    _signature(node, *_SIGNATURES[node.name])


@tflm("SignalFramer")
def framer(node: Node) -> None:
    """Overlapping frames."""
    node.counts(1, 2)
    x, y, valid = node.x(), node.y(0), node.y(1)
    if x.rank + 1 != y.rank:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {x.rank + 1}")
    rank(valid, 0)
    types(x, "int16")
    types(y, "int16")
    types(valid, "bool")
    step, size = int(node.option("frame_step", 0)), x.shape[-1] if x.rank else 0
    if step == 0:
        refuse("options", "frame_step is 0; allowed: 1 or more", aborts=True)
    if not (size >= step and size % step == 0):
        refuse("shapes", f"{x.label} has rows of {size}; allowed: multiples of frame_step {step}")


@tflm("SignalWindow")
def window(node: Node) -> None:
    """A window of weights."""
    node.counts(2, 1)
    x, weights, y = node.x(0), node.x(1), node.y()
    has_dimensions(x)
    rank(weights, 1)
    _same_rank(x, y)
    for operand in (x, weights, y):
        types(operand, "int16")


def _same_rank(x: Operand, y: Operand) -> None:
    if x.rank != y.rank:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {x.rank}")


_KINDS = {7: "int16", 2: "int32", 0: "float32"}
"""The types that option T stands for."""


@tflm("SignalRfft", "SignalIrfft")
def rfft(node: Node) -> None:
    """Fourier transforms of reals."""
    kind = _kind(node, ("int16", "int32", "float32"))
    node.counts(1, 1)
    x, y = node.x(), node.y()
    _same_rank(x, y)
    types(x, kind)
    types(y, kind)
    if node.name == "SignalIrfft":
        length = int(node.option("fft_length", 0))
        if length % 2 != 0:
            refuse("options", f"fft_length is {length}; allowed: even", aborts=True)
        if not (x.rank > 0 and x.shape[-1] >= 2):
            refuse(
                "shapes",
                f"{x.label} has shape {list(x.shape)}; allowed: 2 or more last",
                aborts=True,
            )


@tflm("SignalOverlapAdd")
def overlap_add(node: Node) -> None:
    """Frames to a signal."""
    kind = _kind(node, ("int16", "float32"))
    node.counts(1, 1)
    x, y = node.x(), node.y()
    if x.rank != y.rank + 1:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: {y.rank + 1}")
    types(x, kind)
    types(y, kind)
    if x.rank < 2:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")


def _kind(node: Node, allowed: tuple[str, ...]) -> str:
    number = int(node.option("T", 0))
    kind = _KINDS.get(number, "")
    if kind not in allowed:
        refuse("options", f"T is {number}; allowed: those of {', '.join(allowed)}", aborts=True)
    return kind


@tflm("CIRCULAR_BUFFER")
def circular_buffer(node: Node) -> None:
    """A buffer that moves on by one row each run."""
    input_count(node, 1)
    x, y = node.x(), node.y()
    if len(node.outputs) > 1:
        types(node.y(1), "bool")
    rank_ = min(x.rank, y.rank)
    if rank_ < 4:
        refuse("rank", f"{x.label} and {y.label} have {x.rank} and {y.rank} dimensions")
    if not (x.shape[0] == y.shape[0] and x.shape[1] == 1 and x.shape[2:4] == y.shape[2:4]):
        refuse(
            "shapes",
            f"{x.label} has shape {list(x.shape)} and {y.label} {list(y.shape)}; allowed: one row "
            "in, and else the same",
        )
    if x.dtype != y.dtype:
        refuse("types", f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}")
    types(x, "int8")
