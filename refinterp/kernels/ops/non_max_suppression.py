"""NON_MAX_SUPPRESSION_V4, _V5: the best boxes that do not overlap better ones.

Real      the candidate of the best score is taken, unless its overlap (intersection over union)
          with a box taken before reaches the threshold. V5, sigma > 0: its score is multiplied by
          exp(-overlap ** 2 / (2 * sigma)) for each of these instead, and it has to queue again
Shapes    boxes (n, 4): two opposite corners y, x; scores (n,); most () int32; three thresholds ():
          overlap, score and, in V5, sigma. Outputs: indices (most,) int32, in V5 then scores
          (most,), and how many there are () int32. The rest is 0
Raises    ModelError, from prepare only: shapes; NeedsValue when `most` is known only at run time
Source    LiteRT kernels/non_max_suppression.cc, internal/reference/non_max_suppression.h
          (f67457790)
Exact to  LiteRT BUILTIN_REF, equal scores included: they leave the queue in the order of GNU's
          std::priority_queue. TFLM has no such operators
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Suppressed
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import integer, per_sample
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

F32 = NDArray[np.float32]


def non_max_suppression_output_shapes(
    operands: Suppressed[TensorSpec], options: NoOptions
) -> tuple[Shape, ...]:
    """The outputs' shapes; raises ModelError for inputs of other shapes."""
    where = "NON_MAX_SUPPRESSION"
    boxes, scores = operands.boxes, operands.scores
    if boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ModelError(
            f"{where} needs boxes (n, 4) and scores (n,), got {list(boxes.shape)} and "
            f"{list(scores.shape)}"
        )
    for place, spec in enumerate(operands[3:]):
        if spec.size != 1:
            raise ModelError(f"{where}: {operands.name_of(place + 3)} must be one number")
    most = integer(operands.max_outputs, where)
    if most < 0:
        raise ModelError(f"{where}: at most {most} boxes; 0 or more are needed")
    return ((most,), *([(most,)] if len(operands) == 6 else []), ())


@kernel("NON_MAX_SUPPRESSION_V4", "float32")
@kernel("NON_MAX_SUPPRESSION_V5", "float32")
@dataclass(frozen=True, slots=True)
class NonMaxSuppression(Kernel):
    """Both versions, told apart by the number of outputs."""

    output_shapes = staticmethod(non_max_suppression_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Suppressed[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> NonMaxSuppression:
        """Check the shapes."""
        non_max_suppression_output_shapes(operands, options)
        return cls()

    def eval(self, operands: Suppressed[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the outputs, sample by sample."""
        boxes, scores = operands.boxes, operands.scores
        chosen, count = outputs[0], outputs[-1]
        limits = [array.reshape(len(array), 1) for array in operands[3:]]
        for number, (corners, own, *numbers) in enumerate(
            per_sample(len(chosen), boxes, scores, *limits)
        ):
            values = [number_[0] for number_ in numbers]
            found = select(corners, own, chosen.shape[1], *values)
            chosen[number, : len(found)] = [index for index, _ in found]
            chosen[number, len(found) :] = 0
            if len(outputs) == 3:
                outputs[1][number, : len(found)] = [score for _, score in found]
                outputs[1][number, len(found) :] = 0
            count[number] = len(found)


Candidate = tuple[np.float32, int, int]
"""A score, its box, and how many of the boxes taken it has been compared with."""


class Queue:
    """A heap of candidates by score, in which equal ones lie as in GNU's std::priority_queue."""

    def __init__(self) -> None:
        self._items: list[Candidate] = []

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: Candidate) -> None:
        """Add one."""
        self._items.append(item)
        self._rise(len(self._items) - 1, item)

    def pop(self) -> Candidate:
        """Take the best: the hole sinks to the end, then the last one rises from there."""
        items = self._items
        best, last = items[0], items.pop()
        count, hole = len(items), 0
        if not count:
            return best
        while 2 * hole + 2 < count:
            child = 2 * hole + 2
            child -= bool(items[child][0] < items[child - 1][0])
            items[hole] = items[child]
            hole = child
        if 2 * hole + 2 == count:
            items[hole] = items[count - 1]
            hole = count - 1
        self._rise(hole, last)
        return best

    def _rise(self, hole: int, item: Candidate) -> None:
        items = self._items
        while hole and items[(hole - 1) // 2][0] < item[0]:
            items[hole] = items[(hole - 1) // 2]
            hole = (hole - 1) // 2
        items[hole] = item


def select(
    boxes: F32, scores: F32, most: int, overlap: Any, least: Any, sigma: Any = 0.0
) -> list[tuple[int, np.float32]]:
    """Return the boxes (n, 4) taken, best first, with their scores at that time."""
    queue = Queue()
    for index in np.flatnonzero(scores > least).tolist():
        queue.push((scores[index], index, 0))
    wanted = min(len(queue), most)
    scale = np.float32(-0.5 / sigma) if sigma > 0 else np.float32(0)
    taken: list[int] = []
    found: list[tuple[int, np.float32]] = []
    while len(found) < wanted and queue:
        original, index, begin = queue.pop()
        score = original
        overlaps = _overlaps(boxes, index, taken[begin:])[::-1]
        suppressed = False
        if sigma > 0:
            factors = np.exp((scale * overlaps * overlaps).astype(np.float64)).astype(np.float32)
            for part, factor in zip(overlaps, factors, strict=True):
                suppressed = bool(part >= overlap)
                score = score if suppressed else score * factor
                if suppressed or score <= least:
                    break
        else:
            suppressed = bool(np.any(overlaps >= overlap))
        if suppressed:
            continue
        seen = len(taken)
        if score == original:
            taken.append(index)
            found.append((index, score))
        if score > least:  # one that was taken, too: it is suppressed by itself, unless it is empty
            queue.push((score, index, seen))
    return found


def _overlaps(boxes: F32, index: int, others: Sequence[int]) -> F32:
    """Intersection over union of one box and each of the others, in float32."""
    low = np.minimum(boxes[:, :2], boxes[:, 2:])
    high = np.maximum(boxes[:, :2], boxes[:, 2:])
    at = np.asarray(others, np.intp)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = high - low
        area = size[:, 0] * size[:, 1]
        sides = np.minimum(high[index], high[at]) - np.maximum(low[index], low[at])
        sides = np.maximum(sides, np.float32(0))
        shared = sides[:, 0] * sides[:, 1]
        ratio = shared / (area[index] + area[at] - shared)
    return np.where((area[index] <= 0) | (area[at] <= 0), np.float32(0), ratio)
