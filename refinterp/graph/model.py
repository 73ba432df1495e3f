"""A model as frozen data: what the file says, nothing decided and nothing run.

Names follow the schema (`schema/tflite.layout`). Arrays are NumPy views of the file's bytes where
the file holds them; nobody writes to them.

Enumerations are kept by their schema name (`"SAME"`, `"int8"` for tensor types, in lower case as
NumPy spells them); a value the schema does not know stays the integer it was, so that any
well-formed file can be represented and written back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Options = Mapping[str, Any]

NO_OPTIONS: Final[Options] = MappingProxyType({})
NO_BYTES: Final[NDArray[np.uint8]] = np.empty(0, np.uint8)
OPTIONAL: Final = -1  # the tensor index that stands for "no tensor here"

STORAGE: Final[Mapping[str, np.dtype[Any]]] = MappingProxyType(
    {
        "float32": np.dtype(np.float32),
        "float16": np.dtype(np.float16),
        "float64": np.dtype(np.float64),
        "int8": np.dtype(np.int8),
        "uint8": np.dtype(np.uint8),
        "int16": np.dtype(np.int16),
        "uint16": np.dtype(np.uint16),
        "int32": np.dtype(np.int32),
        "uint32": np.dtype(np.uint32),
        "int64": np.dtype(np.int64),
        "uint64": np.dtype(np.uint64),
        "bool": np.dtype(np.bool_),
        "complex64": np.dtype(np.complex64),
        "complex128": np.dtype(np.complex128),
        "int4": np.dtype(np.int8),
        "int2": np.dtype(np.int8),
        "uint4": np.dtype(np.uint8),
        "resource": np.dtype(np.int32),
    }
)
"""The NumPy type an element is held in once unpacked; types that are missing are never computed."""

PACKED_BITS: Final[Mapping[str, int]] = MappingProxyType({"int4": 4, "uint4": 4, "int2": 2})
"""Types whose elements share bytes in the file, and the bits of one element."""


def element_bits(dtype: str) -> int:
    """Return the bits that one element of a type in `STORAGE` takes in the file."""
    return PACKED_BITS.get(dtype, 8 * STORAGE[dtype].itemsize)


def code_limits(dtype: str) -> tuple[int, int]:
    """Return the smallest and the largest code of an integer type of the schema."""
    bits = element_bits(dtype)
    low = -(1 << (bits - 1)) if STORAGE[dtype].kind == "i" else 0
    return low, low + (1 << bits) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """`QuantizationParameters`: real = scale * (code - zero_point).

    scale, minimum, maximum: float32 (channels,); zero_point: int64 (channels,); any may be empty.
    quantized_dimension: the axis the channels run along, when there is more than one.
    details: the union member's name and its fields (blockwise, multi-axis, custom), or None.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    quantized_dimension: int = 0
    minimum: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    maximum: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    details: tuple[str, Options] | None = None

    @property
    def per_channel(self) -> bool:
        """Whether channels have scales of their own."""
        return len(self.scale) > 1


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One entry of a subgraph's tensor list.

    name: bytes that are not UTF-8 are kept as surrogate escapes.
    shape: as stored.
    dtype: lower-case schema type name ("int8", "int4", "string", …) or an unknown number.
    buffer: index into `Model.buffers`; 0, or an empty buffer, means the tensor has no constant.
    quantization: None where the file has none.
    is_variable: whether it keeps its value from one run to the next.
    shape_signature: the shape with -1 for unknown sizes, or None if absent.
    has_rank: as stored; without it, an empty shape may be one that is unknown.
    sparsity: the schema's table as a mapping, or None.
    variant_tensors: the schema's tables as mappings: what a variant holds.
    external_buffer: the id of one of `Model.external_buffers`; 0 for none.
    """

    name: str
    shape: Shape
    dtype: str | int
    buffer: int = 0
    quantization: Quantization | None = None
    is_variable: bool = False
    shape_signature: Shape | None = None
    has_rank: bool = False
    sparsity: Options | None = None
    variant_tensors: tuple[Options, ...] = ()
    external_buffer: int = 0


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """`OperatorCode`: the operator's name, its version, and the name of a custom operator.

    builtin is `max(builtin_code, deprecated_builtin_code)`, by name when the schema knows it.
    deprecated: the one-byte field as stored, kept so that writing changes nothing.
    """

    builtin: str | int
    version: int = 1
    custom: str | None = None
    deprecated: int | None = None

    @property
    def name(self) -> str:
        """The name people know the operator by: the custom name where there is one."""
        if self.builtin == "CUSTOM":
            return self.custom or "CUSTOM"
        return str(self.builtin)


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One entry of a subgraph's operator list, in execution order.

    opcode_index: into `Model.operator_codes`.
    code: the entry there, or None when the index is out of range.
    inputs: tensor indices of the same subgraph; -1 is an omitted input.
    outputs: tensor indices likewise.
    options: the builtin options' fields by schema name.
    options_type: the union member's name ("Conv2DOptions"), the number of an unknown one, or None.
    options_2: the fields of the second union (StableHLO).
    options_2_type: its member, likewise.
    custom_options: raw bytes of a custom operator's options, uint8 (bytes,).
    custom_options_format: how they are written.
    custom_options_appended: they lie behind the flatbuffer (`large_custom_options_offset`).
    intermediates: tensor indices of the same subgraph, of what an LSTM computes on the way.
    mutating_variable_inputs: as stored: for each input, whether the operator changes it.
    debug_metadata_index: as stored; -1 for none.
    """

    opcode_index: int
    code: OperatorCode | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = field(default_factory=lambda: NO_OPTIONS)
    options_type: str | int | None = None
    options_2: Options = field(default_factory=lambda: NO_OPTIONS)
    options_2_type: str | int | None = None
    custom_options: NDArray[np.uint8] = field(default_factory=lambda: NO_BYTES)
    custom_options_format: str | int = "FLEXBUFFERS"
    custom_options_appended: bool = False
    intermediates: tuple[int, ...] = ()
    mutating_variable_inputs: tuple[bool, ...] = ()
    debug_metadata_index: int = -1

    @property
    def name(self) -> str:
        """The operator's name, or `UNKNOWN(index)` when its code is out of range."""
        return self.code.name if self.code else f"UNKNOWN({self.opcode_index})"


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """A graph of operators over its own list of tensors."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    name: str | None = None
    debug_metadata_index: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Constant bytes. appended: they lie behind the flatbuffer (`Buffer.offset` and `size`)."""

    data: NDArray[np.uint8] = field(default_factory=lambda: NO_BYTES)
    appended: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    """A named buffer; the index is into `Model.buffers`."""

    name: str
    buffer: int


@dataclass(frozen=True, slots=True)
class Signature:
    """`SignatureDef`: names for the inputs and outputs of one subgraph."""

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A whole `.tflite` file.

    subgraphs: the first is the one that is run, unless a signature names another.
    operator_codes: what operators point to by index.
    buffers: what tensors and metadata point to by index; the first is empty by custom.
    version: of the schema.
    description: a line of the converter's, or None.
    metadata: named buffers.
    metadata_buffer: as stored: indices of buffers, from before they had names.
    signatures: names for inputs and outputs of subgraphs.
    external_buffer_groups: the schema's tables as mappings.
    external_buffers: likewise: slices of other files.
    source: the path it was read from, for messages, or None.
    array: the name of the array of a C source that holds it, None where it is a file of its own.
    """

    subgraphs: tuple[Subgraph, ...]
    operator_codes: tuple[OperatorCode, ...]
    buffers: tuple[Buffer, ...]
    version: int = 3
    description: str | None = None
    metadata: tuple[Metadata, ...] = ()
    metadata_buffer: tuple[int, ...] = ()
    signatures: tuple[Signature, ...] = ()
    external_buffer_groups: tuple[Options, ...] = ()
    external_buffers: tuple[Options, ...] = ()
    source: str | None = None
    array: str | None = None

    @property
    def operator_names(self) -> tuple[str, ...]:
        """The names of the operators of all subgraphs, each once, in the order of the file."""
        names = (operator.name for graph in self.subgraphs for operator in graph.operators)
        return tuple(dict.fromkeys(names))
