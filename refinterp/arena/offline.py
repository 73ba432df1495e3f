"""Plans made beforehand: the offsets that `OfflineMemoryAllocation` metadata gives to tensors.

Layout    int32, little-endian: version, subgraphs, n, then n offsets from the start of the arena,
          one for each tensor of the first subgraph, then of the next, and so on; -1 leaves a tensor
          to the planner. The first two numbers are not looked at: writers disagree about them.
Source    TFLM `docs/memory_management.md` and `micro_allocation_info.cc`
          (`GetOfflinePlannedOffsets`), commit 90b983c2b. Of several entries the last one counts,
          but each must have an offset for every tensor.

TFLM runs whatever the file says; what would make it compute garbage is refused here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from refinterp.arena.judge import clashes, describe
from refinterp.arena.problem import Buffer, Plan, Problem
from refinterp.arena.residents import Resident, TensorId
from refinterp.errors import ModelError, UsageError
from refinterp.graph.model import Buffer as ConstantBuffer
from refinterp.graph.model import Metadata, Model

METADATA_NAME: Final = "OfflineMemoryAllocation"
ONLINE: Final = -1
"""The offset that leaves a tensor to the planner."""

_HEADER: Final = 3
_VERSION: Final = 1
_MAIN: Final = 0  # the subgraph, by the documentation


def offline_offsets(model: Model) -> dict[TensorId, int] | None:
    """Return the offsets the file fixes, by (subgraph, tensor), or None if it plans nothing.

    Offsets of tensors that need no place (constants) are returned as well; nobody asks for them.

    Raises ModelError when the list is cut short, counts other tensors than the model has, or holds
    an offset below -1; it names the tensor.
    """
    tensors = [
        (index, number)
        for index, subgraph in enumerate(model.subgraphs)
        for number in range(len(subgraph.tensors))
    ]
    numbers: list[int] | None = None
    for entry in model.metadata:
        if entry.name == METADATA_NAME:
            numbers = _entries(model, entry.buffer, len(tensors))
    if numbers is None:
        return None
    offsets = dict(zip(tensors, numbers, strict=True))
    for (index, number), offset in offsets.items():
        if offset < ONLINE:
            name = model.subgraphs[index].tensors[number].name
            raise ModelError(
                f"metadata {METADATA_NAME!r}: offset of subgraphs[{index}].tensors[{number}] "
                f"({name!r}) is {offset}; allowed are -1 (let the planner place it) and up"
            )
    return {key: offset for key, offset in offsets.items() if offset != ONLINE}


def _entries(model: Model, buffer: int, count: int) -> list[int]:
    """Return the offsets a buffer holds, one for each of the model's tensors."""
    if not 0 <= buffer < len(model.buffers):
        raise ModelError(
            f"metadata {METADATA_NAME!r} is in buffer {buffer}, but the model has "
            f"{len(model.buffers)} buffers"
        )
    data = model.buffers[buffer].data
    numbers: list[int] = data[: data.size // 4 * 4].view("<i4").tolist()
    if len(numbers) < _HEADER or len(numbers) - _HEADER < numbers[2]:
        raise ModelError(
            f"metadata {METADATA_NAME!r} (buffer {buffer}) is cut short: {data.size} bytes hold "
            f"{max(0, len(numbers) - _HEADER)} offsets after the {_HEADER} numbers of its head"
        )
    if numbers[2] != count:
        raise ModelError(
            f"metadata {METADATA_NAME!r} has offsets for {numbers[2]} tensors, but the model has "
            f"{count} in {len(model.subgraphs)} subgraphs"
        )
    return numbers[_HEADER : _HEADER + count]


def with_offsets(model: Model, offsets: Mapping[TensorId, int]) -> Model:
    """Return the model with these offsets in its metadata, in place of any it had.

    offsets: bytes by (subgraph, tensor); tensors that are not named are left to the planner.

    Raises UsageError for an offset that is negative or needs more than 31 bits.
    """
    for (index, number), offset in offsets.items():
        if not 0 <= offset < 1 << 31:
            raise UsageError(
                f"offset of subgraphs[{index}].tensors[{number}] is {offset}; the file holds "
                "0 to 2147483647"
            )
    places = [
        offsets.get((index, number), ONLINE)
        for index, subgraph in enumerate(model.subgraphs)
        for number in range(len(subgraph.tensors))
    ]
    data = np.array([_VERSION, _MAIN, len(places), *places], "<i4").view(np.uint8)
    plain = without_offsets(model)
    return dataclasses.replace(
        plain,
        buffers=(*plain.buffers, ConstantBuffer(data)),
        metadata=(*plain.metadata, Metadata(METADATA_NAME, len(plain.buffers))),
    )


def unfit_to_fix(model: Model) -> frozenset[TensorId]:
    """Return the tensors that must not be given an offset, for a variable's sake.

    When TFLM asks whether a variable was planned beforehand it counts from the start of the list in
    every subgraph. So the variable number i of a later subgraph gets no bytes, and the model
    crashes, when the i-th entry of the list, another tensor's, holds an offset.

    Source: TFLM `micro_allocator.cc` (`AllocateVariables`), commit 90b983c2b; the wheel crashes.
    """
    tensors = [
        (index, number)
        for index, subgraph in enumerate(model.subgraphs)
        for number in range(len(subgraph.tensors))
    ]
    return frozenset(
        tensors[number]
        for subgraph in model.subgraphs[1:]
        for number, tensor in enumerate(subgraph.tensors)
        if tensor.is_variable
    )


def without_offsets(model: Model) -> Model:
    """Return the model without planned offsets; their buffers go when they are the last ones."""
    entries = [entry for entry in model.metadata if entry.name == METADATA_NAME]
    if not entries:
        return model
    kept = tuple(entry for entry in model.metadata if entry.name != METADATA_NAME)
    freed = {entry.buffer for entry in entries} - {entry.buffer for entry in kept}
    used = {t.buffer for subgraph in model.subgraphs for t in subgraph.tensors}
    used.update(model.metadata_buffer)
    buffers = list(model.buffers)
    for number in sorted(freed - used, reverse=True):
        if number == len(buffers) - 1:
            buffers.pop()
        elif 0 < number < len(buffers):
            buffers[number] = ConstantBuffer()
    return dataclasses.replace(model, metadata=kept, buffers=tuple(buffers))


def refuse_clashes(
    planned: Sequence[Resident], plan: Plan, scopes: int, *, apart: Collection[TensorId] = ()
) -> None:
    """Raise ModelError when a fixed offset puts a tensor on bytes another still needs.

    apart: tensors that may lie on anything, as the memory of compiled operators does, which holds
    what they read and write.
    planned, plan: what was planned and where it lies; scopes: how many a run has. Variables keep
    their value from run to run, so a variable planned beforehand clashes with whatever lies on it
    at any scope, even where TFLM would take its bytes for free.
    """
    buffers = [Buffer(r.size, r.first_use, r.last_use, r.name, r.offset) for r in planned]
    for at, resident in enumerate(planned):
        if resident.kind == "variable":
            always = min(0, resident.first_use), max(scopes - 1, resident.last_use)
            buffers[at] = dataclasses.replace(buffers[at], first_use=always[0], last_use=always[1])
    kept = [i for i, r in enumerate(planned) if (r.subgraph, r.tensor) not in apart]
    problem = Problem(tuple(buffers[i] for i in kept))
    pairs = clashes(problem, tuple(plan.offsets[i] for i in kept))
    if pairs:
        more = f" ({len(pairs)} pairs clash in all)" if len(pairs) > 1 else ""
        raise ModelError(
            f"metadata {METADATA_NAME!r}: {describe(problem, plan, *pairs[0])}{more}; give one of "
            "them another offset, or -1"
        )
