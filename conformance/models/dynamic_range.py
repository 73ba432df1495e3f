"""Makes dynamic-range and weight-only models from float ones, as TensorFlow's converter does.

Weights become int8 (or int4) codes around zero, by one scale or one per output channel, so that the
largest takes the largest code; activations and biases stay float32, and the options ask for
asymmetric rows where the operator has that option. Weight-only models read the same codes, or
float16, through DEQUANTIZE.

    python -m conformance.models.dynamic_range     writes models/dynamic/motor_int4.tflite
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from refinterp.graph.constants import constant, has_constant, pack
from refinterp.graph.model import (
    OPTIONAL,
    Buffer,
    Model,
    Operator,
    OperatorCode,
    Quantization,
    Tensor,
)
from refinterp.graph.operators import facts
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model

Form = Literal["dynamic", "weight_only", "float16"]
Scales = Callable[[np.ndarray, int], np.ndarray]
"""Weights and their channel axis → one scale, or one per channel."""

LARGEST: Mapping[str, int] = MappingProxyType({"int8": 127, "int4": 7})


def by_channel(weights: np.ndarray, axis: int, most: int = 127) -> np.ndarray:
    """A scale for each channel."""
    reach = np.abs(np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)).max(axis=1)
    return np.where(reach > 0, reach / most, 1.0).astype(np.float32)


def by_tensor(weights: np.ndarray, axis: int, most: int = 127) -> np.ndarray:
    """One scale for all."""
    reach = np.abs(weights).max()
    return np.array([reach / most if reach > 0 else 1.0], np.float32)


def weighted(model: Model) -> list[int]:
    """Operators whose weights are float constants."""
    graph = model.subgraphs[0]
    return [
        i
        for i, one in enumerate(graph.operators)
        if facts(one.name).filter_axis is not None
        and one.inputs[1] != OPTIONAL
        and has_constant(model, graph.tensors[one.inputs[1]])
        and graph.tensors[one.inputs[1]].dtype == "float32"
    ]


def dynamic_range(
    model: Model,
    operators: Iterable[int] | None = None,
    *,
    per_channel: bool = True,
    dtype: str = "int8",
    form: Form = "dynamic",
    scales: Mapping[int, np.ndarray] | None = None,
    asymmetric: bool = True,
) -> Model:
    """Return the model with the weights of these operators (default: all) in fewer bits.

    scales: of operators whose weights get these instead of the converter's.
    """
    graph = model.subgraphs[0]
    tensors, buffers = list(graph.tensors), list(model.buffers)
    codes = list(model.operator_codes)
    made: list[Operator] = []
    chosen = set(weighted(model) if operators is None else operators)
    for index, one in enumerate(graph.operators):
        if index not in chosen:
            made.append(one)
            continue
        weights = np.array(constant(model, graph.tensors[one.inputs[1]]))
        axis = facts(one.name).filter_axis
        assert axis is not None
        tensor = graph.tensors[one.inputs[1]]
        if form == "float16":
            stored = replace(tensor, dtype="float16", buffer=len(buffers))
            buffers.append(_buffer(weights.astype(np.float16)))
        else:
            channels = per_channel or facts(one.name).depthwise  # its kernel wants them
            own = (by_channel if channels else by_tensor)(weights, axis, LARGEST[dtype])
            own = own if scales is None or index not in scales else scales[index]
            stored, buffer = _quantized(tensor, weights, axis, own, dtype, len(buffers))
            buffers.append(buffer)
        tensors.append(stored)
        place = len(tensors) - 1
        if form != "dynamic":
            tensors.append(replace(tensor, name=f"{tensor.name}_dequantized", buffer=0))
            code = OperatorCode("DEQUANTIZE", 2)
            if code not in codes:
                codes.append(code)
            unpack = Operator(codes.index(code), code, (place,), (place + 1,))
            made.append(unpack)
            place += 1
        options = dict(one.options)
        if "asymmetric_quantize_inputs" in options and form == "dynamic":
            options["asymmetric_quantize_inputs"] = asymmetric
        inputs = (one.inputs[0], place, *one.inputs[2:])
        made.append(replace(one, inputs=inputs, options=MappingProxyType(options)))
    changed = replace(graph, tensors=tuple(tensors), operators=tuple(made))
    subgraphs = (changed, *model.subgraphs[1:])
    read = {i for one in made for i in (*one.inputs, *one.outputs)}
    used = {t.buffer for g in model.subgraphs[1:] for t in g.tensors}
    used |= {t.buffer for i, t in enumerate(tensors) if i in read}
    used |= {one.buffer for one in model.metadata}
    return replace(
        model,
        subgraphs=subgraphs,
        buffers=tuple(b if i in used else Buffer() for i, b in enumerate(buffers)),
        operator_codes=tuple(codes),
    )


def _quantized(
    tensor: Tensor, weights: np.ndarray, axis: int, scale: np.ndarray, dtype: str, place: int
) -> tuple[Tensor, Buffer]:
    shape = [1] * weights.ndim
    shape[axis] = -1
    most = LARGEST[dtype]
    spread = scale.astype(np.float64).reshape(shape if scale.size > 1 else [1] * weights.ndim)
    values = np.clip(np.rint(weights / spread), -most, most).astype(np.int8)
    grid = Quantization(scale, np.zeros(scale.size, np.int64), axis if scale.size > 1 else 0)
    raw = pack(values.reshape(-1), 4) if dtype == "int4" else values.reshape(-1).view(np.uint8)
    return replace(tensor, dtype=dtype, quantization=grid, buffer=place), Buffer(raw)


def _buffer(values: np.ndarray) -> Buffer:
    return Buffer(np.ascontiguousarray(values).reshape(-1).view(np.uint8))


MODELS = Path(__file__).resolve().parent
EXAMPLE = MODELS / "dynamic" / "motor_int4.tflite"


def example() -> bytes:
    """The motor model with int4 weights, where LiteRT has a kernel for them, and dynamic ranges."""
    floats = read_model((MODELS / "motor_float.tflite").read_bytes())
    operators = floats.subgraphs[0].operators
    able = [i for i in weighted(floats) if not facts(operators[i].name).depthwise]
    return write_model(dynamic_range(floats, able, dtype="int4"))


if __name__ == "__main__":
    EXAMPLE.parent.mkdir(exist_ok=True)
    EXAMPLE.write_bytes(example())
