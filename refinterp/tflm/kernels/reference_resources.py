"""What TFLM's kernels take for resource variables and for custom operators."""

from __future__ import annotations

from typing import Final

import numpy as np

from refinterp.tflm.operation import TflmOperation

DECODE_STATES: Final = {0: "DecodeStateLut", 1: "DecodeStateHuffman", 2: "DecodeStatePrune"}
TABLES: Final = 0
HUFFMAN: Final = 1
PRUNED: Final = 2


def var_handle(op: TflmOperation) -> None:
    """Prepare of VAR_HANDLE."""
    name = repr((op.option("container", None), op.option("shared_name", None)))
    if name not in op.state.names:
        op.state.names.append(name)
    op.state.resources[op["o0"].id] = op.state.names.index(name)
    op.state.shapes[op["o0"].id] = (0,)  # its data is the id the operator keeps, not the arena's


def assign_variable(op: TflmOperation) -> None:
    """Prepare of ASSIGN_VARIABLE."""
    op.temps("i1")
    resource = op.state.resources.get(op["i0"].id)
    if resource is not None and resource not in op.state.variables:
        op.state.variables.add(resource)
        op.keep(op["i1"].elements * op["i1"].itemsize, "resource variable")


def assign_variable_init(op: TflmOperation) -> None:
    """Init of ASSIGN_VARIABLE."""
    if op.profile.tflm.compression:
        op.keep_struct("OpDataAssignVariable")


# custom operators that are not of the signal library


def detection_post_process(op: TflmOperation) -> None:
    """Prepare of TFLite_Detection_PostProcess."""
    op.temps("i0 i1 i2")
    options = op.option_map()
    boxes, scores = op["i0"].shape[1], op["i1"].shape[1] * op["i1"].shape[2]
    most, classes = int(options["max_detections"]), int(options["num_classes"])
    for size, what in (
        (boxes, "candidates"),
        (16 * boxes, "decoded boxes"),
        (4 * scores, "scores"),
        (4 * boxes, "scores of a class"),
        (4 * boxes, "kept scores"),
        (4 * most * boxes, "scores after suppression"),
        (4 * most * boxes, "sorted scores"),
        (4 * boxes, "kept indices"),
        (4 * most * boxes, "sorted indices"),
        (4 * max(classes, most) * boxes, "buffer"),
        (4 * min(boxes, most) * boxes, "selected"),
    ):
        op.scratch(size, what)


def _unread(kind: int, scales: int) -> int | None:
    """Return what a decoder leaves alone of its output's TfLiteTensor once it has its state.

    The tables' looks at the axis but not at the zero points behind it, the pruned's at these too.
    """
    if kind == HUFFMAN and scales:
        return None
    return 4 + 4 * scales if kind == TABLES and scales else 0


def decode(op: TflmOperation) -> None:
    """Prepare of TFLM_DECODE."""
    count = len(op.operator.outputs)
    op.require(
        len(op.operator.inputs) == 2 * count,
        f"it has {len(op.operator.inputs)} inputs for {count} outputs, not two each",
    )
    op.keep(op.pointer * count, "pointers to the decoders")
    for i in range(count):
        op.temps(f"i{2 * i} i{2 * i + 1} o{i}")
        op.must_be_constant(f"i{2 * i}")
        op.must_be_constant(f"i{2 * i + 1}")
        header = np.asarray(op[f"i{2 * i + 1}"].value()).view(np.uint8).reshape(-1)
        kind = int(header[0]) if header.size else -1
        op.require(kind in DECODE_STATES, f"input {2 * i + 1} asks for decoder {kind}")
        y = op[f"o{i}"]
        op.keep_struct(DECODE_STATES[kind], unread=_unread(kind, y.scales))
        q = y.tensor.quantization
        if kind == PRUNED and y.scales > 1 and q is not None and q.zero_point.any():
            op.keep(y.scales, "zero point per channel")
