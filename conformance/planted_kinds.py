"""All that is planted."""

from __future__ import annotations

from conformance import planted_data as data
from conformance import planted_heads as heads
from conformance import planted_pairs as pairs
from conformance import planted_plants as plants
from conformance.planted_plant import Fault

REMARK = "remark"
"""No cause, but what is said before any layer."""

FAULTS = (
    Fault("range_too_wide", plants.range_off(2, 6.7)),
    Fault("range_clipped", plants.range_off(-4, -1)),
    Fault("weight_scale_spread", plants.spread),
    Fault("bias_saturated", plants.bias_saturated),
    Fault("accumulator_overflow", plants.overflow),
    Fault("multiplier_out_of_range", plants.multiplier),
    Fault("dead_channels", plants.dead),
    Fault("input_scaling", plants.input_scaling),
    Fault("fixed_output_scale", plants.fixed),
    Fault("concat_scale_mismatch", plants.concat),
    Fault("residual_side_lost", plants.residual),
    Fault("zero_point_out_of_range", plants.zero_point),
    Fault("bad_scale", plants.bad_scale),
    Fault("wrong_quantized_dimension", plants.wrong_dimension),
    Fault("bias_scale_mismatch", plants.bias_scale),
    Fault("weights_disagree", plants.other_weights),
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
