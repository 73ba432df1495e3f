"""SVDF and LSTMs: integer and real states, several invocations, wild scales, variants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, codes, inputs, reals, scale, zero_point
from refinterp.graph.build import GraphBuilder


@generator("SVDF", "float32", "int8", "int8x16", "float32x8")
def svdf(d: Draw, dtype: str) -> Case:
    """One SVDF over one to six invocations."""
    batch, size, rank = d.integer(1, 3), d.integer(1, 20), d.integer(1, 3)
    reach = 0.0  # sum|w_feature| * sum|w_time|, where sums are float32
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
        typical = 74.0 * 74 * np.sqrt(size)
        s_scale = float(
            np.float32(x_scale * w_scale * typical / (90 if dtype == "int8" else 20000))
        )
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
            weights = reals(d, (filters, size), 1.0)
            past = reals(d, (filters, memory), 1.0)
            feature, time = g.constant("feature", weights), g.constant("time", past)
            per_unit = np.abs(past).sum(axis=1).reshape(units, rank).sum(axis=1).max()
            reach = float(np.abs(weights).sum(axis=1).max() * per_unit)
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
    # LiteRT takes int8 states for int16 and reads and writes beyond them
    garbage = {"runtime:litert-reference"} if dtype == "int8" else set()
    largest = max(float(np.abs(sample[0].astype(np.float64)).max()) for sample in samples)
    terms = size + memory * rank
    return Case(
        g.build(outputs=[y]),
        samples,
        float_tolerance=2e-5,
        float_absolute=2 * terms * 2.0**-24 * largest * reach,
        undefined=frozenset(garbage),
    )


_GATES = 4


@generator("UNIDIRECTIONAL_SEQUENCE_LSTM", "float32", "float32x8", "int8", "int16x8")
def sequence_lstm(d: Draw, dtype: str) -> Case:
    """One sequence LSTM, plain or with what LiteRT adds, over one to three invocations."""
    g = GraphBuilder()
    batch, time, size = d.integer(1, 3), d.integer(1, 6), d.integer(1, 20)
    time_major = chance(d, 50)
    plain = dtype == "int16x8" or chance(d, 60)
    inputs_at, outputs, sample_shape, options, rest = lstm_operands(
        d, g, dtype, batch, time, size, time_major=time_major, plain=plain
    )
    lead = (time, batch) if time_major else (batch, time)
    y = g.tensor("y", (*lead, outputs), dtype.split("x")[0], **rest["output"])
    options["time_major"] = time_major
    g.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_at, [y], options,
        intermediates=rest["intermediates"],
    )  # fmt: skip
    kind = dtype.split("x")[0]
    samples = [[sequence(d, sample_shape, kind)] for _ in range(d.integer(1, 3))]
    # TFLM reads int8 weights as floats: see known_differences
    undefined = frozenset({"runtime:tflm"} if dtype == "float32x8" else ())
    return Case(g.build(outputs=[y]), samples, tolerance(dtype), undefined=undefined)


def tolerance(dtype: str) -> float:
    """How far reals may be off.

    LiteRT's exponentials are approximations some ulp off, which feedback over the steps amplifies.
    With int8 weights the state is quantized before each step: where an ulp carries it over a half,
    its code is another, which moves what follows by a hundredth.
    """
    return 1e-4 if dtype == "float32" else 0.03


def sequence(d: Draw, dims: tuple[int, ...], kind: str) -> NDArray[Any]:
    """Codes, or reals small enough that gates are not all saturated; some steps all zero."""
    if kind != "float32":
        return inputs(d, dims, kind)
    values = d.rng.standard_normal(dims).astype(np.float32)
    return np.zeros_like(values) if chance(d, 5) else values


def moderate(d: Draw, dims: tuple[int, ...], size: float = 1.0) -> NDArray[np.float32]:
    """Normal reals."""
    return np.asarray(d.rng.standard_normal(dims) * size, np.float32)


def lstm_operands(
    d: Draw,
    g: GraphBuilder,
    dtype: str,
    batch: int,
    time: int,
    size: int,
    *,
    time_major: bool,
    plain: bool,
    rank: int = 3,
    normal: bool = True,
    prefix: str = "",
    cells: int | None = None,
) -> tuple[list[int], int, tuple[int, ...], dict[str, Any], dict[str, Any]]:
    """Make the 24 operands of a full LSTM.

    Returns them, the number of outputs, the data's shape, options, and the quantization of the
    output with the intermediate tensors.
    """
    kind, _, bits = dtype.partition("x")
    integer = kind != "float32"
    projected = not plain and cells is None and chance(d, 40)
    if cells is None:
        cells = d.integer(1, 6) if chance(d, 70) else d.integer(16, 35)
    outputs = d.integer(1, cells) if projected else cells
    cifg, holes, norm = (not plain and chance(d, p) for p in (30, 40, 40))
    norm = norm and normal
    shape: tuple[int, ...] = (time, batch, size) if time_major else (batch, time, size)
    if rank == 2:
        shape = (batch, size)
    x_scale = scale(d, 2.0**-9, 2.0**-4) if kind == "int8" else scale(d, 2.0**-15, 2.0**-12)
    x_zero = zero_point(d) if kind == "int8" else 0
    h_scale = scale(d, 2.0**-9, 2.0**-5) if kind == "int8" else 2.0**-15
    h_zero = zero_point(d) if kind == "int8" else 0
    c_scale = 2.0 ** d.integer(-15, -9)
    if not integer:
        x = g.input("x", shape)
        h = g.variable(prefix + "h", (batch, outputs))
        c = g.variable(prefix + "c", (batch, cells))
    else:
        x = g.input("x", shape, kind, scale=x_scale, zero_point=x_zero)
        h = g.variable(prefix + "h", (batch, outputs), kind, scale=h_scale, zero_point=h_zero)
        c = g.variable(prefix + "c", (batch, cells), "int16", scale=c_scale, zero_point=0)
    wild = chance(d, 25)

    def weights(name: str, dims: tuple[int, ...]) -> int:
        if not integer and not bits:
            return g.constant(prefix + name, moderate(d, dims, 1.0 / np.sqrt(dims[-1])))
        factor = scale(d, 2.0**-9, 2.0**-3) if wild or not integer else 0.02 / np.sqrt(dims[-1])
        factor = factor / 50 if not integer else factor
        return g.constant(prefix + name, codes(d, dims), scale=float(np.float32(factor)))

    def wide(name: str, dims: tuple[int, ...]) -> int:
        if integer:
            return g.constant(
                prefix + name, codes(d, dims, "int16"), scale=scale(d, 2.0**-17, 2.0**-13)
            )
        return g.constant(prefix + name, moderate(d, dims, 1.0))

    def bias(name: str, count: int, limit: int) -> int:
        if not integer:
            return g.constant(prefix + name, moderate(d, (count,), 0.5))
        storage = np.int64 if kind == "int16" else np.int32
        data = np.array([d.integer(-limit, limit) for _ in range(count)], storage)
        return g.constant(prefix + name, data, scale=1.0)

    at = [-1] * 24
    at[0] = x
    for gate in range(_GATES):
        if gate == 0 and cifg:
            continue
        at[1 + gate] = weights(f"w{gate}", (cells, size))
        at[5 + gate] = weights(f"r{gate}", (cells, outputs))
        at[12 + gate] = bias(
            f"b{gate}", cells, 2**20 if norm else 3000 if kind == "int8" else 10**6
        )
        if norm:
            at[20 + gate] = wide(f"n{gate}", (cells,))
    if holes:
        for place in (0, 1, 2):
            if place == 0 and cifg:
                continue
            if dtype == "float32x8":
                at[9 + place] = g.constant(f"p{place}", codes(d, (cells,)), scale=scale(d) / 50)
            else:
                at[9 + place] = wide(f"p{place}", (cells,))
    if projected:
        at[16] = weights("projection", (outputs, cells))
        if chance(d, 50):
            at[17] = bias("projection_bias", outputs, 3000)
    at[18], at[19] = h, c
    options: dict[str, Any] = {
        "fused_activation_function": "TANH",
        "cell_clip": choice(d, [0.0, 0.0, 1.0, 0.25]),
        "proj_clip": choice(d, [0.0, 0.5]) if projected else 0.0,
    }
    if bits and not integer:
        options["asymmetric_quantize_inputs"] = chance(d, 50)
    rest: dict[str, Any] = {"output": {}, "intermediates": []}
    if integer:
        rest["output"] = {"scale": h_scale, "zero_point": h_zero}
    if kind == "int8":
        hidden = (h_scale, h_zero)
        if projected or chance(d, 20):
            hidden = (scale(d, 2.0**-9, 2.0**-5), zero_point(d))
        q = [(scale(d, 2.0**-13, 2.0**-9), 0) for _ in range(_GATES)]
        rest["intermediates"] = [
            g.tensor(f"i{i}", (0,), "int16" if i < _GATES else "int8", scale=s, zero_point=z)
            for i, (s, z) in enumerate([*q, hidden])
        ]
    return at, outputs, shape, options, rest


@generator("LSTM", "float32", "float32x8", "int8", "uint8")
def lstm(d: Draw, dtype: str) -> Case:
    """A full LSTM of one step, or a basic one."""
    if dtype == "uint8" or (dtype == "float32" and chance(d, 40)):
        return _basic_lstm(d, dtype)
    g = GraphBuilder()
    batch, size = d.integer(1, 3), d.integer(1, 20)
    at, outputs, sample_shape, options, rest = lstm_operands(
        d, g, dtype, batch, 1, size, time_major=False, plain=chance(d, 40), rank=2
    )
    kind = dtype.split("x")[0]
    y = g.tensor("y", (batch, outputs), kind, **rest["output"])
    g.operator("LSTM", at, [y], options, intermediates=rest["intermediates"])
    samples = [[sequence(d, sample_shape, kind)] for _ in range(d.integer(1, 4))]
    return Case(g.build(outputs=[y]), samples, tolerance(dtype))


def _basic_lstm(d: Draw, dtype: str) -> Case:
    g = GraphBuilder()
    batch, size, cells = d.integer(1, 3), d.integer(1, 12), d.integer(1, 8)
    outer, inner = (batch, cells), (4 * cells, size + cells)
    if dtype == "uint8":
        q: dict[str, Any] = {"scale": 1 / 128, "zero_point": 128}
        c_q: dict[str, Any] = {"scale": 2.0**-11, "zero_point": 0}
        w_scale = scale(d, 2.0**-9, 2.0**-5)
        x = g.input("x", (batch, size), dtype, **q)
        h = g.variable("h", outer, dtype, **q)
        c = g.variable("c", outer, "int16", **c_q)
        w = g.constant("w", codes(d, inner, dtype), scale=w_scale, zero_point=zero_point(d, dtype))
        limit = 2**17
        data = d.rng.integers(-limit, limit, 4 * cells).astype(np.int32)
        b = g.constant("b", data, scale=float(np.float32(w_scale / 128)), zero_point=0)
        kinds = [(dtype, q), ("int16", c_q), (dtype, q), ("int16", {"scale": 2.0**-12})]
    else:
        x, h, c = g.input("x", (batch, size)), g.variable("h", outer), g.variable("c", outer)
        w = g.constant("w", moderate(d, inner, 0.5))
        b = g.constant("b", moderate(d, (4 * cells,), 0.5))
        kinds = [("float32", {})] * 4
    shapes = [outer, outer, (batch, size + cells), (batch, 4 * cells)]
    results = [
        g.tensor(f"y{i}", dims, kind, **more)
        for i, (dims, (kind, more)) in enumerate(zip(shapes, kinds, strict=True))
    ]
    g.operator(
        "LSTM", [x, h, w, b, c], results,
        {"kernel_type": "BASIC", "fused_activation_function": "TANH"},
        version=2,
    )  # fmt: skip
    samples = [[sequence(d, (batch, size), dtype)] for _ in range(d.integer(1, 4))]
    return Case(g.build(outputs=results), samples, tolerance(dtype))


@generator("BIDIRECTIONAL_SEQUENCE_LSTM", "float32", "float32x8")
def bidirectional_lstm(d: Draw, dtype: str) -> Case:
    """Both directions, auxiliary data with and without weights, merged outputs."""
    g = GraphBuilder()
    time, size, merge, major = d.integer(1, 5), d.integer(1, 12), chance(d, 50), chance(d, 50)
    batch = 1 if merge and not major else d.integer(1, 3)
    plain = chance(d, 50)
    cells = d.integer(1, 20)  # LiteRT checks both cells against the forward one's sizes
    ways = [
        lstm_operands(
            d, g, dtype, batch, time, size,
            time_major=major, plain=plain, normal=False, prefix=p, cells=cells,
        )
        for p in ("f", "b")
    ]  # fmt: skip
    x = ways[0][0][0]
    del g._inputs[1:]  # both directions read one input
    kind = choice(d, ["none", "weighed", "instead"])
    at = [x, *ways[0][0][1:18], *ways[1][0][1:18], *ways[0][0][18:20], *ways[1][0][18:20]]
    at += [-1] * 9
    sample_shape = ways[0][2]
    fed = [sample_shape]
    if kind != "none":
        width = size if kind == "instead" else d.integer(1, 8)
        fed.append((*sample_shape[:-1], width))
        at[39] = g.input("aux", fed[1])
        if kind == "weighed":
            for way, first in enumerate((40, 44)):
                for gate in range(_GATES):
                    if ways[way][0][1 + gate] >= 0:
                        at[first + gate] = _weights(d, g, f"a{way}{gate}", (cells, width), dtype)
    counts = [way[1] for way in ways]
    lead = sample_shape[:-1]
    dims = [(*lead, sum(counts))] if merge else [(*lead, n) for n in counts]
    outputs = [g.tensor(f"y{i}", shape) for i, shape in enumerate(dims)]
    options = {**ways[0][3], "time_major": major, "merge_outputs": merge}
    g.operator("BIDIRECTIONAL_SEQUENCE_LSTM", at, outputs, options)
    samples = [[sequence(d, shape, "float32") for shape in fed] for _ in range(d.integer(1, 3))]
    return Case(g.build(outputs=outputs), samples, tolerance(dtype))


def _weights(d: Draw, g: GraphBuilder, name: str, dims: tuple[int, ...], dtype: str) -> int:
    """Weights of a sensible size: float32, or codes with a scale."""
    if dtype == "float32":
        return g.constant(name, moderate(d, dims, 1 / np.sqrt(dims[-1])))
    step = scale(d, 2.0**-9, 2.0**-7) / np.sqrt(dims[-1])  # so that feedback dies away
    return g.constant(name, codes(d, dims), scale=float(np.float32(step)))


@generator("RNN", "float32", "float32x8")
def rnn(d: Draw, dtype: str) -> Case:
    """One step, several invocations."""
    g = GraphBuilder()
    batch, size = d.integer(1, 3), d.integer(1, 20)
    x = g.input("x", (batch, size))
    operands, units = _rnn_operands(d, g, dtype, batch, size, "")
    y = g.tensor("y", (batch, units))
    g.operator("RNN", [x, *operands], [y], _rnn_options(d, dtype))
    samples = [[sequence(d, (batch, size), "float32")] for _ in range(d.integer(1, 6))]
    return Case(g.build(outputs=[y]), samples, tolerance(dtype))


def _rnn_operands(
    d: Draw, g: GraphBuilder, dtype: str, batch: int, size: int, prefix: str
) -> tuple[list[int], int]:
    units = d.integer(1, 20)
    return [
        _weights(d, g, f"{prefix}w", (units, size), dtype),
        _weights(d, g, f"{prefix}r", (units, units), dtype),
        g.constant(f"{prefix}b", moderate(d, (units,), 0.5)),
        g.variable(f"{prefix}h", (batch, units)),
    ], units


def _rnn_options(d: Draw, dtype: str) -> dict[str, Any]:
    return {
        "fused_activation_function": choice(d, ["TANH", "RELU6", "RELU_N1_TO_1"]),
        "asymmetric_quantize_inputs": dtype == "float32x8" and chance(d, 50),
    }


@generator("UNIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8")
def sequence_rnn(d: Draw, dtype: str) -> Case:
    """Sequences with either axis first."""
    g = GraphBuilder()
    batch, time, size, major = d.integer(1, 3), d.integer(1, 6), d.integer(1, 20), chance(d, 50)
    lead = (time, batch) if major else (batch, time)
    x = g.input("x", (*lead, size))
    operands, units = _rnn_operands(d, g, dtype, batch, size, "")
    y = g.tensor("y", (*lead, units))
    options = {**_rnn_options(d, dtype), "time_major": major}
    g.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [x, *operands], [y], options)
    samples = [[sequence(d, (*lead, size), "float32")] for _ in range(d.integer(1, 3))]
    return Case(g.build(outputs=[y]), samples, tolerance(dtype))


@generator("BIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8")
def bidirectional_rnn(d: Draw, dtype: str) -> Case:
    """Both directions, auxiliary data with and without weights, merged outputs."""
    g = GraphBuilder()
    batch, time, size, major = d.integer(1, 3), d.integer(1, 5), d.integer(1, 12), chance(d, 50)
    merge, more = chance(d, 50), _rnn_options(d, dtype)
    if merge and major and dtype == "float32x8" and not more["asymmetric_quantize_inputs"]:
        batch = 1  # LiteRT takes zero points that are not there for those of the second row
    lead = (time, batch) if major else (batch, time)
    x = g.input("x", (*lead, size))
    forward, first = _rnn_operands(d, g, dtype, batch, size, "f")
    backward, second = _rnn_operands(d, g, dtype, batch, size, "b")
    kind = choice(d, ["none", "weighed", "instead"])
    auxiliary, fed = [-1, -1, -1], 1
    if kind != "none":
        fed = 2
        auxiliary[0] = g.input("aux", (*lead, size))
        if kind == "weighed":
            auxiliary[1] = _weights(d, g, "fa", (first, size), dtype)
            auxiliary[2] = _weights(d, g, "ba", (second, size), dtype)
    dims = [(*lead, first + second)] if merge else [(*lead, first), (*lead, second)]
    outputs = [g.tensor(f"y{i}", shape) for i, shape in enumerate(dims)]
    options = {**more, "time_major": major, "merge_outputs": merge}
    g.operator("BIDIRECTIONAL_SEQUENCE_RNN", [x, *forward, *backward, *auxiliary], outputs, options)
    samples = [
        [sequence(d, (*lead, size), "float32") for _ in range(fed)] for _ in range(d.integer(1, 3))
    ]
    return Case(g.build(outputs=outputs), samples, tolerance(dtype))
