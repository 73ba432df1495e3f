"""Tensors whose shape, buffer or quantization do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.check_indices import references_into
from refinterp.graph.constants import bytes_needed, has_constant
from refinterp.graph.finding import CONVERT_AGAIN, Finding, Severity, counted, named
from refinterp.graph.model import (
    OPTIONAL,
    STORAGE,
    Model,
    Quantization,
    Subgraph,
    Tensor,
    code_limits,
)

_ONE: Final = np.ones(1, np.float32)
_Fault: TypeAlias = tuple[str, Severity, str]  # id, severity, evidence

_HARMLESS: Final = {
    "bad_scale": "nothing needs to be done where it runs: kernels multiply these values by 0",
    "constant_padded": "nothing needs to be done: runtimes read the first bytes and skip the rest",
}


def tensor_faults(model: Model, index: int, *, grids: bool) -> Iterator[Finding]:
    """Everything wrong with the tensors of a subgraph. grids: as in `check.check`."""
    subgraph = model.subgraphs[index]
    external = {int(buffer["id"]) for buffer in model.external_buffers}
    grids = grids and not _grids_fit(subgraph)
    wrong_axis = []
    for place, tensor in enumerate(subgraph.tensors):
        for fault in _storage(model, tensor, external):
            yield _finding(fault, index, subgraph, place)
        if tensor.quantization is not None:
            for fault in _quantization(subgraph, tensor, tensor.quantization):
                yield _finding(fault, index, subgraph, place)
            if _axis_is_wrong(tensor, tensor.quantization):
                wrong_axis.append(place)
        if grids:
            yield from grid_faults(model, index, place)
    if wrong_axis:
        yield _wrong_axis(index, subgraph, wrong_axis)


def _grids_fit(subgraph: Subgraph) -> bool:
    """Whether `grid_faults` has nothing to say of any tensor: it is asked of all as if of one."""
    scales: list[NDArray[np.float32]] = [_ONE]
    zeros: dict[str | int, list[NDArray[np.int64]]] = {}
    for tensor in subgraph.tensors:
        own = tensor.quantization
        if own is not None and own.details is None and own.scale.size:
            scales.append(own.scale)
            zeros.setdefault(tensor.dtype, []).append(own.zero_point)
    faults = [*_scale(np.concatenate(scales), constant=False)]
    for dtype, points in zeros.items():
        faults += _zero_point(dtype, np.concatenate(points))
    return not faults


def grid_faults(model: Model, index: int, place: int) -> Iterator[Finding]:
    """Scales and zero points of one tensor that no tensor can have.

    What the kernels of the operators that use it ask for beyond that is not looked at here.
    """
    subgraph = model.subgraphs[index]
    tensor = subgraph.tensors[place]
    own = tensor.quantization
    if own is None or own.details is not None or not own.scale.size:
        return
    constant = has_constant(model, tensor)
    for fault in (
        *_scale(own.scale, constant=constant),
        *_zero_point(tensor.dtype, own.zero_point),
    ):
        yield _finding(fault, index, subgraph, place)


def _finding(fault: _Fault, index: int, subgraph: Subgraph, place: int) -> Finding:
    id_, severity, evidence = fault
    text = f"{named(subgraph, place)}: {evidence}"
    remedy = _HARMLESS[id_] if severity == "note" else CONVERT_AGAIN
    return Finding(id_, severity, index, None, place, text, remedy)


def _storage(model: Model, tensor: Tensor, external: set[int]) -> Iterator[_Fault]:
    buffers = len(model.buffers)
    negative = min(tensor.shape, default=0) < 0
    if negative:
        yield "negative_size", "error", f"its shape is {list(tensor.shape)}"
    if tensor.buffer >= buffers:
        evidence = f"its buffer is {tensor.buffer}, but the model has {counted(buffers, 'buffer')}"
        yield "buffer_index_out_of_range", "error", evidence
    elif not negative and has_constant(model, tensor):
        yield from _bytes_held(model, tensor)
    if tensor.external_buffer and tensor.external_buffer not in external:
        evidence = f"its external buffer is {tensor.external_buffer}, which the model does not list"
        yield "external_buffer_unknown", "error", evidence


def _bytes_held(model: Model, tensor: Tensor) -> Iterator[_Fault]:
    needed, size = bytes_needed(tensor), model.buffers[tensor.buffer].data.size
    if needed is None or size == needed:
        return
    evidence = (
        f"its buffer {tensor.buffer} holds {counted(size, 'byte')}, but {tensor.dtype} of "
        f"shape {list(tensor.shape)} takes {needed}"
    )
    if size < needed:
        yield "buffer_size_mismatch", "error", evidence
    else:
        yield "constant_padded", "note", f"{evidence}: the {size - needed} behind are not read"


def _quantization(
    subgraph: Subgraph, tensor: Tensor, quantization: Quantization
) -> Iterator[_Fault]:
    """What does not fit together in a tensor's quantization."""
    if quantization.details is not None:
        member, fields = quantization.details
        for field, index in references_into(member, fields, "tensors"):
            lowest = OPTIONAL if field == "zero_points" else 0
            if not lowest <= index < len(subgraph.tensors):
                evidence = (
                    f"its {field} are in tensor {index}, but the subgraph has "
                    f"{counted(len(subgraph.tensors), 'tensor')}"
                )
                yield "tensor_index_out_of_range", "error", evidence
        return
    scale, zero_point = quantization.scale, quantization.zero_point
    if not scale.size:
        return
    if scale.size != zero_point.size:
        scales, zeros = counted(scale.size, "scale"), counted(zero_point.size, "zero point")
        yield "quantization_length_mismatch", "error", f"it has {scales} but {zeros}"
    axis = quantization.quantized_dimension
    if scale.size > 1 and 0 <= axis < len(tensor.shape) and scale.size != tensor.shape[axis]:
        evidence = (
            f"it has {scale.size} scales along dimension {axis}, which has size "
            f"{tensor.shape[axis]} (shape {list(tensor.shape)})"
        )
        yield "quantization_length_mismatch", "error", evidence


def _scale(scale: NDArray[np.float32], *, constant: bool) -> Iterator[_Fault]:
    """constant: the tensor has a value, which a scale of 0 makes one of zeros."""
    if not (scale.min() > 0 and scale.max() < np.inf):  # or no number
        bad = np.flatnonzero(~(np.isfinite(scale) & (scale > 0)))
        evidence = (
            f"{bad.size} of its {counted(scale.size, 'scale')} not positive and finite, the first "
            f"at {bad[0]}: {scale[bad[0]]}"
        )
        harmless = constant and bool((scale[bad] == 0).all())
        yield "bad_scale", "note" if harmless else "warning", evidence


def _zero_point(dtype: str | int, zero_point: NDArray[np.int64]) -> Iterator[_Fault]:
    stored = STORAGE.get(str(dtype))
    if stored is None or stored.kind not in "iu" or not zero_point.size:
        return
    low, high = code_limits(str(dtype))
    if zero_point.size == 1:
        least = most = int(zero_point[0])
    else:
        least, most = int(zero_point.min()), int(zero_point.max())
    if least < low or most > high:
        found = least if least < low else most
        evidence = f"its zero point is {found}, but {dtype} holds {low}..{high}"
        yield "zero_point_out_of_range", "warning", evidence


def _axis_is_wrong(tensor: Tensor, quantization: Quantization) -> bool:
    if quantization.details is not None or not quantization.scale.size:
        return False
    return bool(tensor.shape) and not 0 <= quantization.quantized_dimension < len(tensor.shape)


def _wrong_axis(index: int, subgraph: Subgraph, places: list[int]) -> Finding:
    """One finding for all tensors at once: a converter that does this does it throughout."""
    first = subgraph.tensors[places[0]]
    assert first.quantization is not None
    others = "".join(f", {place}" for place in places[1:])
    these = "they are tensors" if others else "it is tensor"
    return Finding(
        "wrong_quantized_dimension",
        "warning",
        index,
        None,
        places[0],
        f"{counted(len(places), 'tensor')} quantized along a dimension that the tensor does not "
        f"have: the first has shape {list(first.shape)} and quantized_dimension "
        f"{first.quantization.quantized_dimension}; {these} {places[0]} "
        f"({first.name!r}){others}",
        "harmless where the scales belong to a bias, and TFLM runs it; LiteRT refuses the file "
        "until quantized_dimension is set to a dimension of the tensor",
    )
