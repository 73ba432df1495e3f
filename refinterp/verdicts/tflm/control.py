"""TFLM's operators that call subgraphs or keep variables, and its custom operators."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.graph.model import STORAGE
from refinterp.verdicts.node import Node, Operand, is_constant, need, rank, refuse, runs_on, types
from refinterp.verdicts.table import tflm


def _subgraph(node: Node, name: str) -> int:
    called = int(node.option(name, 0))
    count = len(node.model.subgraphs)
    need(0 <= called < count, "options", f"{name} is {called}; allowed: 0 to {count - 1}")
    return called


@tflm("IF")
def if_(node: Node) -> None:
    """IF."""
    need(len(node.inputs) > 0, "operands", "it has no inputs; allowed: 1 or more")
    condition = node.x(0)
    types(condition, "bool")
    need(condition.size == 1, "shapes",
         f"{condition.label} has {condition.size} elements; allowed: 1")  # fmt: skip
    then = _subgraph(node, "then_subgraph_index")
    _subgraph(node, "else_subgraph_index")
    graph = node.model.subgraphs[then]
    _counts("inputs", len(node.inputs) - 1, len(graph.inputs), then)
    _counts("outputs", len(node.outputs), len(graph.outputs), then)
    for position in range(1, len(node.inputs)):
        node.x(position, aborts=True)
    branches = [then, int(node.option("else_subgraph_index", 0))]
    _same_bytes(node, node.inputs[1:], branches, "inputs")
    _same_bytes(node, node.outputs, branches, "outputs")


def _same_bytes(
    node: Node, operands: Sequence[Operand | None], branches: Sequence[int], side: str
) -> None:
    """What is passed is as large as what the subgraphs have, at least one of them."""
    for position, x in enumerate(operands):
        wrong = []
        for branch in branches:
            graph = node.model.subgraphs[branch]
            indices = getattr(graph, side)
            if x is None or position >= len(indices):
                continue
            tensor = graph.tensors[indices[position]]
            sizes = (_bytes(x), _width(str(tensor.dtype)) * math.prod(tensor.shape))
            if sizes[0] != sizes[1] and min(sizes) >= 0:
                wrong.append(f"{sizes[1]} in subgraph {branch}")
        if x is not None and len(wrong) == len(branches):
            refuse("shapes", f"{x.label} has {_bytes(x)} bytes; allowed: "
                   + " or ".join(wrong), stage="invoke")  # fmt: skip


def _bytes(x: Operand) -> int:
    return _width(x.dtype) * x.size


def _width(dtype: str) -> int:
    return STORAGE[dtype].itemsize if dtype in STORAGE else 1


def _counts(what: str, mine: int, its: int, subgraph: int) -> None:
    need(mine == its, "operands",
         f"it has {mine} {what} for subgraph {subgraph}, which has {its}")  # fmt: skip


@tflm("WHILE")
def while_(node: Node) -> None:
    """WHILE."""
    condition = _subgraph(node, "cond_subgraph_index")
    body = _subgraph(node, "body_subgraph_index")
    count = len(node.inputs)
    _counts("inputs", count, len(node.model.subgraphs[condition].inputs), condition)
    _counts("inputs", count, len(node.model.subgraphs[body].inputs), body)
    need(count == len(node.outputs), "operands",
         f"it has {count} inputs and {len(node.outputs)} outputs; allowed: as many")  # fmt: skip
    _counts("outputs", count, len(node.model.subgraphs[body].outputs), body)
    for position in range(count):
        node.x(position, aborts=True)
    _same_bytes(node, node.inputs, [condition], "inputs")
    for x, y in zip(node.inputs, node.outputs, strict=True):
        if x is not None and y is not None and _bytes(x) != _bytes(y):
            refuse("shapes", f"{x.label} has {_bytes(x)} bytes and {y.label} {_bytes(y)}; "
                   "allowed: as many", stage="invoke")  # fmt: skip
    _same_bytes(node, node.outputs, [body], "inputs")
    _same_bytes(node, node.outputs, [body], "outputs")


@tflm("CALL_ONCE")
def call_once(node: Node) -> None:
    """CALL_ONCE."""
    node.counts(0, 0)
    _subgraph(node, "init_subgraph_index")


@tflm("ASSIGN_VARIABLE")
def assign_variable(node: Node) -> None:
    """ASSIGN_VARIABLE."""
    node.counts(2, 0)
    handle = node.x(0, aborts=True)
    types(handle, "resource", "int32")
    need(handle.size == 1, "shapes", f"{handle.label} has {handle.size} elements; allowed: 1")
    node.x(1, aborts=True)


@tflm("VAR_HANDLE")
def variable(node: Node) -> None:
    """Nothing is checked."""


@tflm("READ_VARIABLE")
def read_variable(node: Node) -> None:
    """What is read is as large as what was assigned, or the process ends."""
    handle = node.x(aborts=True)
    y = node.y(aborts=True)
    name = _variable_of(node, node.operator.inputs[0])
    for other in node.graph.operators:
        if other.name != "ASSIGN_VARIABLE" or len(other.inputs) < 2 or name is None:
            continue
        if _variable_of(node, other.inputs[0]) == name and other.inputs[1] >= 0:
            tensor = node.graph.tensors[other.inputs[1]]
            size = _width(str(tensor.dtype)) * math.prod(tensor.shape)
            need(size == _width(y.dtype) * y.size, "shapes",
                 f"{y.label} has {_width(y.dtype) * y.size} bytes; {handle.label} has {size}",
                 aborts=True, stage="invoke")  # fmt: skip


def _variable_of(node: Node, handle: int) -> tuple[str, str] | None:
    """The name of the variable that a handle is of, None where no operator makes it."""
    for operator in node.graph.operators:
        if operator.name == "VAR_HANDLE" and handle in operator.outputs:
            options = operator.options
            return str(options.get("container")), str(options.get("shared_name"))
    return None


def _signature(
    node: Node,
    inputs: tuple[tuple[int | None, str], ...],
    outputs: tuple[tuple[int | None, str], ...],
) -> None:
    """Counts, ranks (None: any) and types of a signal operator's operands."""
    node.counts(len(inputs), len(outputs))
    operands = [(node.x(i), *want) for i, want in enumerate(inputs)]
    operands += [(node.y(i), *want) for i, want in enumerate(outputs)]
    for operand, dims, _ in operands:
        if dims is not None:
            rank(operand, dims)
    for operand, _, dtype in operands:
        types(operand, dtype)


_SIGNATURES = {
    "SignalDelay": (((None, "int16"),), ((None, "int16"),)),
    "SignalEnergy": (((1, "int16"),), ((1, "uint32"),)),
    "SignalFftAutoScale": (((1, "int16"),), ((1, "int16"), (0, "int32"))),
    "SignalFilterBank": (((1, "uint32"), *((1, "int16"),) * 5), ((1, "uint64"),)),
    "SignalFilterBankLog": (((1, "uint32"),), ((1, "int16"),)),
    "SignalFilterBankSpectralSubtraction": (((1, "uint32"),), ((1, "uint32"), (1, "uint32"))),
    "SignalFilterBankSquareRoot": (((1, "uint64"), (0, "int32")), ((1, "uint32"),)),
    "SignalPCAN": (((1, "uint32"), (1, "uint32"), (1, "int16")), ((1, "uint32"),)),
    "SignalStacker": (((1, "int16"),), ((1, "int16"), (0, "bool"))),
}
"""Ranks and types of inputs and outputs."""


@tflm(*_SIGNATURES)
def signal(node: Node) -> None:
    """Operators of the audio front end that ask for these ranks and types alone."""
    _signature(node, *_SIGNATURES[node.name])


@tflm("SignalFramer")
def framer(node: Node) -> None:
    """Overlapping frames."""
    node.counts(1, 2)
    x, y, valid = node.x(), node.y(0), node.y(1)
    need(x.rank + 1 == y.rank, "rank", f"{y.label} has {y.rank} dimensions; allowed: {x.rank + 1}")
    rank(valid, 0)
    types(x, "int16")
    types(y, "int16")
    types(valid, "bool")
    step, size = int(node.option("frame_step", 0)), x.shape[-1] if x.rank else 0
    need(step != 0, "options", "frame_step is 0; allowed: 1 or more", aborts=True)
    need(size >= step and size % step == 0, "shapes",
         f"{x.label} has rows of {size}; allowed: multiples of frame_step {step}")  # fmt: skip


@tflm("SignalWindow")
def window(node: Node) -> None:
    """A window of weights."""
    node.counts(2, 1)
    x, weights, y = node.x(0), node.x(1), node.y()
    need(x.rank >= 1, "rank", f"{x.label} has no dimension; allowed: 1 or more")
    rank(weights, 1)
    _same_rank(x, y)
    for operand in (x, weights, y):
        types(operand, "int16")


def _same_rank(x: Operand, y: Operand) -> None:
    need(x.rank == y.rank, "rank", f"{y.label} has {y.rank} dimensions; allowed: {x.rank}")


_KINDS = {7: "int16", 2: "int32", 0: "float32"}
"""The types that option T stands for."""


@tflm("SignalRfft", "SignalIrfft")
def rfft(node: Node) -> None:
    """Fourier transforms of reals."""
    kind = _kind(node, ("int16", "int32", "float32"))
    node.counts(1, 1)
    x, y = node.x(), node.y()
    _same_rank(x, y)
    types(x, kind)
    types(y, kind)
    if node.name == "SignalIrfft":
        length = int(node.option("fft_length", 0))
        need(length % 2 == 0, "options", f"fft_length is {length}; allowed: even", aborts=True)
        need(x.rank > 0 and x.shape[-1] >= 2, "shapes",
             f"{x.label} has shape {list(x.shape)}; allowed: 2 or more last",
             aborts=True)  # fmt: skip


@tflm("SignalOverlapAdd")
def overlap_add(node: Node) -> None:
    """Frames to a signal."""
    kind = _kind(node, ("int16", "float32"))
    node.counts(1, 1)
    x, y = node.x(), node.y()
    need(x.rank == y.rank + 1, "rank", f"{x.label} has {x.rank} dimensions; allowed: {y.rank + 1}")
    types(x, kind)
    types(y, kind)
    need(x.rank >= 2, "rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")


def _kind(node: Node, allowed: tuple[str, ...]) -> str:
    number = int(node.option("T", 0))
    kind = _KINDS.get(number, "")
    if kind not in allowed:
        refuse("options", f"T is {number}; allowed: those of {', '.join(allowed)}", aborts=True)
    return kind


@tflm("CIRCULAR_BUFFER")
def circular_buffer(node: Node) -> None:
    """A buffer that moves on by one row each run."""
    need(len(node.inputs) == 1, "operands", f"it has {len(node.inputs)} inputs; allowed: 1")
    x, y = node.x(), node.y()
    if len(node.outputs) > 1:
        types(node.y(1), "bool")
    rank_ = min(x.rank, y.rank)
    need(rank_ >= 4, "rank", f"{x.label} and {y.label} have {x.rank} and {y.rank} dimensions")
    need(
        x.shape[0] == y.shape[0] and x.shape[1] == 1 and x.shape[2:4] == y.shape[2:4],
        "shapes",
        f"{x.label} has shape {list(x.shape)} and {y.label} {list(y.shape)}; allowed: one row in, "
        "and else the same",
    )
    need(x.dtype == y.dtype, "types", f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}")
    types(x, "int8")


@tflm("TFLite_Detection_PostProcess")
def detection(node: Node) -> None:
    """Boxes from what a detector says."""
    need(len(node.inputs) == 3, "operands", f"it has {len(node.inputs)} inputs; allowed: 3")
    boxes, scores, anchors = (node.x(i, aborts=True) for i in range(3))
    rank(boxes, 3)
    rank(scores, 3)
    rank(anchors, 2)
    need(len(node.outputs) == 4, "operands", f"it has {len(node.outputs)} outputs; allowed: 4")
    need(boxes.shape[0] == 1 and boxes.shape[2] >= 4, "shapes",
         f"{boxes.label} has shape {list(boxes.shape)}; allowed: 1 first and 4 or more last",
         stage="invoke")  # fmt: skip
    runs_on(boxes, "float32")
    need(scores.shape[:2] == boxes.shape[:2], "shapes",
         f"{scores.label} has shape {list(scores.shape)} and {boxes.label} {list(boxes.shape)}; "
         "allowed: as many boxes", stage="invoke")  # fmt: skip
    classes = int(node.option("num_classes", 0))
    need(0 <= scores.shape[2] - classes <= 1, "shapes",
         f"{scores.label} has {scores.shape[2]} classes; allowed: {classes} or {classes + 1}",
         stage="invoke")  # fmt: skip
    runs_on(scores, "float32")
    overlap = float(node.option("nms_iou_threshold", 0))
    need(0 < overlap <= 1, "options",
         f"nms_iou_threshold is {overlap:g}; allowed: more than 0, at most 1",
         stage="invoke")  # fmt: skip
    most = int(node.option("max_detections", 0))
    need(most >= 0, "options", f"max_detections is {most}; allowed: 0 or more", stage="invoke")


_HUFFMAN, _PRUNED = 1, 2
"""Ways in which constants are compressed; 0: a table of values."""


@tflm("TFLM_DECODE")
def decode(node: Node) -> None:
    """Compressed constants."""
    inputs, outputs = len(node.inputs), len(node.outputs)
    need(
        outputs > 0 and inputs == 2 * outputs,
        "operands",
        f"it has {inputs} inputs and {outputs} outputs; allowed: two inputs for each output",
    )
    for i in range(0, inputs, 2):
        data, ancillary, y = node.x(i), node.x(i + 1), node.y(i // 2)
        is_constant(data)
        is_constant(ancillary)
        raw = b"" if ancillary.raw is None else ancillary.raw.tobytes()
        need(len(raw) > 5 and raw[1] == 1, "constants",
             f"{ancillary.label} is of another version than 1")  # fmt: skip
        need(raw[0] <= _PRUNED, "constants",
             f"{ancillary.label} asks for decoder {raw[0]}; allowed: 0 to {_PRUNED}")  # fmt: skip
        need(raw[4] == 1, "constants",
             f"{ancillary.label} is of another version than 1")  # fmt: skip
        if raw[0] == _HUFFMAN:
            if not raw[5] & 1:
                types(y, "int8")
            runs_on(y, "int8", "int16")
            continue
        if y.affine:
            along_last = y.axis == y.rank - 1 and y.scales.size > 1
            last = f" or {y.rank - 1}" if y.scales.size > 1 else ""
            need(along_last or y.axis == 0, "quantization",
                 f"{y.label} has quantized_dimension {y.axis}; allowed: 0{last}")  # fmt: skip
            if raw[0] == _PRUNED and y.dtype != "int8":
                need(not y.zeros.any(), "zero points",
                     f"{y.label} is of {y.dtype} and has zero points; allowed: 0")  # fmt: skip
        runs_on(y, "bool", "float32", "int8", "int16", "int32", "int64")
