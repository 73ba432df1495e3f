"""Which lowering an operator has. What is not here, and no function of one input, is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from refinterp.export.micropython.calls import Lowered, Site
from refinterp.export.micropython.lowering.channelwise import depthwise_conv_2d, transpose_conv
from refinterp.export.micropython.lowering.moved import joined, moved, reshaped
from refinterp.export.micropython.lowering.paired import added, multiplied
from refinterp.export.micropython.lowering.pooled import (
    averaged,
    bilinear,
    highest,
    mean,
    softmax,
    total,
)
from refinterp.export.micropython.lowering.remembered import svdf
from refinterp.export.micropython.lowering.weighted import conv_2d, fully_connected

Lowering = Callable[[Site], Lowered]

LOWERINGS: Final[Mapping[str, Lowering]] = {
    "ADD": added,
    "AVERAGE_POOL_2D": averaged,
    "CONCATENATION": joined,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEPTH_TO_SPACE": moved,
    "EXPAND_DIMS": reshaped,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": highest,
    "MEAN": mean,
    "MIRROR_PAD": moved,
    "MUL": multiplied,
    "PACK": joined,
    "PAD": moved,
    "PADV2": moved,
    "RESHAPE": reshaped,
    "RESIZE_BILINEAR": bilinear,
    "RESIZE_NEAREST_NEIGHBOR": moved,
    "SLICE": moved,
    "SOFTMAX": softmax,
    "SPACE_TO_DEPTH": moved,
    "SPLIT": moved,
    "SPLIT_V": moved,
    "SQUEEZE": reshaped,
    "STRIDED_SLICE": moved,
    "SUB": added,
    "SUM": total,
    "SVDF": svdf,
    "TRANSPOSE": moved,
    "TRANSPOSE_CONV": transpose_conv,
    "UNPACK": moved,
}
"""By the operator's name in the schema."""
