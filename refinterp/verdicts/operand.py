"""One tensor that an operator reads or writes, as a runtime knows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.model import Model, Shape, Tensor
from refinterp.graph.spec import NO_SCALE, NO_ZERO

_LONGEST = 44
"""Signs of a tensor's name that sentences show: names of fused layers have hundreds."""


def _short(name: str) -> str:
    """A name, without its middle if it is long: its end tells most."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST // 3]}…{name[-(2 * _LONGEST // 3) :]}"


class Operand:
    """One tensor that an operator reads or writes.

    place: side and position. shape, dtype: as the runtime knows them by then.
    constant: the file gives its value. variable: it keeps its value between runs. scales: none if
    it is not quantized; zeros: the zero points as the file has them.
    """

    def __init__(
        self, model: Model, tensor: Tensor, place: tuple[str, int], shape: Shape, dtype: str
    ) -> None:
        self._model = model
        self._place = place
        self.tensor = tensor
        self.shape = shape
        self.dtype = dtype
        self.constant = has_constant(model, tensor)
        self.variable = tensor.is_variable
        marks = tensor.quantization
        self.scales: NDArray[np.float32] = NO_SCALE if marks is None else marks.scale
        self.zeros: NDArray[np.int64] = NO_ZERO if marks is None else marks.zero_point

    @property
    def label(self) -> str:
        """How sentences call it ("input 0 'x'")."""
        side, position = self._place
        return f"{side} {position} ({_short(self.tensor.name)!r})"

    @property
    def empty(self) -> bool:
        """Whether neither the file nor an earlier run gives it a value."""
        return not (self.constant or self.variable or self.tensor.external_buffer)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def extent(self, axis: int) -> int:
        """A size; -1 for a dimension that it does not have, where C reads anything."""
        return self.shape[axis] if 0 <= axis < len(self.shape) else -1

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def quantized(self) -> bool:
        """Whether there is a scale."""
        return self.scales.size > 0

    @property
    def affine(self) -> bool:
        """Whether there is a scale and a zero point."""
        return self.scales.size > 0 and self.zeros.size > 0

    @property
    def axis(self) -> int:
        """The dimension the scales run along."""
        q = self.tensor.quantization
        return 0 if q is None else q.quantized_dimension

    @property
    def blocks(self) -> Mapping[str, Any] | None:
        """The details of blockwise quantization, if the tensor has them."""
        q = self.tensor.quantization
        if q is None or q.details is None or q.details[0] != "BlockwiseQuantization":
            return None
        return q.details[1]

    @property
    def scale(self) -> float:
        """The one scale of the tensor; 0 where there is none or there are several."""
        return float(self.scales[0]) if self.scales.size == 1 else 0.0

    @property
    def zero(self) -> int:
        """The one zero point of the tensor; 0 where there is none or there are several."""
        return int(self.zeros[0]) if self.scales.size == 1 and self.zeros.size else 0

    @property
    def first_scale(self) -> float:
        """The first scale, which TFLM takes for that of the tensor; 0 where there is none."""
        return float(self.scales[0]) if self.scales.size else 0.0

    @property
    def first_zero(self) -> int:
        """The first zero point; 0 where there is none."""
        return int(self.zeros[0]) if self.scales.size and self.zeros.size else 0

    @property
    def raw(self) -> NDArray[np.uint8] | None:
        """The constant's bytes as the file has them; None if it is none."""
        return self._model.buffers[self.tensor.buffer].data if self.constant else None

    @cached_property
    def value(self) -> NDArray[Any] | None:
        """The constant's value, None where there is none or its bytes do not fit."""
        try:
            return constant(self._model, self.tensor)
        except ModelError:
            return None

    def integers(self) -> list[int] | None:
        """The constant's values as integers, flat; None where they are not known."""
        value = self.value
        return None if value is None else [int(v) for v in value.reshape(-1)]
