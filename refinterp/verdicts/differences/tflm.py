"""What TFLM is known to do wrong, and what LiteRT and TFLM do alike."""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.differences import conditions
from refinterp.verdicts.differences.difference import Difference
from refinterp.verdicts.verdict import LITERT, LITERT_OPTIMIZED, LITERT_REFERENCE, TFLM

_TFLM: Final = (TFLM,)
_BOTH: Final = (LITERT_REFERENCE, TFLM)
_COMPARISONS: Final = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
_READS_WIDE: Final = "reads it as int64: two values as one, and then past the end"
_WIDEN: Final = "store the bias as int64"
_SHIFTS: Final = "shifts by a negative number of bits, and aborts"
_FEWER: Final = (
    "nothing for a trained classifier, whose rows have a few large values; else end the model at "
    "its logits, or run LiteRT's optimized kernels, which do not abort"
)
_PAD_BEFORE: Final = (
    "put a PAD before it and leave its own paddings 0, or convert again with a newer converter, "
    "which writes a dilated convolution as one operator"
)

ROWS: Final = (
    Difference(
        "tflm-depthwise-int32-bias", "DEPTHWISE_CONV_2D", ("int16x8",), _TFLM, "differs",
        "an int32 bias", _READS_WIDE, _WIDEN, conditions.narrow_bias(2),
    ),
    Difference(
        "tflm-transpose-conv-int32-bias", "TRANSPOSE_CONV", ("int16x8",), _TFLM, "differs",
        "an int32 bias", _READS_WIDE, _WIDEN, conditions.narrow_bias(3),
    ),
    Difference(
        "softmax-flat-rows", "SOFTMAX", ("int8", "uint8"), _BOTH, "aborts",
        "an input scale so small that the exponentials of a row always add up to 512 or more",
        _SHIFTS, "convert the model again: the scale is far below what the values need",
        conditions.flat_rows,
    ),
    Difference(
        "softmax-long-rows", "SOFTMAX", ("int8", "uint8"), _BOTH, "aborts",
        "rows of 512 values or more", _SHIFTS, _FEWER, conditions.long_rows,
        sometimes="on data whose exponentials add up to 512 or more in a row: nearly like values",
    ),
    Difference(
        "resize-bilinear-beyond", "RESIZE_BILINEAR", ("int8", "int16"),
        (LITERT_REFERENCE, LITERT_OPTIMIZED, LITERT, TFLM), "differs",
        "enlarged so far that positions in 1/1024, each rounded up, lead past the last element",
        "reads beyond the row", "enlarge in two steps", conditions.beyond_the_last,
    ),
    Difference(
        "tflm-space-to-batch-paddings", "SPACE_TO_BATCH_ND", ("int8",), _TFLM, "differs",
        "paddings that are not all zero", "pads with whatever its stack holds, not with the zero "
        "point", _PAD_BEFORE, conditions.pads,
    ),
    Difference(
        "tflm-space-to-batch-float", "SPACE_TO_BATCH_ND", ("float32",), _TFLM, "differs",
        "paddings that are not all zero", "pads with whatever its stack holds",
        _PAD_BEFORE, conditions.pads,
        sometimes="where that is not 0, as it happens to be in the wheel",
        origin="tflite-micro 90b983c2b, read",
    ),
    Difference(
        "tflm-slice-six-axes", "SLICE", ("int8", "float32"), _TFLM, "aborts",
        "six axes", "aborts", "reshape to five axes or fewer before it", conditions.six_axes,
    ),
    *(
        Difference(
            f"tflm-{operator.lower().replace('_', '-')}-wide-scale", operator, ("int8",), _TFLM,
            "aborts", "an operand's scale above 1", "aborts",
            "dequantize the operands before it, or convert again with scales of 1 or less",
            conditions.wide_step,
        )
        for operator in _COMPARISONS
    ),
    Difference(
        "tflm-greater-int16", "GREATER", ("int16",), _TFLM, "differs", "all",
        "compares as if quantized, by parameters it never set", "compare int8 or int32 values",
    ),
    Difference(
        "tflm-lstm-int8-weights", "UNIDIRECTIONAL_SEQUENCE_LSTM", ("float32x8",), _TFLM, "differs",
        "all", "reads the int8 weights as float32, beyond their end",
        "quantize the whole layer to int8, or leave its weights float32",
    ),
)  # fmt: skip
