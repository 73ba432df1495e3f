"""A model without the channels that no output depends on.

A channel of an activation is dead where it always holds the code of real 0, as its own weights and
bias are such that nothing else comes out, or where all weights that read it are 0. Both change no
output when they are left out: readers add `weight * (code - zero point)`, which is 0, also where
padding stands for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.arena.offline import METADATA_NAME
from refinterp.graph.channels import unweighted
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Model, Operator, Quantization, Tensor
from refinterp.graph.operands import Weighted
from refinterp.graph.operators import facts

Flags = NDArray[np.bool_]
_CODES: Final = ("int8", "int16")
_RECTIFIED: Final = ("RELU", "RELU6")
"""Activations that let nothing below 0 through."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The model that is left, and how many channels of activations it has less."""

    model: Model
    channels: int


def without_dead_channels(model: Model) -> Dropped | None:
    """Return the model without dead channels; None where there are none that can be left out.

    Looks at quantized models of one subgraph; an activation that something reads or writes which
    has no weights for each channel keeps all of them.
    """
    planned = any(entry.name == METADATA_NAME for entry in model.metadata)
    if len(model.subgraphs) != 1 or planned:
        return None
    editor = _Editor(model)
    count = 0
    for tensors in editor.chains():
        dead = editor.dead(tensors)
        if dead is not None and dead.any() and not dead.all():
            editor.drop(tensors, ~dead)
            count += int(dead.sum())
    return Dropped(editor.result(), count) if count else None


class _Editor:
    """A model being changed: its tensors and constants, by tensor."""

    def __init__(self, model: Model) -> None:
        self._model, self._graph = model, model.subgraphs[0]
        self._tensors: list[Tensor] = list(self._graph.tensors)
        self._values: dict[int, NDArray[Any]] = {}
        self._changed: dict[int, NDArray[Any]] = {}
        self._readers: dict[int, list[Operator]] = {}
        self._writer: dict[int, Operator] = {}
        for operator in self._graph.operators:
            for tensor in operator.inputs:
                self._readers.setdefault(tensor, []).append(operator)
            for tensor in operator.outputs:
                self._writer[tensor] = operator

    def chains(self) -> list[list[int]]:
        """Return activations with the same channels, first to last: each reads the one before."""
        found = []
        for operator in self._graph.operators:
            if not self._dense(operator):
                continue
            chain = [operator.outputs[0]]
            while len(self._readers.get(chain[-1], ())) == 1:
                reader = self._readers[chain[-1]][0]
                if not self._depthwise(reader) or reader.inputs[0] != chain[-1]:
                    break
                chain.append(reader.outputs[0])
            kept = {*self._graph.inputs, *self._graph.outputs}
            readers = self._readers.get(chain[-1], ())
            read = readers and all(
                self._dense(one) and one.inputs[0] == chain[-1] and self._reads(one, chain[-1])
                for one in readers
            )
            if read and not kept & set(chain):
                found.append(chain)
        return found

    def dead(self, chain: list[int]) -> Flags | None:
        """Return which channels of a chain are dead: (channels,)."""
        zero = self._silent(self._writer[chain[0]], None)
        for tensor in chain[1:]:
            zero = None if zero is None else self._silent(self._writer[tensor], zero)
        unread = np.ones(self._tensors[chain[-1]].shape[-1], bool)
        for reader in self._readers[chain[-1]]:
            unread &= unweighted(self._value(reader.inputs[1]), -1)
        return unread if zero is None else unread | zero

    def drop(self, chain: list[int], kept: Flags) -> None:
        """Leave only the kept channels."""
        for tensor in chain:
            writer = self._writer[tensor]
            axis = -1 if facts(writer.name).depthwise else 0
            self._take(writer.inputs[1], axis, kept)
            if len(writer.inputs) > 2 and writer.inputs[2] >= 0:
                self._take(writer.inputs[2], 0, kept)
            old = self._tensors[tensor]
            self._tensors[tensor] = replace(
                old, shape=(*old.shape[:-1], int(kept.sum())), shape_signature=None
            )
        for reader in self._readers[chain[-1]]:
            self._take(reader.inputs[1], -1, kept)

    def result(self) -> Model:
        """Return the model with new constants for what has changed."""
        buffers = list(self._model.buffers)
        uses = Counter(tensor.buffer for tensor in self._graph.tensors)
        uses.update(entry.buffer for entry in self._model.metadata)
        for tensor, values in self._changed.items():
            place = self._tensors[tensor].buffer
            if uses[place] > 1:
                place = len(buffers)
                buffers.append(Buffer())
            buffers[place] = Buffer(np.frombuffer(values.tobytes(), np.uint8))
            self._tensors[tensor] = replace(self._tensors[tensor], buffer=place)
        graph = replace(self._graph, tensors=tuple(self._tensors))
        return replace(self._model, subgraphs=(graph,), buffers=tuple(buffers))

    def _dense(self, operator: Operator) -> bool:
        """Whether each of an operator's outputs reads all channels, by weights that are known."""
        known = facts(operator.name)
        return (
            known.operands is Weighted
            and known.filter_axis == 0
            and not known.depthwise
            and self._weighted(operator)
        )

    def _depthwise(self, operator: Operator) -> bool:
        """Whether each channel of an operator's output reads the same one of its input."""
        if not facts(operator.name).depthwise or not self._weighted(operator):
            return False
        x, y = (self._tensors[i].shape for i in (operator.inputs[0], operator.outputs[0]))
        return bool(x and y) and x[-1] == y[-1] == self._tensors[operator.inputs[1]].shape[-1]

    def _weighted(self, operator: Operator) -> bool:
        """Whether data and results are codes, and filter and bias constants of its own."""
        if len(operator.inputs) not in (2, 3) or len(operator.outputs) != 1:
            return False
        own = [i for i in operator.inputs[1:] if i >= 0]
        places = (operator.inputs[0], operator.inputs[1], operator.outputs[0], *own)
        if not all(0 <= i < len(self._tensors) for i in places):
            return False
        x, f, y = (self._tensors[i] for i in places[:3])
        known = facts(operator.name)
        channels = y.shape[-1:]
        of_filter = f.shape[-1:] if known.depthwise else f.shape[:1]
        if not (x.shape and channels) or of_filter != channels or len(f.shape) not in (2, 4):
            return False
        if any(self._tensors[i].shape != channels for i in own[1:]):
            return False
        return (
            x.dtype in _CODES
            and y.dtype in _CODES
            and all(len(self._readers[i]) == 1 for i in own)
            and all(self._tensors[i].sparsity is None and self._is_constant(i) for i in own)
            and f.dtype == "int8"
        )

    def _reads(self, operator: Operator, tensor: int) -> bool:
        """Whether the filter's last axis are the tensor's channels."""
        return self._tensors[operator.inputs[1]].shape[-1] == self._tensors[tensor].shape[-1]

    def _silent(self, writer: Operator, before: Flags | None) -> Flags | None:
        """Which channels always hold the code of 0. before: those of its input that do."""
        axis = -1 if facts(writer.name).depthwise else 0
        still = unweighted(self._value(writer.inputs[1]), axis)
        if before is not None:
            still = still | before
        if len(writer.inputs) > 2 and writer.inputs[2] >= 0:
            bias = self._value(writer.inputs[2])
            if bias.shape != still.shape:
                return None
            above = writer.options.get("fused_activation_function")
            still = still & (bias <= 0 if above in _RECTIFIED else bias == 0)
        return np.asarray(still, bool)

    def _is_constant(self, tensor: int) -> bool:
        try:
            return self._value(tensor).size > 0
        except (ValueError, KeyError):
            return False

    def _value(self, tensor: int) -> NDArray[Any]:
        if tensor not in self._values:
            found = constant(self._model, self._graph.tensors[tensor])
            self._values[tensor] = np.empty(0) if found is None else found
        return self._values[tensor]

    def _take(self, tensor: int, axis: int, kept: Flags) -> None:
        """Leave the kept slices of a constant along an axis, and of what it has for channels."""
        values = np.compress(kept, self._value(tensor), axis=axis)
        self._values[tensor] = self._changed[tensor] = values
        old = self._tensors[tensor]
        self._tensors[tensor] = replace(
            old,
            shape=values.shape,
            quantization=_taken(old.quantization, len(old.shape), axis, kept),
        )


def _taken(q: Quantization | None, rank: int, axis: int, kept: Flags) -> Quantization | None:
    if q is None or len(q.scale) != len(kept) or q.quantized_dimension != axis % rank:
        return q

    def part(values: NDArray[Any]) -> NDArray[Any]:
        return values[kept] if len(values) == len(kept) else values

    return replace(
        q,
        scale=part(q.scale),
        zero_point=part(q.zero_point),
        minimum=part(q.minimum),
        maximum=part(q.maximum),
    )
