"""All that is planted."""

from __future__ import annotations

from conformance.faults import data_injections as data
from conformance.faults import heads, injections, pairs
from conformance.faults.plant import Fault

REMARK = "remark"
"""No cause, but what is said before any layer."""

FAULTS = (
    Fault("range_too_wide", injections.range_off(2, 6.7)),
    Fault("range_clipped", injections.range_off(-4, -1)),
    Fault("weight_scale_spread", injections.spread),
    Fault("bias_saturated", injections.bias_saturated),
    Fault("accumulator_overflow", injections.overflow),
    Fault("multiplier_out_of_range", injections.multiplier),
    Fault("dead_channels", injections.dead),
    Fault("input_scaling", injections.input_scaling),
    Fault("fixed_output_scale", injections.fixed),
    Fault("concat_scale_mismatch", injections.concat),
    Fault("residual_side_lost", injections.residual),
    Fault("zero_point_out_of_range", injections.zero_point),
    Fault("bad_scale", injections.bad_scale),
    Fault("wrong_quantized_dimension", injections.wrong_dimension),
    Fault("bias_scale_mismatch", injections.bias_scale),
    Fault("weights_disagree", injections.other_weights),
    Fault("input_scaling", data.calibrated_otherwise, "calibrated for another scale"),
    Fault("input_scaling", data.standardised, "standardised data"),
    Fault("input_scaling", data.few_codes, "few codes next to each other"),
    Fault("input_scaling", data.constant, "every value the same"),
    Fault("input_scaling", data.reinterpreted, "uint8 bytes taken for int8 codes"),
    Fault("fixed_output_scale", heads.below_the_grid, "results below the fixed grid"),
    Fault("concat_scale_mismatch", heads.boxes_beside_scores, "boxes beside scores, and the gate"),
    Fault("range_too_wide", pairs.hidden_wide, "beside a smaller fault"),
    Fault("range_clipped", pairs.hidden_clipped, "beside a smaller fault"),
    Fault("range_clipped", pairs.hidden_by_data, "behind data fed wrongly"),
    Fault(REMARK, data.wrong_labels, "labels wrong for both models"),
)
