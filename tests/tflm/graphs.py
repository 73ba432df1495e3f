"""Random models for memory tests: branches, scratch, int4, subgraphs, variables, offline plans."""

from __future__ import annotations

import numpy as np

from refinterp.arena.offline import METADATA_NAME
from refinterp.arena.tensor_plan import plan_model
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model

SCALE = 0.05
Rng = np.random.Generator


class _Drawing:
    """A subgraph that grows by one random operator at a time, all on int8 activations."""

    def __init__(self, g: GraphBuilder, rng: Rng) -> None:
        self.g = g
        self.rng = rng
        self.live: list[tuple[int, tuple[int, ...]]] = []
        self.made = 0

    def name(self, what: str) -> str:
        self.made += 1
        return f"{what}{self.made}_{self.g.index}"

    def start(self, shape: tuple[int, ...]) -> None:
        index = self.g.input(self.name("x"), shape, "int8", scale=SCALE, zero_point=0)
        self.live.append((index, shape))

    def pick(self, rank: int | None = None) -> tuple[int, tuple[int, ...]]:
        fitting = [t for t in self.live if rank is None or len(t[1]) == rank]
        return fitting[int(self.rng.integers(len(fitting)))]

    def result(self, shape: tuple[int, ...], scale: float = SCALE, zero: int = 0) -> int:
        index = self.g.tensor(self.name("t"), shape, "int8", scale=scale, zero_point=zero)
        if scale == SCALE and zero == 0:
            self.live.append((index, shape))
        return index

    def weights(self, shape: tuple[int, ...], axis: int, *, int4: bool, channels: int) -> int:
        low, high = (-7, 8) if int4 else (-127, 128)
        values = self.rng.integers(low, high, shape).astype(np.int8)
        scales = [0.01] * channels if channels else 0.01
        zeros = [0] * channels if channels else 0
        return self.g.constant(
            self.name("w"), values, "int4" if int4 else "int8",
            scale=scales, zero_point=zeros, quantized_dimension=axis,
        )  # fmt: skip

    def bias(self, count: int, channels: int) -> int:
        scales = [0.01 * SCALE] * channels if channels else 0.01 * SCALE
        zeros = [0] * channels if channels else 0
        return self.g.constant(
            self.name("b"), np.zeros(count, np.int32), scale=scales, zero_point=zeros
        )

    def conv(self) -> None:
        x, (n, h, w, c) = self.pick(4)
        k = int(self.rng.choice([1, 1, 3, 3, 5]))
        stride = int(self.rng.choice([1, 1, 2]))
        out = int(self.rng.choice([1, 3, 8, 16]))
        channels = out if self.rng.random() < 0.7 else 0
        int4 = self.rng.random() < 0.2
        filt = self.weights((out, k, k, c), 0, int4=int4, channels=channels)
        y = self.result((n, -(-h // stride), -(-w // stride), out))
        self.g.operator(
            "CONV_2D", [x, filt, self.bias(out, channels)], [y],
            {"stride_h": stride, "stride_w": stride, "padding": "SAME"},
        )  # fmt: skip

    def depthwise(self) -> None:
        x, (n, h, w, c) = self.pick(4)
        multiplier = int(self.rng.choice([1, 1, 2]))
        k = int(self.rng.choice([1, 3, 5]))
        filt = self.weights((1, k, k, c * multiplier), 3, int4=False, channels=c * multiplier)
        y = self.result((n, h, w, c * multiplier))
        self.g.operator(
            "DEPTHWISE_CONV_2D", [x, filt, self.bias(c * multiplier, c * multiplier)], [y],
            {"stride_h": 1, "stride_w": 1, "padding": "SAME", "depth_multiplier": multiplier},
        )  # fmt: skip

    def dense(self) -> None:
        x, shape = self.pick()
        inner = shape[-1]
        out = int(self.rng.choice([1, 4, 10, 32]))
        int4 = self.rng.random() < 0.3
        channels = out if not int4 and out > 1 and self.rng.random() < 0.3 else 0
        filt = self.weights((out, inner), 0, int4=int4, channels=channels)
        y = self.result((*shape[:-1], out))
        self.g.operator(
            "FULLY_CONNECTED", [x, filt, self.bias(out, channels)], [y], {"keep_num_dims": True}
        )

    def binary(self) -> None:
        x, shape = self.pick()
        other = [t for t, s in self.live if s == shape]
        y = self.result(shape)
        name = str(self.rng.choice(["ADD", "MUL", "SUB", "MAXIMUM"]))
        self.g.operator(name, [x, int(self.rng.choice(other))], [y])

    def concat(self) -> None:
        x, shape = self.pick(4)
        other = [(t, s) for t, s in self.live if len(s) == 4 and s[:3] == shape[:3]]
        z, more = other[int(self.rng.integers(len(other)))]
        y = self.result((*shape[:3], shape[3] + more[3]))
        self.g.operator("CONCATENATION", [x, z], [y], {"axis": 3})

    def unary(self) -> None:
        x, shape = self.pick()
        name = str(self.rng.choice(["RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "ABS", "ELU"]))
        self.g.operator(name, [x], [self.result(shape)])

    def squash(self) -> None:
        x, shape = self.pick()
        name = str(self.rng.choice(["LOGISTIC", "SOFTMAX"]))
        middle = self.result(shape, 1 / 256, -128)
        self.g.operator(name, [x], [middle], {"beta": 1.0} if name == "SOFTMAX" else None)
        self.g.operator("QUANTIZE", [middle], [self.result(shape)])

    def reduce(self) -> None:
        x, (n, _, _, c) = self.pick(4)
        name = str(self.rng.choice(["MEAN", "SUM", "REDUCE_MAX"]))
        axes = self.g.constant(self.name("axes"), np.array([1, 2], np.int32))
        y = self.result((n, 1, 1, c))
        self.g.operator(name, [x, axes], [y], {"keep_dims": True})

    def pool(self) -> None:
        x, (n, h, w, c) = self.pick(4)
        name = str(self.rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
        y = self.result((n, -(-h // 2), -(-w // 2), c))
        options = {"padding": "SAME", "stride_h": 2, "stride_w": 2}
        self.g.operator(name, [x], [y], {**options, "filter_height": 2, "filter_width": 2})

    def pad(self) -> None:
        x, (n, h, w, c) = self.pick(4)
        amounts = np.array([[0, 0], [1, 1], [0, 2], [0, 0]], np.int32)
        by = self.g.constant(self.name("pads"), amounts)
        self.g.operator("PAD", [x, by], [self.result((n, h + 2, w + 2, c))])

    def flatten(self) -> None:
        x, shape = self.pick(4)
        new = (shape[0], int(np.prod(shape[1:])))
        to = self.g.constant(self.name("shape"), np.array(new, np.int32))
        self.g.operator("RESHAPE", [x, to], [self.result(new)])

    def state(self) -> None:
        """SVDF: a variable, and scratch."""
        flat = [t for t in self.live if len(t[1]) == 2 and t[1][1] <= 200]
        if not flat:
            return
        x, (batch, inner) = flat[-1]
        rank, units, memory = 2, 4, 5
        filters = rank * units
        feature = self.weights((filters, inner), 0, int4=False, channels=0)
        time = self.g.constant(
            self.name("time"), np.ones((filters, memory), np.int16), scale=0.01, zero_point=0
        )
        kept = self.g.variable(
            self.name("state"), (batch, memory * filters), "int16", scale=0.001, zero_point=0
        )
        bias = self.g.constant(self.name("b"), np.zeros(units, np.int32), scale=1e-5, zero_point=0)
        self.g.operator(
            "SVDF", [x, feature, time, bias, kept], [self.result((batch, units))],
            {"rank": rank, "fused_activation_function": "RELU"},
        )  # fmt: skip

    def branch(self) -> None:
        """IF: two subgraphs of one input and one output."""
        if self.g.index:
            return
        x, shape = self.pick()
        condition = self.g.constant(self.name("yes"), np.array([True]))
        inner = []
        for _ in range(2):
            side = _Drawing(self.g.subgraph(), self.rng)
            side.start(shape)
            given = side.live[0][0]
            side.grow(int(self.rng.integers(1, 4)))
            last = side.result(shape)
            side.g.operator("RELU", [given], [last])
            side.g.output(last)
            inner.append(side.g.index)
        self.g.operator(
            "IF", [condition, x], [self.result(shape)],
            {"then_subgraph_index": inner[0], "else_subgraph_index": inner[1]},
        )  # fmt: skip

    def resource(self) -> None:
        """A resource variable: written, then read."""
        if self.g.index:
            return
        x, shape = self.pick()
        handle = self.g.tensor(self.name("handle"), (1,), "resource")
        shared = {"container": "", "shared_name": f"v{self.rng.integers(3)}_{shape}"}
        self.g.operator("VAR_HANDLE", [], [handle], shared)
        self.g.operator("ASSIGN_VARIABLE", [handle, x], [])
        self.g.operator("READ_VARIABLE", [handle], [self.result(shape)])

    def grow(self, count: int) -> None:
        """Append random operators."""
        images = [
            self.conv, self.conv, self.depthwise, self.concat, self.reduce, self.pool, self.pad,
            self.flatten,
        ]  # fmt: skip
        others = [
            self.dense, self.binary, self.binary, self.unary, self.squash, self.state, self.branch,
            self.resource,
        ]  # fmt: skip
        for _ in range(count):
            image = any(len(s) == 4 and np.prod(s) < 20000 for _, s in self.live)
            kinds = [*images, *others] if image else others
            kinds[int(self.rng.integers(len(kinds)))]()
            self.live = self.live[-8:]


def draw_graph(seed: int) -> Model:
    """Return one model; the same for the same seed. TFLM runs it with every kernel library."""
    rng = np.random.default_rng(seed)
    g = GraphBuilder()
    drawing = _Drawing(g, rng)
    for _ in range(int(rng.integers(1, 3))):
        drawing.start((1, int(rng.integers(2, 12)), int(rng.integers(2, 12)), 1 + seed % 4))
    inputs = list(drawing.live)
    drawing.grow(int(rng.integers(2, 14)))
    for x, shape in inputs:  # every input is used
        g.operator("RELU", [x], [drawing.result(shape)])
    outputs = list(dict.fromkeys(t for t, _ in drawing.live[-int(rng.integers(1, 4)) :]))
    g.output(*outputs)
    model = g.build()
    return _planned(g, model, rng) if rng.random() < 0.3 else model


def _planned(g: GraphBuilder, model: Model, rng: Rng) -> Model:
    """Add an offline plan for about half of the tensors that are planned."""
    places = plan_model(model).tensors()
    offsets = [
        places[index, number].offset
        if (index, number) in places
        and places[index, number].kind != "variable"
        and places[index, number].last_use >= 0
        and rng.random() < 0.5
        else -1
        for index, subgraph in enumerate(model.subgraphs)
        for number in range(len(subgraph.tensors))
    ]
    for subgraph in model.subgraphs:  # TFLM looks for a variable's offset from the list's start
        for number, tensor in enumerate(subgraph.tensors):
            if tensor.is_variable:
                offsets[number] = -1
    head = np.array([1, 0, len(offsets), *offsets], "<i4")
    g.metadata(METADATA_NAME, head.tobytes())
    return g.build()
