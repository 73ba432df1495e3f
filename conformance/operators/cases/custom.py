"""CIRCULAR_BUFFER, TFLM_DECODE and TFLite_Detection_PostProcess."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, choice, codes, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder
from refinterp.graph.flexbuffer import write_map
from refinterp.graph.model import STORAGE


@generator("CIRCULAR_BUFFER", "int8")
def circular_buffer(d: Draw, dtype: str) -> Case:
    """Several invocations, of which only some reach the operator after it."""
    g = GraphBuilder()
    slots, width, depth = d.integer(1, 6), d.integer(1, 3), d.integer(1, 5)
    q: dict[str, Any] = {"scale": scale(d), "zero_point": zero_point(d)}
    x = g.input("x", (1, 1, width, depth), dtype, **q)
    line = g.variable("line", (1, slots, width, depth), dtype, **q)
    data = b"" if chance(d, 20) else write_map({"cycles_max": d.integer(1, 4)})
    g.operator("CIRCULAR_BUFFER", [x], [line], custom_options=data)
    last = g.tensor("last", (1, 1, width, depth), dtype, **q)
    ends = [g.constant(n, np.array(v, np.int32)) for n, v in (("at", [0, slots - 1, 0, 0]),
            ("size", [1, 1, width, depth]))]  # fmt: skip
    g.operator("SLICE", [line, *ends], [last])
    rare = g.variable("rare", (1, 3, width, depth), dtype, **q)  # moves on in full runs only
    often = write_map({"cycles_max": 1})
    g.operator("CIRCULAR_BUFFER", [last], [rare], custom_options=often)
    cycles = d.integer(1, 12)
    samples = [[codes(d, (1, 1, width, depth), dtype)] for _ in range(cycles)]
    return Case(g.build(outputs=[line, rare]), samples)


@generator("TFLM_DECODE", "uint8", "int8", "uint32")
def decode(d: Draw, dtype: str) -> Case:
    """One or two tensors decoded in any of the three ways, and added to an input where possible."""
    g = GraphBuilder()
    operands, results, stored = [], [], dtype
    for number in range(d.integer(1, 2)):
        dtype = choice(d, ["int8", "int16", "int32", "int64", "float32", "bool"])
        ways = ["table", "pruned"] + (["huffman"] if dtype in ("int8", "int16") else [])
        make = {"table": _table, "pruned": _pruned, "huffman": _huffman}[choice(d, ways)]
        data, head, dims, quantization = make(d, dtype)
        operands.append(
            g.constant(f"codes{number}", np.frombuffer(data + bytes(-len(data) % 4), stored))
        )
        operands.append(g.constant(f"head{number}", np.frombuffer(head, np.uint8)))
        results.append(g.tensor(f"y{number}", dims, dtype, **quantization))
    x = g.input("x", (1,), "float32")
    z = g.tensor("z", (1,), "float32")
    g.operator("TFLM_DECODE", operands, results, custom_options=b"")
    g.operator("ADD", [x, x], [z])
    return Case(g.build(outputs=[z, *results]), [[np.ones(1, np.float32)]])


def _values(d: Draw, dims: tuple[int, ...], dtype: str) -> NDArray[Any]:
    if dtype == "float32":
        return np.asarray(d.rng.standard_normal(dims), np.float32)
    if dtype == "bool":
        return d.rng.random(dims) < 0.5
    return codes(d, dims, dtype)


def _channels(d: Draw, dims: tuple[int, ...], *, zeros: bool) -> tuple[int, dict[str, Any]]:
    """How many channels there are, and the scales that say so."""
    axis = choice(d, [None, 0, len(dims) - 1])
    if axis is None:
        q: dict[str, Any] = {"scale": 0.5}
        return 1, {**q, "zero_point": d.integer(-128, 127) if zeros else 0}
    count = dims[axis]
    points = [d.integer(-128, 127) if zeros else 0 for _ in range(count)]
    return count, {
        "scale": np.full(count, 0.5, np.float32),
        "zero_point": points,
        "quantized_dimension": axis if count > 1 else 0,
    }


Made = tuple[bytes, bytes, tuple[int, ...], dict[str, Any]]


def _table(d: Draw, dtype: str) -> Made:
    dims = shape(d, d.integer(1, 3), 12)
    channels, q = _channels(d, dims, zeros=False)
    width = d.integer(1, 7)
    stride = d.integer(1, 1 << width)
    count = int(np.prod(dims))
    index = d.rng.integers(0, stride, count)
    bits = (index[:, None] >> np.arange(width)[::-1]) & 1
    packed = np.packbits(bits.astype(np.uint8).reshape(-1)).tobytes() + bytes(8)
    table = _values(d, (channels * stride,), dtype)
    head = bytes([0, 1, 0, 0, 1, width, stride, *bytes(9)]) + table.tobytes()
    return packed, head, dims, q


def _pruned(d: Draw, dtype: str) -> Made:
    dims = shape(d, d.integer(1, 3), 12)
    _, q = _channels(d, dims, zeros=dtype == "int8")
    kept = d.rng.random(int(np.prod(dims))) < d.integer(0, 10) / 10
    table = _values(d, (max(int(kept.sum()), 1),), dtype)
    head = bytes([2, 1, 0, 0, 1, *bytes(11)]) + table.tobytes()
    return np.packbits(kept).tobytes() + bytes(8), head, dims, q


def _huffman(d: Draw, dtype: str) -> Made:
    dims = shape(d, d.integer(1, 3), 12)
    wide = dtype == "int16" or chance(d, 50)
    size = d.integer(2, 30)
    letters = d.rng.integers(-100 if dtype == "int8" else -5000, 100, size)
    data = letters[np.minimum(d.rng.geometric(0.3, int(np.prod(dims))) - 1, size - 1)]
    words = _code_words(Counter(data.tolist()))
    first = d.integer(1, 4)
    table = _huffman_tables(words, first, dtype, wide=wide)
    text = "".join(words[symbol] for symbol in data.tolist())
    text += "0" * (-len(text) % 32)
    packed = int(text, 2).to_bytes(len(text) // 8, "big") + bytes(8)
    head = bytes([1, 1, 0, 0, 1, (first - 1) << 4 | int(wide), *bytes(10)])
    return packed, head + table, dims, {"scale": 0.5, "zero_point": 0}


def _code_words(counts: Mapping[int, int]) -> dict[int, str]:
    """A Huffman code; one symbol alone gets the word 0."""
    heap = [(count, order, [symbol]) for order, (symbol, count) in enumerate(counts.items())]
    heapq.heapify(heap)
    words = dict.fromkeys(counts, "")
    if len(heap) == 1:
        return dict.fromkeys(counts, "0")
    order = len(heap)
    while len(heap) > 1:
        (low, _, left), (high, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for bit, side in (("0", left), ("1", right)):
            for symbol in side:
                words[symbol] = bit + words[symbol]
        heapq.heappush(heap, (low + high, order, left + right))
        order += 1
    return words


def _huffman_tables(words: Mapping[int, str], first: int, dtype: str, *, wide: bool) -> bytes:
    """Tables that look up `first` bits, then as many as are needed, at most 8 at once."""
    shift = 27 if wide else 11
    mask = (1 << (8 * STORAGE[dtype].itemsize)) - 1
    entries: list[int] = []

    def fill(start: int, bits: int, prefix: str) -> None:
        for index in range(1 << bits):
            tail = format(index, f"0{bits}b")
            found = [w for w in words.items() if (prefix + tail).startswith(w[1])]
            if found:
                symbol, word = found[0]
                used = len(word) - len(prefix)
                top = 1 << (31 if wide else 15)
                entries[start + index] = top | used << shift | (symbol & mask)
                continue
            longer = [len(w) for w in words.values() if w.startswith(prefix + tail)]
            if not longer:
                continue
            more = min(max(longer) - len(prefix + tail), 8)
            place = len(entries)
            entries.extend([0] * (1 << more))
            entries[start + index] = (more - 1) << shift | (place - start - index)
            fill(place, more, prefix + tail)

    entries.extend([0] * (1 << first))
    fill(0, first, "")
    return np.array(entries, "<u4" if wide else "<u2").tobytes()


@generator("TFLite_Detection_PostProcess", "float32", "uint8")
def detection(d: Draw, dtype: str) -> Case:
    """Fast and regular suppression over boxes that overlap, with and without a background.

    The fast one leaves places without a detection unwritten, so all boxes are kept there.
    """
    g = GraphBuilder()
    n, classes, background = d.integer(1, 25), d.integer(1, 6), d.integer(0, 1)
    regular = chance(d, 50)
    most = d.integer(1, 12) if regular else n
    options = {
        "max_detections": most,
        "max_classes_per_detection": 1,
        "detections_per_class": d.integer(1, 20),
        "use_regular_nms": regular,
        "nms_score_threshold": choice(d, [0.0, 0.3, 0.6]) if regular else 0.0,
        "nms_iou_threshold": choice(d, [0.6, 0.3, 1.0]) if regular else 1.0,
        "num_classes": classes,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    columns = d.integer(4, 6)
    grid = d.rng.random((n, 4)) * np.array([1, 1, 0.5, 0.5]) + np.array([0, 0, 0.1, 0.1])
    spread = n * (classes + background)
    scores = d.rng.permutation(spread).reshape(1, n, -1)  # no two alike: ties have no order
    if dtype == "float32":
        boxes = g.input("boxes", (1, n, columns))
        values = g.input("scores", (1, n, classes + background))
        anchors = g.constant("anchors", grid.astype(np.float32))
        fed = np.asarray(d.rng.standard_normal((1, n, columns)), np.float32)
        samples = [[fed, ((scores + 1) / (spread + 1)).astype(np.float32)]]
    else:
        boxes = g.input("boxes", (1, n, columns), dtype, scale=0.02, zero_point=128)
        values = g.input("scores", (1, n, classes + background), dtype, scale=1 / 255, zero_point=0)
        places = np.clip(np.rint(grid * 200), 1, 255).astype(np.uint8)
        anchors = g.constant("anchors", places, scale=1 / 200, zero_point=0)
        fed = d.rng.integers(0, 256, (1, n, columns)).astype(np.uint8)
        samples = [[fed, np.minimum(scores, 255).astype(np.uint8)]]
    places_out = most
    shapes = [(1, places_out, 4), (1, places_out), (1, places_out), (1,)]
    outputs = [g.tensor(f"y{i}", dims) for i, dims in enumerate(shapes)]
    g.operator(
        "TFLite_Detection_PostProcess", [boxes, values, anchors], outputs,
        custom_options=write_map(options),
    )  # fmt: skip
    return Case(g.build(outputs=outputs), samples, float_tolerance=1e-6)
