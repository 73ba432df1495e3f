"""What cannot be in a model: findings about a well-formed file whose numbers do not fit together.

The reader accepts any well-formed file; this says what is wrong with it. An error makes running
meaningless; a warning is what some runtimes refuse and others take, or a doubtful number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.compiled import compiled_operators, own_memory
from refinterp.graph.constants import bytes_needed, has_constant
from refinterp.graph.layout import layout
from refinterp.graph.model import (
    OPTIONAL,
    STORAGE,
    Model,
    Operator,
    Options,
    Subgraph,
    Tensor,
    element_bits,
)

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")  # the worst first
_Fault: TypeAlias = tuple[str, Severity, str]  # id, severity, evidence

_CONVERT_AGAIN: Final = "convert the model again; the file is damaged or its converter is wrong"
_HARMLESS: Final = {
    "bad_scale": "nothing needs to be done where it runs: kernels multiply these values by 0",
    "constant_padded": "nothing needs to be done: runtimes read the first bytes and skip the rest",
}
_ORDER: Final = "put the operators into an order in which each follows those that feed it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    id: a name that stays the same; subgraph, operator, tensor: indices, None where none is meant.
    evidence: what was found and what is allowed; remedy: what to do.
    """

    id: str
    severity: Severity
    subgraph: int | None
    operator: int | None
    tensor: int | None
    evidence: str
    remedy: str

    def __str__(self) -> str:
        place = "".join(
            f"{name} {index}: "
            for name, index in (("subgraph", self.subgraph), ("operator", self.operator))
            if index is not None
        )
        return f"{self.severity}: {self.id}: {place}{self.evidence}; {self.remedy}"


def check(model: Model) -> tuple[Finding, ...]:
    """Return everything found wrong, in the order of the file."""
    return tuple(_model(model))


def _model(model: Model) -> Iterator[Finding]:
    if not model.subgraphs:
        yield _error("no_subgraphs", "the model has no subgraph, so there is nothing to run")
    for metadata in model.metadata:
        if metadata.buffer >= len(model.buffers):
            yield _error(
                "buffer_index_out_of_range",
                f"metadata {metadata.name!r} is in buffer {metadata.buffer}, but the model has "
                f"{_count(len(model.buffers), 'buffer')}",
            )
    yield from _signatures(model)
    for index, subgraph in enumerate(model.subgraphs):
        yield from _indices(model, index, subgraph)
        yield from _tensors(model, index, subgraph)
        yield from _data_flow(model, index, subgraph)
        yield from _compiled(index, subgraph)
    yield from _cycles(model)


def _error(
    id_: str,
    evidence: str,
    remedy: str = _CONVERT_AGAIN,
    *,
    subgraph: int | None = None,
    operator: int | None = None,
    tensor: int | None = None,
) -> Finding:
    return Finding(id_, "error", subgraph, operator, tensor, evidence, remedy)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _named(subgraph: Subgraph, tensor: int) -> str:
    return f"tensor {tensor} ({subgraph.tensors[tensor].name!r})"


# Indices


def _signatures(model: Model) -> Iterator[Finding]:
    for signature in model.signatures:
        if signature.subgraph >= len(model.subgraphs):
            yield _error(
                "subgraph_index_out_of_range",
                f"signature {signature.key!r} is of subgraph {signature.subgraph}, but the model "
                f"has {_count(len(model.subgraphs), 'subgraph')}",
            )
            continue
        tensors = len(model.subgraphs[signature.subgraph].tensors)
        for name, tensor in (*signature.inputs, *signature.outputs):
            if tensor >= tensors:
                yield _error(
                    "tensor_index_out_of_range",
                    f"signature {signature.key!r} calls tensor {tensor} {name!r}, but its subgraph "
                    f"has {_count(tensors, 'tensor')}",
                    subgraph=signature.subgraph,
                )


def _indices(model: Model, index: int, subgraph: Subgraph) -> Iterator[Finding]:
    size = len(subgraph.tensors)

    def outside(
        tensors: Iterable[int], what: str, operator: int | None, lowest: int = 0
    ) -> Iterator[Finding]:
        for tensor in tensors:
            if not lowest <= tensor < size:
                yield _error(
                    "tensor_index_out_of_range",
                    f"{what} tensor {tensor}, but the subgraph has {_count(size, 'tensor')}"
                    + (f", and {OPTIONAL} for none" if lowest < 0 else ""),
                    subgraph=index,
                    operator=operator,
                )

    yield from outside(subgraph.inputs, "the subgraph's inputs name", None)
    yield from outside(subgraph.outputs, "the subgraph's outputs name", None)
    for place, operator in enumerate(subgraph.operators):
        if operator.code is None:
            yield _error(
                "operator_code_out_of_range",
                f"it uses operator code {operator.opcode_index}, but the model has "
                f"{_count(len(model.operator_codes), 'operator code')}",
                subgraph=index,
                operator=place,
            )
        yield from outside(operator.inputs, f"{operator.name} reads", place, OPTIONAL)
        yield from outside(operator.outputs, f"{operator.name} writes", place)
        yield from outside(operator.intermediates, f"{operator.name} keeps", place, OPTIONAL)
        for option, called in _called(operator):
            if not 0 <= called < len(model.subgraphs):
                yield _error(
                    "subgraph_index_out_of_range",
                    f"{operator.name} calls subgraph {called} ({option}), but the model has "
                    f"{_count(len(model.subgraphs), 'subgraph')}",
                    subgraph=index,
                    operator=place,
                )


def _references(table: str | int | None, options: Options, list_: str) -> Iterator[tuple[str, int]]:
    """Yield (field, index) for the fields that are indices into that list of the model."""
    if not isinstance(table, str) or not options:
        return
    for field in layout().tables[table].fields:
        if field.refers == list_:
            value = options.get(field.name, field.default)
            for index in value if field.vector else (value,):
                yield field.name, index


def _called(operator: Operator) -> Iterator[tuple[str, int]]:
    yield from _references(operator.options_type, operator.options, "subgraphs")
    yield from _references(operator.options_2_type, operator.options_2, "subgraphs")


def _cycles(model: Model) -> Iterator[Finding]:
    """Find calls that lead back to a subgraph that is still running."""
    count = len(model.subgraphs)
    calls = [
        [
            (place, called)
            for place, operator in enumerate(subgraph.operators)
            for _, called in _called(operator)
            if 0 <= called < count
        ]
        for subgraph in model.subgraphs
    ]
    done = [False] * count
    for start in range(count):
        path: list[int] = []
        running: set[int] = set()
        stack = [(start, iter(calls[start]))] if not done[start] else []
        while stack:
            graph, rest = stack[-1]
            if graph not in running:
                running.add(graph)
                path.append(graph)
            place, called = next(rest, (-1, -1))
            if called < 0:
                done[graph] = True
                running.remove(graph)
                path.pop()
                stack.pop()
            elif called in running:
                circle = [*path[path.index(called) :], called]
                yield _error(
                    "subgraph_cycle",
                    f"subgraphs call each other in a circle: {' -> '.join(map(str, circle))}",
                    "take the call out of the loop; TFLite has no recursion",
                    subgraph=graph,
                    operator=place,
                )
            elif not done[called]:
                stack.append((called, iter(calls[called])))


# Tensors


def _tensors(model: Model, index: int, subgraph: Subgraph) -> Iterator[Finding]:
    external = {int(buffer["id"]) for buffer in model.external_buffers}
    wrong_axis = []
    for place, tensor in enumerate(subgraph.tensors):
        faults = [
            *_storage(model, tensor, external),
            *_quantization(subgraph, tensor, constant=has_constant(model, tensor)),
        ]
        for id_, severity, evidence in faults:
            text = f"{_named(subgraph, place)}: {evidence}"
            remedy = _HARMLESS[id_] if severity == "note" else _CONVERT_AGAIN
            yield Finding(id_, severity, index, None, place, text, remedy)
        if _axis_is_wrong(tensor):
            wrong_axis.append(place)
    if wrong_axis:
        yield _wrong_axis(index, subgraph, wrong_axis)


def _storage(model: Model, tensor: Tensor, external: set[int]) -> Iterator[_Fault]:
    buffers = len(model.buffers)
    negative = any(size < 0 for size in tensor.shape)
    if negative:
        yield "negative_size", "error", f"its shape is {list(tensor.shape)}"
    if tensor.buffer >= buffers:
        evidence = f"its buffer is {tensor.buffer}, but the model has {_count(buffers, 'buffer')}"
        yield "buffer_index_out_of_range", "error", evidence
    elif not negative and has_constant(model, tensor):
        needed = bytes_needed(tensor)
        size = model.buffers[tensor.buffer].data.size
        evidence = (
            f"its buffer {tensor.buffer} holds {_count(size, 'byte')}, but {tensor.dtype} of "
            f"shape {list(tensor.shape)} takes {needed}"
        )
        if needed is not None and size < needed:
            yield "buffer_size_mismatch", "error", evidence
        elif needed is not None and size > needed:
            yield "constant_padded", "note", f"{evidence}: the {size - needed} behind are not read"
    if tensor.external_buffer and tensor.external_buffer not in external:
        evidence = f"its external buffer is {tensor.external_buffer}, which the model does not list"
        yield "external_buffer_unknown", "error", evidence


def _bits(tensor: Tensor) -> int | None:
    """Return the bits one element takes in the file, None where the type does not tell."""
    dtype = str(tensor.dtype)
    return element_bits(dtype) if dtype in STORAGE else None


def _quantization(subgraph: Subgraph, tensor: Tensor, *, constant: bool) -> Iterator[_Fault]:
    """constant: the tensor has a value, which a scale of 0 makes one of zeros."""
    quantization = tensor.quantization
    if quantization is None:
        return
    if quantization.details is not None:
        member, fields = quantization.details
        for field, index in _references(member, fields, "tensors"):
            lowest = OPTIONAL if field == "zero_points" else 0
            if not lowest <= index < len(subgraph.tensors):
                evidence = (
                    f"its {field} are in tensor {index}, but the subgraph has "
                    f"{_count(len(subgraph.tensors), 'tensor')}"
                )
                yield "tensor_index_out_of_range", "error", evidence
        return
    scale, zero_point = quantization.scale, quantization.zero_point
    if not scale.size:
        return
    if scale.size != zero_point.size:
        scales, zeros = _count(scale.size, "scale"), _count(zero_point.size, "zero point")
        yield "quantization_length_mismatch", "error", f"it has {scales} but {zeros}"
    axis = quantization.quantized_dimension
    if scale.size > 1 and 0 <= axis < len(tensor.shape) and scale.size != tensor.shape[axis]:
        evidence = (
            f"it has {scale.size} scales along dimension {axis}, which has size "
            f"{tensor.shape[axis]} (shape {list(tensor.shape)})"
        )
        yield "quantization_length_mismatch", "error", evidence
    bad = np.flatnonzero(~(np.isfinite(scale) & (scale > 0)))
    if bad.size:
        evidence = (
            f"{bad.size} of its {_count(scale.size, 'scale')} not positive and finite, the first "
            f"at {bad[0]}: {scale[bad[0]]}"
        )
        harmless = constant and bool((scale[bad] == 0).all())
        yield "bad_scale", "note" if harmless else "warning", evidence
    yield from _zero_point(tensor, zero_point)


def _zero_point(tensor: Tensor, zero_point: NDArray[np.int64]) -> Iterator[_Fault]:
    bits = _bits(tensor)
    stored = STORAGE.get(str(tensor.dtype))
    if bits is None or stored is None or stored.kind not in "iu" or not zero_point.size:
        return
    low = -(1 << (bits - 1)) if stored.kind == "i" else 0
    high = low + (1 << bits) - 1
    least, most = int(zero_point.min()), int(zero_point.max())
    if least < low or most > high:
        found = least if least < low else most
        evidence = f"its zero point is {found}, but {tensor.dtype} holds {low}..{high}"
        yield "zero_point_out_of_range", "warning", evidence


def _axis_is_wrong(tensor: Tensor) -> bool:
    quantization = tensor.quantization
    if quantization is None or quantization.details is not None or not quantization.scale.size:
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
        f"{_count(len(places), 'tensor')} quantized along a dimension that the tensor does not "
        f"have: the first has shape {list(first.shape)} and quantized_dimension "
        f"{first.quantization.quantized_dimension}; {these} {places[0]} "
        f"({first.name!r}){others}",
        "harmless where the scales belong to a bias, and TFLM runs it; LiteRT refuses the file "
        "until quantized_dimension is set to a dimension of the tensor",
    )


# Data flow


def _data_flow(model: Model, index: int, subgraph: Subgraph) -> Iterator[Finding]:
    count = len(subgraph.tensors)
    given = {tensor for tensor in subgraph.inputs if 0 <= tensor < count}
    constants = {
        place
        for place, tensor in enumerate(subgraph.tensors)
        if has_constant(model, tensor) or tensor.external_buffer
    }
    # A variable holds its last value; a tensor without elements needs none.
    free = {
        place
        for place, tensor in enumerate(subgraph.tensors)
        if tensor.is_variable or 0 in tensor.shape
    } | own_memory(subgraph)
    producer: dict[int, int] = {}
    for place, operator in enumerate(subgraph.operators):
        for tensor in operator.outputs:
            producer.setdefault(tensor, place)
    known = given | constants | free
    written: dict[int, int] = {}
    for place, operator in enumerate(subgraph.operators):
        for tensor in dict.fromkeys(operator.inputs):
            if not 0 <= tensor < count or tensor in known or tensor in written:
                continue
            reads = f"{operator.name} reads {_named(subgraph, tensor)}, which "
            if tensor in producer:
                later = producer[tensor]
                yield _error(
                    "read_before_written",
                    reads + f"operator {later} ({subgraph.operators[later].name}) writes only "
                    f"{'itself' if later == place else 'later'}",
                    _ORDER,
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
            else:
                yield _error(
                    "never_written",
                    reads + "no operator writes and the file gives no value",
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
        for tensor in operator.outputs:
            if not 0 <= tensor < count or tensor in free:
                continue
            if tensor in written or tensor in given or tensor in constants:
                if tensor in written:
                    first = f"operator {written[tensor]} has written"
                else:
                    first = "is an input" if tensor in given else "is a constant"
                yield _error(
                    "written_twice",
                    f"{operator.name} writes {_named(subgraph, tensor)}, which {first}",
                    "give each result a tensor of its own",
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
            written.setdefault(tensor, place)
    for tensor in subgraph.outputs:
        if 0 <= tensor < count and tensor not in known and tensor not in written:
            yield _error(
                "never_written",
                f"the output {_named(subgraph, tensor)} is written by no operator",
                subgraph=index,
                tensor=tensor,
            )


def _compiled(index: int, subgraph: Subgraph) -> Iterator[Finding]:
    """Say what operators are that the file has only another processor's code of: a note each."""
    found = compiled_operators(subgraph.operators)
    names = Counter(one.name for place, one in enumerate(subgraph.operators) if place not in found)
    left = ", ".join(f"{count} {name}" for name, count in names.most_common()) or "none"
    for kind in dict.fromkeys(found.values()):
        places = [place for place, one in found.items() if one is kind]
        called = sorted({subgraph.operators[place].name for place in places})
        listed = ", ".join(called[:4]) + (", …" if len(called) > 4 else "")
        yield Finding(
            "compiled_operators",
            "note",
            index,
            places[0],
            None,
            f"{len(places)} of {_count(len(subgraph.operators), 'operator')} ({listed}) "
            f"{'each ' if len(places) > 1 else ''}is {kind.what}; left to the CPU: {left}",
            kind.remedy,
        )
