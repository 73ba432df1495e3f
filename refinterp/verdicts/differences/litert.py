"""What LiteRT is known to do wrong."""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.differences import conditions
from refinterp.verdicts.differences.difference import ANY, Difference
from refinterp.verdicts.verdict import LITERT, LITERT_OPTIMIZED, LITERT_REFERENCE

_REFERENCE: Final = (LITERT_REFERENCE,)
_OTHERS: Final = (LITERT_OPTIMIZED, LITERT)
_ALL: Final = (LITERT_REFERENCE, *_OTHERS)
_READS_WIDE: Final = (
    "takes the type of the bias from the option alone, and without it reads an int32 bias as "
    "int64: two values as one, and then past the end"
)
_NAME_THE_BIAS: Final = "set the option `quantized_bias_type` to INT32, or store the bias as int64"
_UNNAMED: Final = "an int32 bias, `quantized_bias_type` at its default"
_DIVIDED: Final = ("int8", "uint8", "int32")
_NO_ZERO: Final = "keep zeros out of the divisor, or run the model in TFLM, which goes on"

ROWS: Final = (
    Difference(
        "litert-sum-int8", "SUM", ("int8",), _REFERENCE, "differs", "all",
        "adds the codes up as uint8 ones, and clips and stores the result as uint8",
        "use MEAN and a scale that is as many times larger, or run LiteRT's optimized kernels",
    ),
    Difference(
        "litert-sum-int16", "SUM", ("int16",), _REFERENCE, "differs", "all",
        "adds bytes instead of int16 codes, and writes the first half of its output only",
        "use MEAN and a scale that is as many times larger",
    ),
    Difference(
        "litert-conv-int32-bias", "CONV_2D", ("int16x8",), _ALL, "differs",
        _UNNAMED, _READS_WIDE, _NAME_THE_BIAS, conditions.unnamed_bias(2),
    ),
    Difference(
        "litert-fully-connected-int32-bias", "FULLY_CONNECTED", ("int16x8",), _REFERENCE,
        "differs", _UNNAMED, _READS_WIDE, _NAME_THE_BIAS, conditions.unnamed_bias(2),
    ),
    Difference(
        "litert-transpose-conv-int32-bias", "TRANSPOSE_CONV", ("int16x8",), _ALL, "differs",
        _UNNAMED, _READS_WIDE, _NAME_THE_BIAS, conditions.unnamed_bias(3),
    ),
    Difference(
        "litert-fully-connected-uint8-no-bias", "FULLY_CONNECTED", ("uint8",), _REFERENCE,
        "aborts", "an int16 output and no bias", "reads the bias that is not there (SIGSEGV)",
        "give the layer a bias of zeros", conditions.int16_output,
    ),
    Difference(
        "litert-svdf-int8-state", "SVDF", ("int8",), _ALL, "differs",
        "a state of int8 (keyword_scrambled_8bit is one)",
        "takes the state for int16: reads and writes beyond it, and corrupts its heap",
        "convert the model again with a state of int16; TFLM runs it as it is",
    ),
    Difference(
        "litert-add-powers-of-two", "ADD", ("int16",), _ALL, "aborts",
        "scales that are powers of two (`pot_scale_int16`) and operands of unlike shape",
        "aborts: the shifting kernel asserts that the shapes are equal",
        "set the option `pot_scale_int16` to false", conditions.shifted_pair,
    ),
    Difference(
        "litert-sub-fine-output", "SUB", ("int8",), _ALL, "differs",
        "an output scale at or below twice the larger input scale / 2**20",
        "shifts by a negative number of bits: the result depends on how a compiler vectorized it",
        "convert the model again with data that give the output its real range",
        conditions.finer_than_inputs,
    ),
    Difference(
        "litert-stablehlo-gather-bare-starts", "STABLEHLO_GATHER", (ANY,), _ALL, "aborts",
        "starts without an axis of coordinates (`index_vector_dim` is their rank)",
        "reads out of bounds", "reshape the starts to have a last axis of size 1",
        conditions.bare_starts,
    ),
    Difference(
        "litert-gather-int4", "GATHER", ("int4",), _ALL, "differs",
        "slices of an odd number of elements",
        "addresses two codes at a time: slices come out shifted by half a byte",
        "store the table as int8", conditions.odd_slices,
    ),
    Difference(
        "litert-fully-connected-blocks", "FULLY_CONNECTED", ("float32x4",), _REFERENCE, "differs",
        "weights with a scale per block",
        "knows no blocks and takes their scale for 0: the output is the bias",
        "run LiteRT's optimized kernels", conditions.blocks,
    ),
    Difference(
        "litert-depthwise-no-bias", "DEPTHWISE_CONV_2D",
        ("float32", "float32x8", "int8", "int8x4", "uint8"), _OTHERS, "aborts", "no bias",
        "reads the bias that is not there (SIGSEGV)", "give the layer a bias of zeros",
        conditions.no_bias,
    ),
    Difference(
        "litert-reduce-prod-of-one", "REDUCE_PROD", ("int8", "int16"), _OTHERS, "differs",
        "axes of size 1, or none",
        "copies the codes, and leaves the output's other scale and zero point out of account",
        "leave the operator out, or give its output the input's scale and zero point",
        conditions.reduces_nothing,
    ),
    *(
        Difference(
            f"litert-{operator.lower().replace('_', '-')}-bool", operator, ("bool",), _OTHERS,
            "refuses", "elements to take together", "refuses the run (reduce.cc)",
            f"use REDUCE_{'ANY' if operator == 'REDUCE_MAX' else 'ALL'}, which is the same",
            conditions.reduces,
        )
        for operator in ("REDUCE_MAX", "REDUCE_MIN")
    ),
    Difference(
        "litert-transpose-conv-batch", "TRANSPOSE_CONV", (ANY,),
        (LITERT_REFERENCE, LITERT_OPTIMIZED), "refuses",
        "an output shape whose first size is not that of the data (0, say)",
        "refuses the run, where TFLM goes by the output tensor",
        "write the data's size into the output shape", conditions.other_batch,
    ),
    Difference(
        "litert-div-by-zero", "DIV", _DIVIDED, _ALL, "refuses", "a constant divisor with a zero",
        "refuses the run", _NO_ZERO, conditions.divides_by_zero,
    ),
    Difference(
        "litert-div-by-computed-zero", "DIV", _DIVIDED, _ALL, "refuses",
        "a divisor that is computed", "refuses the run", _NO_ZERO, conditions.computed_divisor,
        sometimes="on data with a zero in the divisor",
        origin="LiteRT kernels/div.cc (f67457790), read",
    ),
)  # fmt: skip
