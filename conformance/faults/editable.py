"""Changes a model's constants and scales in place, keeping what depends on them in step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refinterp.graph.constants import constant, has_constant
from refinterp.graph.model import OPTIONAL, Buffer, Model, Operator, Quantization
from refinterp.graph.operands import TransposedWeighted
from refinterp.graph.operators import facts


class EditableModel:
    """One model's first subgraph, open: its tensors and buffers can be replaced, then built."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.operators: tuple[Operator, ...] = self.graph.operators
        self.tensors = list(self.graph.tensors)
        self.buffers = list(model.buffers)

    def build(self) -> Model:
        graph = replace(self.graph, tensors=tuple(self.tensors))
        subgraphs = (graph, *self.model.subgraphs[1:])
        return replace(self.model, subgraphs=subgraphs, buffers=tuple(self.buffers))

    def scale(self, tensor: int) -> np.ndarray:
        return self.tensors[tensor].quantization.scale.astype(np.float64)

    def zero(self, tensor: int) -> int:
        return int(self.tensors[tensor].quantization.zero_point[0])

    def values(self, tensor: int) -> np.ndarray:
        return np.array(constant(self.snapshot(), self.tensors[tensor]))

    def snapshot(self) -> Model:
        return replace(self.model, buffers=tuple(self.buffers))

    def is_constant(self, tensor: int) -> bool:
        return tensor != OPTIONAL and has_constant(self.model, self.tensors[tensor])

    def set_values(self, tensor: int, values: np.ndarray) -> None:
        """Give a tensor a buffer of its own with these values, in the tensor's type."""
        dtype = np.dtype(str(self.tensors[tensor].dtype))
        raw = np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8)
        self.buffers.append(Buffer(raw))
        self.tensors[tensor] = replace(self.tensors[tensor], buffer=len(self.buffers) - 1)

    def set_grid(self, tensor: int, **changes: Any) -> None:
        """Replace fields of a tensor's quantization."""
        old = self.tensors[tensor].quantization
        if "scale" in changes:
            changes["scale"] = np.atleast_1d(np.asarray(changes["scale"], np.float32))
        if "zero_point" in changes:
            changes["zero_point"] = np.atleast_1d(np.asarray(changes["zero_point"], np.int64))
        fields = {
            "scale": old.scale,
            "zero_point": old.zero_point,
            "quantized_dimension": old.quantized_dimension,
        }
        new = Quantization(**{**fields, **changes})
        self.tensors[tensor] = replace(self.tensors[tensor], quantization=new)

    def parts(self, operator: int) -> tuple[int, int, int]:
        """Data, weights and bias of an operator with weights; the bias is -1 if there is none."""
        name, inputs = self.operators[operator].name, self.operators[operator].inputs
        if facts(name).operands is TransposedWeighted:  # the result's shape comes first
            return inputs[2], inputs[1], inputs[3] if len(inputs) > 3 else OPTIONAL
        return inputs[0], inputs[1], inputs[2] if len(inputs) > 2 else OPTIONAL

    def axis(self, operator: int) -> int:
        axis = facts(self.operators[operator].name).filter_axis
        assert axis is not None
        return axis

    def readers(self, tensor: int) -> list[int]:
        return [i for i, o in enumerate(self.operators) if tensor in o.inputs]

    def writer(self, tensor: int) -> int | None:
        return next((i for i, o in enumerate(self.operators) if tensor in o.outputs), None)

    def follow_bias(self, operator: int, reals: np.ndarray | None = None) -> None:
        """Quantize a bias anew with input scale * weight scale, as a converter would."""
        x, w, bias = self.parts(operator)
        if bias == OPTIONAL:
            return
        if reals is None:
            reals = self.values(bias) * self.scale(bias)
        step = np.float32(self.scale(x) * self.scale(w)).astype(np.float64)
        limit = np.iinfo(np.dtype(str(self.tensors[bias].dtype)))
        codes = np.clip(np.rint(reals / step), limit.min, limit.max)
        self.set_values(bias, codes)
        self.set_grid(bias, scale=step, zero_point=np.zeros(step.size))

    def rescale(self, tensor: int, factor: float) -> None:
        """Multiply an activation's scale, the biases of what reads it staying true."""
        kept = {
            i: self.values(self.parts(i)[2]) * self.scale(self.parts(i)[2])
            for i in self.readers(tensor)
            if facts(self.operators[i].name).filter_axis is not None
            and self.parts(i)[0] == tensor
            and self.parts(i)[2] != OPTIONAL
        }
        self.set_grid(tensor, scale=self.scale(tensor) * factor)
        for operator, reals in kept.items():
            self.follow_bias(operator, reals)
