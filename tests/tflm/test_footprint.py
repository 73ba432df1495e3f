"""Tables of footprints: which operators they hold, and scratch formulas against the C functions."""

from __future__ import annotations

import pytest

from refinterp.graph.layout import layout as schema
from refinterp.tflm.footprint import find, operators, tables
from refinterp.tflm.kernels.cmsis_nn_buffers import (
    Conv,
    conv_s8,
    conv_s16,
    depthwise_s4,
    depthwise_s8,
    transpose_conv_reversed_s8,
    transpose_conv_s8,
)
from refinterp.tflm.kernels.esp_nn_scratch import Shape, conv_p4, conv_s3, depthwise_s3
from refinterp.tflm.structs import STRUCTS
from refinterp.tflm.targets import KERNELS, profile

CUSTOM = {"CIRCULAR_BUFFER", "TFLM_DECODE", "TFLite_Detection_PostProcess", "ethos-u"}


def test_tables_hold_the_operators_of_tflms_resolver():
    """100 builtin operators, and the custom ones; every builtin name is one of the schema's."""
    names = set(operators("reference"))
    custom = {n for n in names if n.startswith("Signal")} | (names & CUSTOM)
    assert names - custom <= set(schema().enums["BuiltinOperator"].values)
    assert (len(names - custom), len(custom)) == (100, 17)
    assert set(operators("cmsis-nn")) - names == {"ethos-u"}


@pytest.mark.parametrize("library", sorted({t for k in KERNELS.values() for t in k.tables}))
def test_rows_name_structs_that_are_declared(library):
    """What a parser fills and Init keeps has a layout."""
    for row in tables(library).values():
        assert row.params is None or row.params in STRUCTS
        assert row.data is None or row.data in STRUCTS


def test_a_wrapper_comes_before_what_it_wraps():
    """CMSIS-NN's rows take the place of the reference ones, which serve the rest."""
    wrapped = find(profile("cortex-m4"), "CONV_2D")
    assert wrapped is tables("cmsis_nn")["CONV_2D"]
    assert find(profile("cortex-m4"), "ABS") is tables("reference")["ABS"]
    assert find(profile("cortex-m4"), "GELU") is None


CMSIS = [
    # x, filter (height, width, channels), y, stride, padding, dilation; plain, dsp, mve:
    # conv s8, conv s16, depthwise s8, depthwise s4, transpose s8, its filter turned round
    (((1, 8, 8, 8), (3, 3, 8), (1, 8, 8, 8), (1, 1), (1, 1), (1, 1)),
     (288, 288, 0, 144, 960, 0), (288, 288, 0, 144, 960, 0),
     (320, 576, 4464, 4464, 960, 0)),
    (((1, 8, 8, 32), (1, 1, 32), (1, 8, 8, 16), (1, 1), (0, 0), (1, 1)),
     (0, 128, 0, 0, 128, 512), (0, 128, 0, 0, 128, 512), (0, 256, 0, 0, 128, 512)),
    (((1, 1, 49, 4), (1, 9, 4), (1, 1, 49, 4), (1, 1), (0, 4), (1, 1)),
     (144, 144, 0, 72, 912, 0), (144, 144, 72, 72, 912, 0), (52, 320, 4464, 4464, 912, 0)),
]  # fmt: skip
"""Results of CMSIS-NN's own functions (4ab83cc), compiled for each kind of chip."""


@pytest.mark.parametrize(("sizes", "plain", "dsp", "mve"), CMSIS)
def test_cmsis_nn_scratch_is_what_its_functions_return(sizes, plain, dsp, mve):
    """Six of CMSIS-NN's get_buffer_size functions on three kinds of chip."""
    x, window, y, stride, padding, dilation = sizes
    conv = Conv(x, window, y, stride, padding, dilation)
    deep = Conv(x, (*window[:2], y[3]), y, stride, padding, dilation)
    for simd, expected in (("none", plain), ("dsp", dsp), ("mve", mve)):
        assert (
            conv_s8(conv, simd),
            conv_s16(conv, simd),
            depthwise_s8(deep, simd),
            depthwise_s4(deep, simd),
            transpose_conv_s8(Conv(x, (*window[:2], x[3]), y, stride), simd),
            transpose_conv_reversed_s8(Conv(x, (*window[:2], x[3]), y, stride)),
        ) == expected


ESP = [
    ((16, 16, 3, 3, 3, 16, 16, 8, 1, 1, 1, 1, 1), (416, 91, 32)),
    ((8, 8, 16, 1, 1, 8, 8, 32, 1, 1, 0, 0, 1), (832, 800, 2112)),
    ((33, 17, 24, 3, 3, 17, 9, 24, 2, 2, 1, 1, 1), (46072, 344, 32000)),
    ((96, 96, 2, 5, 5, 48, 48, 16, 2, 2, 2, 2, 4), (1248, 146, 37296)),
]


@pytest.mark.parametrize(("sizes", "expected"), ESP)
def test_esp_nn_scratch_is_what_its_functions_return(sizes, expected):
    """ESP-NN's scratch functions of the S3 (conv, depthwise) and the P4 (conv)."""
    shape = Shape(*sizes)
    assert (conv_s3(shape), conv_p4(shape), depthwise_s3(shape)) == expected
