"""TFLite_Detection_PostProcess: boxes from anchors and encodings, the best that overlap little.

Real      centre = code / scale * anchor size + anchor centre, size = exp(code / scale) * anchor
          size, worked out in float64 and kept in float32
          fast: each box once, by its best class, with its best classes; regular: every class for
          itself, the best of all together. A box is dropped when a better one overlaps it: shared
          area / joint area > nms_iou_threshold
Shapes    boxes (1, n, 4 or more), scores (1, n, classes or classes + 1 with the background first),
          anchors (n, 4) → boxes (1, m, 4), classes and scores (1, m), count (1,); m is
          max_detections * max_classes_per_detection
Units     boxes as y, x, height, width; results as ymin, xmin, ymax, xmax. uint8 inputs are
          dequantized. Places without a detection hold zeros
Raises    ModelError, from prepare: shapes, types, options; at run time: a box whose corners are in
          the wrong order, where the runtimes stop too
Source    LiteRT kernels/detection_postprocess.cc (f67457790); tflite-micro
          micro/kernels/detection_postprocess.cc (90b983c2b)
Exact to  LiteRT and TFLM on the places they write. TFLM numbers several classes of a box so that
          places between them stay empty, and those beyond the end are lost
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Detections
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """Custom options of TFLite_Detection_PostProcess."""

    max_detections: int = 0
    max_classes_per_detection: int = 0
    detections_per_class: int = 100
    use_regular_nms: bool = False
    nms_score_threshold: float = 0.0
    nms_iou_threshold: float = 0.0
    num_classes: int = 0
    y_scale: float = 0.0
    x_scale: float = 0.0
    h_scale: float = 0.0
    w_scale: float = 0.0


@kernel("TFLite_Detection_PostProcess", "float32", "uint8", options=DetectionOptions)
@dataclass(frozen=True, slots=True, eq=False)
class DetectionPostProcess(Kernel):
    """codes, scores, anchors: zero point and scale where these are uint8, else None.

    spread: whether several classes of a box leave gaps, as TFLM numbers them. touching: whether
    corners may coincide.
    """

    options: DetectionOptions
    codes: tuple[int, np.float32] | None
    scores: tuple[int, np.float32] | None
    anchors: tuple[int, np.float32] | None
    background: int
    spread: bool
    touching: bool

    @staticmethod
    def output_shapes(
        operands: Detections[TensorSpec], options: DetectionOptions
    ) -> tuple[Shape, ...]:
        """Four outputs of max_detections * max_classes_per_detection places."""
        places = options.max_detections * options.max_classes_per_detection
        if not 0 < places <= 1 << 24:
            raise ModelError(
                f"max_detections {options.max_detections} times max_classes_per_detection "
                f"{options.max_classes_per_detection} must be at least 1"
            )
        return ((1, places, 4), (1, places), (1, places), (1,))

    @classmethod
    def prepare(
        cls,
        operands: Detections[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DetectionOptions,
        rule: Rules,
    ) -> DetectionPostProcess:
        """Check what the runtimes check, some of it at run time."""
        boxes, scores, anchors = operands.boxes, operands.scores, operands.anchors
        if (
            boxes.shape[0] != 1
            or boxes.shape[2] < 4
            or scores.shape[:2] != boxes.shape[:2]
            or anchors.shape != (boxes.shape[1], 4)
        ):
            raise ModelError(
                f"boxes {list(boxes.shape)}, scores {list(scores.shape)} and anchors "
                f"{list(anchors.shape)} do not fit: [1, n, 4], [1, n, classes], [n, 4]"
            )
        background = scores.shape[2] - options.num_classes
        if background not in (0, 1) or options.num_classes < 1:
            raise ModelError(
                f"num_classes is {options.num_classes}, but there are scores of {scores.shape[2]}; "
                "they must be as many, or one more for the background"
            )
        if not 0 < options.nms_iou_threshold <= 1:
            raise ModelError(f"nms_iou_threshold is {options.nms_iou_threshold}; above 0, up to 1")
        if options.use_regular_nms and options.detections_per_class < 1:
            raise ModelError(f"detections_per_class is {options.detections_per_class}; at least 1")
        if any(spec.dtype != "float32" for spec in outputs):
            raise ModelError(
                f"outputs are {[spec.dtype for spec in outputs]}; they must be float32"
            )
        micro = rule.path == "micro"
        return cls(
            options,
            _quantization(boxes),
            _quantization(scores),
            _quantization(anchors),
            background,
            micro,
            not micro,
        )

    def eval(self, operands: Detections[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the detections."""
        codes, scores, anchors = operands.boxes, operands.scores, operands.anchors
        for index, results in enumerate(zip(*outputs, strict=True)):
            for result in results:
                result[...] = 0
            own = [array[min(index, len(array) - 1)] for array in (codes, scores, anchors)]
            centres = _reals(own[0][0, :, :4], self.codes)
            boxes = self._decode(centres, _reals(own[2], self.anchors))
            classes = _reals(own[1][0], self.scores)[:, self.background :]
            find = self._regular if self.options.use_regular_nms else self._fast
            find(boxes, classes, *results)

    def _decode(self, codes: F32, anchors: F32) -> F32:
        """Corners, float32 (n, 4): ymin, xmin, ymax, xmax."""
        o = self.options
        scales = np.array([o.y_scale, o.x_scale, o.h_scale, o.w_scale], np.float32)
        code, anchor = codes.astype(np.float64), anchors.astype(np.float64)
        with np.errstate(all="ignore"):
            ratio = code / scales.astype(np.float64)
            centre = (ratio[:, :2] * anchor[:, 2:] + anchor[:, :2]).astype(np.float32)
            half = (0.5 * np.exp(ratio[:, 2:]) * anchor[:, 2:]).astype(np.float32)
            boxes = np.concatenate([centre - half, centre + half], axis=1)
        low, high = boxes[:, :2], boxes[:, 2:]
        wrong = (low > high) if self.touching else (low >= high)
        if wrong.any():
            box = int(np.argwhere(wrong)[0, 0])
            raise ModelError(f"box {box} is decoded to {boxes[box].tolist()}: its size is not > 0")
        return boxes

    def _select(self, boxes: F32, scores: F32, most: int) -> NDArray[np.int64]:
        """Indices of the boxes that stay, best first, at most `most`."""
        kept = np.flatnonzero(scores >= np.float32(self.options.nms_score_threshold))
        order = kept[np.argsort(-scores[kept], kind="stable")]
        limit = min(len(order), most)
        selected: list[int] = []
        while order.size and len(selected) < limit:
            best, order = order[0], order[1:]
            selected.append(int(best))
            overlap = _overlap(boxes[best], boxes[order])
            order = order[~(overlap > np.float32(self.options.nms_iou_threshold))]
        return np.array(selected, np.int64)

    def _fast(self, boxes: F32, scores: F32, y: F32, classes: F32, best: F32, count: F32) -> None:
        o = self.options
        each = min(o.max_classes_per_detection, o.num_classes)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :each]
        selected = self._select(boxes, scores.max(axis=1), o.max_detections)
        number, column = np.indices((len(selected), each), np.int64)
        if self.spread:
            place = each * (number * each + column) + column
        else:
            place = o.max_classes_per_detection * number + column
        inside = place < y.shape[1]
        place, number, column = place[inside], number[inside], column[inside]
        chosen = selected[number]
        y[0, place] = boxes[chosen]
        classes[0, place] = order[chosen, column]
        best[0, place] = scores[chosen, order[chosen, column]]
        count[0] = len(selected) * (each if self.spread else 1)

    def _regular(
        self, boxes: F32, scores: F32, y: F32, classes: F32, best: F32, count: F32
    ) -> None:
        o = self.options
        found: list[tuple[NDArray[np.int64], int]] = []
        for number in range(scores.shape[1]):
            found.append((self._select(boxes, scores[:, number], o.detections_per_class), number))
        chosen = np.concatenate([own for own, _ in found])
        kind = np.concatenate([np.full(len(own), number, np.int64) for own, number in found])
        order = np.argsort(-scores[chosen, kind], kind="stable")[: o.max_detections]
        chosen, kind = chosen[order], kind[order]
        y[0, : len(chosen)] = boxes[chosen]
        classes[0, : len(chosen)] = kind
        best[0, : len(chosen)] = scores[chosen, kind]
        count[0] = len(chosen)


def _quantization(spec: TensorSpec) -> tuple[int, np.float32] | None:
    if spec.dtype == "float32":
        return None
    if spec.dtype != "uint8" or spec.scale.size != 1:
        raise ModelError(
            f"{spec.name!r} is {spec.dtype} with {spec.scale.size} scales; float32, or uint8 with "
            "one"
        )
    return spec.zero, spec.scale[0]


def _reals(values: Array, quantization: tuple[int, np.float32] | None) -> F32:
    if quantization is None:
        return np.asarray(values, np.float32)
    zero, scale = quantization
    return (values.astype(np.float32) - np.float32(zero)) * scale


def _overlap(box: F32, others: F32) -> F32:
    """Shared area / joint area, 0 where a box has none."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    sides = np.maximum(high - low, np.float32(0))
    shared = sides[:, 0] * sides[:, 1]
    with np.errstate(all="ignore"):
        ratio = shared / (area + areas - shared)
    return np.where((area <= 0) | (areas <= 0), np.float32(0), ratio)
