"""TFLM's detection of objects."""

from __future__ import annotations

from refinterp.verdicts.checks import rank, refuse, runs_on
from refinterp.verdicts.common import input_count, output_count
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm


@tflm("TFLite_Detection_PostProcess")
def detection(node: Node) -> None:
    """Boxes from what a detector says."""
    input_count(node, 3)
    boxes, scores, anchors = (node.x(i, aborts=True) for i in range(3))
    rank(boxes, 3)
    rank(scores, 3)
    rank(anchors, 2)
    output_count(node, 4)
    if not (boxes.shape[0] == 1 and boxes.shape[2] >= 4):
        refuse(
            "shapes",
            f"{boxes.label} has shape {list(boxes.shape)}; allowed: 1 first and 4 or more last",
            stage="invoke",
        )
    runs_on(boxes, "float32")
    if scores.shape[:2] != boxes.shape[:2]:
        refuse(
            "shapes",
            f"{scores.label} has shape {list(scores.shape)} and {boxes.label} {list(boxes.shape)}; "
            "allowed: as many boxes",
            stage="invoke",
        )
    classes = int(node.option("num_classes", 0))
    if not 0 <= scores.shape[2] - classes <= 1:
        refuse(
            "shapes",
            f"{scores.label} has {scores.shape[2]} classes; allowed: {classes} or {classes + 1}",
            stage="invoke",
        )
    runs_on(scores, "float32")
    overlap = float(node.option("nms_iou_threshold", 0))
    if not 0 < overlap <= 1:
        refuse(
            "options",
            f"nms_iou_threshold is {overlap:g}; allowed: more than 0, at most 1",
            stage="invoke",
        )
    most = int(node.option("max_detections", 0))
    if most < 0:
        refuse("options", f"max_detections is {most}; allowed: 0 or more", stage="invoke")
