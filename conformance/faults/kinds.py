"""All that is planted."""

from __future__ import annotations

from conformance.faults import bias_injections as biases
from conformance.faults import data_injections as data
from conformance.faults import grid_injections as grids
from conformance.faults import heads, pairs
from conformance.faults import join_injections as joins
from conformance.faults import weight_injections as weights
from conformance.faults.injection import FaultKind

REMARK = "remark"
"""No cause, but what is said before any layer."""

FAULTS = (
    FaultKind("range_too_wide", grids.range_off(2, 6.7)),
    FaultKind("range_clipped", grids.range_off(-4, -1)),
    FaultKind("weight_scale_spread", weights.spread),
    FaultKind("bias_saturated", biases.bias_saturated),
    FaultKind("accumulator_overflow", biases.overflow),
    FaultKind("multiplier_out_of_range", weights.multiplier),
    FaultKind("dead_channels", weights.dead),
    FaultKind("input_scaling", data.input_scaling),
    FaultKind("fixed_output_scale", grids.fixed),
    FaultKind("concat_scale_mismatch", joins.concat),
    FaultKind("residual_side_lost", joins.residual),
    FaultKind("zero_point_out_of_range", grids.zero_point),
    FaultKind("bad_scale", grids.bad_scale),
    FaultKind("wrong_quantized_dimension", weights.wrong_dimension),
    FaultKind("bias_scale_mismatch", biases.bias_scale),
    FaultKind("weights_disagree", weights.other_weights),
    FaultKind("input_scaling", data.calibrated_otherwise, "calibrated for another scale"),
    FaultKind("input_scaling", data.standardised, "standardised data"),
    FaultKind("input_scaling", data.few_codes, "few codes next to each other"),
    FaultKind("input_scaling", data.constant, "every value the same"),
    FaultKind("input_scaling", data.reinterpreted, "uint8 bytes taken for int8 codes"),
    FaultKind("fixed_output_scale", heads.below_the_grid, "results below the fixed grid"),
    FaultKind(
        "concat_scale_mismatch", heads.boxes_beside_scores, "boxes beside scores, and the gate"
    ),
    FaultKind("range_too_wide", pairs.hidden_wide, "beside a smaller fault"),
    FaultKind("range_clipped", pairs.hidden_clipped, "beside a smaller fault"),
    FaultKind("range_clipped", pairs.hidden_by_data, "behind data fed wrongly"),
    FaultKind(REMARK, data.wrong_labels, "labels wrong for both models"),
)
