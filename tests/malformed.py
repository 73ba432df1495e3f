"""Models that the table of operators says are wrong, made from models that are right."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import OPTIONAL, STORAGE, Buffer, Model, Operator, Tensor
from refinterp.graph.operators import OPERATORS, By, OperatorFacts

_OTHERS = ("float32", "int8", "bool", "int32", "uint64")

_UNUSUAL = ("bool", "uint64")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A model with one operator that is wrong in one way; operand: the one concerned, or ""."""

    operator: str
    dtype: str
    way: str
    operand: str
    model: Model

    def __str__(self) -> str:
        return f"{self.operator} {self.dtype}: {self.way} of {self.operand or 'all'}"


def malformed(operator: str) -> Iterator[Malformed]:
    """Every way that the operator's row forbids, once for each of its types."""
    if operator in _ALONE:
        yield Malformed(operator, "none", "excess", "", _ALONE[operator])
    for (name, dtype), generator in sorted(load_all().items()):
        if name != operator:
            continue
        seen = set()
        for seed in range(2):
            model = generator(RandomDraw([zlib.crc32(f"{name} {dtype}".encode()), seed])).model
            operators = model.subgraphs[0].operators
            index = next((i for i, one in enumerate(operators) if one.name == operator), None)
            if index is None:
                continue
            for way, operand, wrong in _Maker(model, index).all():
                if (way, operand) not in seen:
                    seen.add((way, operand))
                    yield Malformed(operator, dtype, way, operand, wrong)


def _alone(operator: str) -> Model:
    """An operator with two operands, of which it has fewer."""
    g = GraphBuilder()
    x = g.input("x", (1,), "int32")
    y = g.tensor("y", (1,), "int32")
    g.operator(operator, [x, x], [y])
    return g.build(outputs=[y])


_ALONE = {name: _alone(name) for name in ("CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE")}


class _Maker:
    """Makes the models of one operator of a model."""

    def __init__(self, model: Model, index: int) -> None:
        self.model, self.index = model, index
        self.tensors = model.subgraphs[0].tensors
        self.operator: Operator = model.subgraphs[0].operators[index]
        self.facts: OperatorFacts = OPERATORS[self.operator.name]
        self.names = self.facts.signature(len(self.operator.inputs))

    def all(self) -> Iterator[tuple[str, str, Model]]:
        yield from self.counts()
        for place, tensor in enumerate(self.operator.inputs):
            if tensor != OPTIONAL:
                kind = self.names.kind_of(place)
                if kind in self.facts.ranks:
                    yield from self.ranks(kind, tensor)
                if kind == "bias" and self.facts.filter_axis is not None:
                    size = int(np.prod(self.tensors[tensor].shape))
                    yield "size", kind, self.reshaped(tensor, (size + 1,))
                if self.facts.types.get(kind) != kind or tensor != self.operator.inputs[0]:
                    yield from self.values(kind, tensor)
        for place, tensor in enumerate(self.operator.outputs):
            kind = "output" if self.facts.results is None else self.facts.results[place]
            if tensor not in self.operator.inputs:
                yield from self.values(kind, tensor)

    def counts(self) -> Iterator[tuple[str, str, Model]]:
        inputs, outputs = self.operator.inputs, self.operator.outputs
        for place, needed in enumerate(self.names.required):
            if needed:
                omitted = (*inputs[:place], OPTIONAL, *inputs[place + 1 :])
                yield "omission", self.names.names[place], self.edited(inputs=omitted)
        fewest = self.names.fewest
        if fewest:
            short = self.edited(inputs=inputs[: fewest - 1])
            yield "lack", self.names.names[fewest - 1], short
        most = self.names.most()
        if most is not None:
            more = (inputs[:1] or (0,)) * (most + 1 - len(inputs))
            yield "excess", "", self.edited(inputs=(*inputs, *more))
        if self.facts.results is not None:
            many = outputs * 9 if outputs else (0,)
            yield "excess of results", "", self.edited(outputs=many)

    def ranks(self, kind: str, tensor: int) -> Iterator[tuple[str, str, Model]]:
        lowest, highest = self.facts.ranks[kind]
        shape = self.tensors[tensor].shape
        if lowest:
            yield "low rank", kind, self.reshaped(tensor, shape[: lowest - 1])
        if highest is not None:
            long = (1,) * (highest + 1 - len(shape)) + shape
            yield "high rank", kind, self.reshaped(tensor, long)

    def values(self, kind: str, tensor: int) -> Iterator[tuple[str, str, Model]]:
        one = self.tensors[tensor]
        allowed = self.allowed(kind)
        wrong = [t for t in _OTHERS if allowed is not None and t not in (*allowed, one.dtype)]
        for dtype in dict.fromkeys((*wrong[:1], *(t for t in wrong if t in _UNUSUAL))):
            yield (
                "type" if dtype == wrong[0] else f"type {dtype}",
                kind,
                self.changed(tensor, dtype=dtype),
            )
        coded = one.quantization is not None and one.quantization.scale.size
        if kind in self.facts.scaled and one.dtype in self.facts.scaled_types and coded:
            yield "missing scale", kind, self.changed(tensor, quantization=None)

    def allowed(self, kind: str) -> tuple[str, ...] | None:
        """The types allowed by the row, None for any."""
        rule = self.facts.types.get(kind)
        if rule is None or isinstance(rule, tuple):
            return rule
        whose = rule.operand if isinstance(rule, By) else rule
        places = [i for i in range(len(self.operator.inputs)) if self.names.kind_of(i) == whose]
        if not places:
            return None
        leading = str(self.tensors[self.operator.inputs[places[0]]].dtype)
        return rule.types.get(leading) if isinstance(rule, By) else (leading,)

    def edited(self, **fields: Any) -> Model:
        graph = self.model.subgraphs[0]
        operators = list(graph.operators)
        operators[self.index] = replace(self.operator, **fields)
        changed = replace(graph, operators=tuple(operators))
        return replace(self.model, subgraphs=(changed, *self.model.subgraphs[1:]))

    def reshaped(self, tensor: int, shape: tuple[int, ...]) -> Model:
        return self.changed(tensor, shape=shape, shape_signature=None)

    def changed(self, tensor: int, **fields: Any) -> Model:
        """Change a tensor; a constant gets as many bytes as it then needs."""
        graph = self.model.subgraphs[0]
        one: Tensor = replace(self.tensors[tensor], **fields)
        buffers = list(self.model.buffers)
        if buffers[one.buffer].data.size:
            size = int(np.prod(one.shape, dtype=np.int64)) * STORAGE[str(one.dtype)].itemsize
            buffers[one.buffer] = Buffer(np.ones(max(size, 1), np.uint8))
        tensors = (*self.tensors[:tensor], one, *self.tensors[tensor + 1 :])
        changed = replace(graph, tensors=tensors)
        subgraphs = (changed, *self.model.subgraphs[1:])
        return replace(self.model, subgraphs=subgraphs, buffers=tuple(buffers))
