"""SVDF: integer and real states, several invocations, wild scales, omitted bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.case import Case, generator
from conformance.draw import Draw, chance, choice, codes, inputs, reals, scale, zero_point
from refinterp.graph.build import GraphBuilder


@generator("SVDF", "float32", "int8", "int8x16", "float32x8")
def svdf(d: Draw, dtype: str) -> Case:
    """One SVDF over one to six invocations."""
    batch, size, rank = d.integer(1, 3), d.integer(1, 20), d.integer(1, 3)
    units, memory = d.integer(1, 6), d.integer(1, 8)
    filters = units * rank
    integer = dtype.startswith("int8")
    options: dict[str, Any] = {
        "rank": rank,
        "fused_activation_function": "RELU" if integer else choice(d, ["NONE", "RELU", "RELU6"]),
        "asymmetric_quantize_inputs": dtype == "float32x8" and chance(d, 50),
    }
    g = GraphBuilder()
    state_shape = (batch, memory * filters)
    if integer:
        x_scale, w_scale = scale(d), scale(d)
        state_type = "int8" if dtype == "int8" else "int16"
        # so that features reach the state's range, and outputs theirs, in most cases
        reach = 74.0 * 74 * np.sqrt(size)
        s_scale = float(np.float32(x_scale * w_scale * reach / (90 if dtype == "int8" else 20000)))
        s_scale *= choice(d, [1.0, 0.5, 2.0, 0.01, 16.0])
        t_scale = scale(d)
        past = (60.0 * 70 if dtype == "int8" else 16000.0 * 16000) * np.sqrt(memory * rank)
        y_scale = float(np.float32(s_scale * t_scale * past / choice(d, [60.0, 200.0, 6.0])))
        s_zero = choice(d, [0, 0, d.integer(-20, 20)]) if state_type == "int8" else 0
        x = g.input("x", (batch, size), "int8", scale=x_scale, zero_point=zero_point(d))
        feature = g.constant("feature", codes(d, (filters, size)), scale=w_scale, zero_point=0)
        weights = codes(d, (filters, memory), state_type)
        time = g.constant("time", weights, scale=t_scale, zero_point=0)
        limit = int(min(past * 2, 2**30))
        bias_data = np.array([d.integer(-limit, limit) for _ in range(units)], np.int32)
        bias = g.constant("bias", bias_data, scale=float(np.float32(s_scale * t_scale)))
        state = g.variable("state", state_shape, state_type, scale=s_scale, zero_point=s_zero)
        y = g.tensor("y", (batch, units), "int8", scale=y_scale, zero_point=zero_point(d))
    else:
        x = g.input("x", (batch, size))
        if dtype == "float32":
            feature = g.constant("feature", reals(d, (filters, size), 1.0))
            time = g.constant("time", reals(d, (filters, memory), 1.0))
        else:
            feature = g.constant("feature", codes(d, (filters, size)), scale=scale(d))
            time = g.constant("time", codes(d, (filters, memory)), scale=scale(d))
        bias = g.constant("bias", reals(d, (units,)))
        state = g.variable("state", state_shape)
        y = g.tensor("y", (batch, units))
    omit = dtype == "float32x8" and chance(d, 20)
    g.operator("SVDF", [x, feature, time, -1 if omit else bias, state], [y], options)
    kind = "int8" if integer else "float32"
    samples = [[inputs(d, (batch, size), kind)] for _ in range(d.integer(1, 6))]
    return Case(g.build(outputs=[y]), samples, float_tolerance=2e-5)
