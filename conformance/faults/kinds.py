"""All that is planted."""

from __future__ import annotations

from conformance.faults import data_injections as data
from conformance.faults import heads, injections, pairs
from conformance.faults.injection import FaultKind

REMARK = "remark"
"""No cause, but what is said before any layer."""

FAULTS = (
    FaultKind("range_too_wide", injections.range_off(2, 6.7)),
    FaultKind("range_clipped", injections.range_off(-4, -1)),
    FaultKind("weight_scale_spread", injections.spread),
    FaultKind("bias_saturated", injections.bias_saturated),
    FaultKind("accumulator_overflow", injections.overflow),
    FaultKind("multiplier_out_of_range", injections.multiplier),
    FaultKind("dead_channels", injections.dead),
    FaultKind("input_scaling", injections.input_scaling),
    FaultKind("fixed_output_scale", injections.fixed),
    FaultKind("concat_scale_mismatch", injections.concat),
    FaultKind("residual_side_lost", injections.residual),
    FaultKind("zero_point_out_of_range", injections.zero_point),
    FaultKind("bad_scale", injections.bad_scale),
    FaultKind("wrong_quantized_dimension", injections.wrong_dimension),
    FaultKind("bias_scale_mismatch", injections.bias_scale),
    FaultKind("weights_disagree", injections.other_weights),
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
