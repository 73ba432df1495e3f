"""What LiteRT's default delegate, XNNPACK, refuses or does wrong.

It takes operators over from LiteRT's optimized kernels; where it then fails to prepare one, LiteRT
does not go back to its own kernel but gives up the whole model.
"""

from __future__ import annotations

from typing import Final

from refinterp.verdicts.differences import conditions
from refinterp.verdicts.differences.difference import Difference
from refinterp.verdicts.verdict import LITERT

_UNLIKE: Final = "a bias of one scale on weights of several, or of several on weights of one"
_DELEGATE: Final = "refuses the file: XNNPACK takes the operator over and fails to prepare it"
_ALIKE: Final = "give the bias as many scales as the weights, or turn the XNNPACK delegate off"
_OFF: Final = "turn the XNNPACK delegate off"
_NARROWER: Final = f"convert the model again with an output range that holds its values, or {_OFF}"

ROWS: Final = (
    Difference(
        "litert-batch-matmul-computed-weights", "BATCH_MATMUL", ("float32x8",), (LITERT,),
        "differs", "a float32 product with int8 weights that are no constant",
        "XNNPACK takes it over and multiplies by other numbers",
        "make the weights a constant, or turn the XNNPACK delegate off",
        conditions.computed_weights,
    ),
    Difference(
        "litert-conv-bias-scales", "CONV_2D", ("int8",), (LITERT,), "refuses", _UNLIKE, _DELEGATE,
        _ALIKE, conditions.unlike_scales(2),
    ),
    Difference(
        "litert-transpose-conv-bias-scales", "TRANSPOSE_CONV", ("int8",), (LITERT,), "refuses",
        _UNLIKE, _DELEGATE, _ALIKE,
        lambda node: conditions.unlike_scales(3)(node) and conditions.wide_kernel(node),
    ),
    *(
        Difference(
            f"litert-{operator.lower().replace('_', '-')}-wide-factor", operator, ("int8",),
            (LITERT,), "refuses",
            "scales of input times weights 256 output scales or more", _DELEGATE, _NARROWER,
            concerns,
        )
        for operator, concerns in (
            ("CONV_2D", conditions.wide_factor(0)),
            ("DEPTHWISE_CONV_2D", conditions.wide_factor(0)),
            ("FULLY_CONNECTED", conditions.wide_factor(0)),
        )
    ),
    Difference(
        "litert-pad-scales", "PAD", ("int8",), (LITERT,), "refuses",
        "an output of another scale or zero point than the input's", _DELEGATE,
        f"give the output the input's, as TFLM and LiteRT copy the codes anyway, or {_OFF}",
        conditions.other_scale,
    ),
    Difference(
        "litert-densified-weights", "FULLY_CONNECTED", ("int8",), (LITERT,), "refuses",
        "weights that a DENSIFY makes", _DELEGATE, f"store the weights dense, or {_OFF}",
        conditions.densified, origin="ai-edge-litert 2.3.0, a model of two operators",
    ),
)  # fmt: skip
