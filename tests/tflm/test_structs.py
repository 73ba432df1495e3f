"""Struct sizes: what two compilers say, against the layout rule."""

from __future__ import annotations

import pytest

from refinterp.tflm.structs import STRUCTS, Abi, layout

X86_64 = Abi("x86-64", 8, 4)
CORTEX_M = Abi("arm-none-eabi", 4, 1)

SIZES = {
    "TfLiteEvalTensor": (24, 8, 12, 4),
    "TfLiteTensor": (64, 8, 32, 4),
    "TfLiteNode": (56, 8, 28, 4),
    "NodeAndRegistration": (64, 8, 32, 4),
    "ScratchBufferRequest": (16, 8, 12, 4),
    "AllocationInfo": (32, 8, 24, 4),
    "SingleArenaBufferAllocator": (72, 8, 36, 4),
    "RecordingSingleArenaBufferAllocator": (104, 8, 52, 4),
    "GreedyMemoryPlanner": (72, 8, 44, 4),
    "LinearMemoryPlanner": (8216, 8, 4108, 4),
    "MicroAllocator": (72, 8, 36, 4),
    "RecordingMicroAllocator": (248, 8, 124, 4),
    "MicroResourceVariables": (16, 8, 12, 4),
    "OpDataConv": (72, 8, 56, 4),
    "OpDataFullyConnected": (64, 8, 48, 4),
    "OpDataLSTM": (688, 8, 688, 8),
    "OpDataPad": (56, 4, 56, 4),
    "SoftmaxParams": (80, 8, 56, 8),
    "StridedSliceParams": (84, 4, 84, 4),
    "DequantizeOpData": (32, 8, 32, 8),
    "ReluOpData": (28, 4, 28, 4),
    "TfLiteFullyConnectedParams": (16, 4, 5, 1),
    "TfLitePoolParams": (40, 4, 40, 4),
    "TfLiteAddParams": (8, 4, 2, 1),
    "TfLiteTransposeConvParams": (20, 4, 16, 4),
    "TfLiteSVDFParams": (12, 4, 8, 4),
    "TfLiteVarHandleParams": (16, 8, 8, 4),
}
"""sizeof and alignof on x86-64 (gcc 12.2) and on Cortex-M (arm-none-eabi-gcc 12.2.1)."""


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_compilers(name):
    """The layout rule gives what both compilers say."""
    found = (*layout(name, X86_64), *layout(name, CORTEX_M))
    assert found == SIZES[name]


@pytest.mark.parametrize("name", STRUCTS)
def test_every_struct_is_declared_down_to_plain_members(name):
    """Members are plain types or declared structs, and sizes are multiples of alignment."""
    for abi in (X86_64, CORTEX_M, Abi("int enums", 4, 4)):
        size, align = layout(name, abi)
        assert size > 0
        assert size % align == 0


def test_a_version_may_have_other_members():
    """A changed struct is laid out with its own members, and so is whatever holds it."""
    changes = (("OpDataConv", "TfLitePaddingValues int*5 ptr*2 int*5"),)
    assert layout("OpDataConv", X86_64, changes).size == 80
    assert layout("CmsisOpDataConv", X86_64, changes).size == 88
