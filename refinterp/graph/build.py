"""Models built in memory, one call per tensor and operator.

>>> g = GraphBuilder()
>>> x = g.input("x", (1, 4), "int8", scale=0.5, zero_point=3)
>>> y = g.tensor("y", (1, 4), "int8", scale=0.5, zero_point=3)
>>> g.operator("RELU", [x], [y])
>>> model = g.build(outputs=[y])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refinterp.errors import UsageError
from refinterp.graph.constants import pack
from refinterp.graph.layout import Layout, layout
from refinterp.graph.model import (
    NO_BYTES,
    NO_OPTIONS,
    PACKED_BITS,
    STORAGE,
    Buffer,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Options,
    Quantization,
    Shape,
    Signature,
    Subgraph,
    Tensor,
)

_VERSION: Final = 3


@dataclass
class _File:
    """What the subgraphs of one model share."""

    buffers: list[Buffer] = field(default_factory=lambda: [Buffer()])
    codes: dict[OperatorCode, int] = field(default_factory=dict)
    subgraphs: list[GraphBuilder] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    metadata: list[Metadata] = field(default_factory=list)

    def buffer(self, data: NDArray[np.uint8]) -> int:
        data.flags.writeable = False
        self.buffers.append(Buffer(data))
        return len(self.buffers) - 1


class GraphBuilder:
    """Collects one subgraph; the first one made is the model's main graph and builds the model.

    Tensors and subgraphs are named by their indices, which every method that makes one returns.
    Nothing is checked that the format allows: a builder of absurd models is of use to tests.
    """

    def __init__(self, name: str | None = None) -> None:
        self._start(_File(), name)

    def _start(self, file: _File, name: str | None) -> None:
        self._file = file
        self.index = len(file.subgraphs)
        file.subgraphs.append(self)
        self._name = name
        self._tensors: list[Tensor] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []
        self._operators: list[Operator] = []

    def subgraph(self, name: str | None = None) -> GraphBuilder:
        """Return the builder of a further subgraph; options refer to it by its `index`."""
        other = GraphBuilder.__new__(GraphBuilder)
        other._start(self._file, name)
        return other

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        scale: ArrayLike | None = None,
        zero_point: ArrayLike | None = None,
        quantized_dimension: int = 0,
        quantization: Quantization | None = None,
        shape_signature: Sequence[int] | None = None,
        is_variable: bool = False,
        buffer: int = 0,
        sparsity: Options | None = None,
    ) -> int:
        """Add a tensor and return its index.

        scale, zero_point: one number, or one per index of quantized_dimension; without a zero
        point it is 0. quantization: the whole table instead of these three.
        """
        if quantization is None and scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zeros = np.zeros(scales.size) if zero_point is None else zero_point
            quantization = Quantization(
                scales, np.atleast_1d(np.asarray(zeros, np.int64)), quantized_dimension
            )
        self._tensors.append(
            Tensor(
                name=name,
                shape=_shape(shape),
                dtype=dtype,
                buffer=buffer,
                quantization=quantization,
                is_variable=is_variable,
                shape_signature=None if shape_signature is None else _shape(shape_signature),
                sparsity=sparsity,
            )
        )
        return len(self._tensors) - 1

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32", **rest: Any) -> int:
        """Add a tensor that is an input of the subgraph; keywords as for `tensor`."""
        index = self.tensor(name, shape, dtype, **rest)
        self._inputs.append(index)
        return index

    def variable(self, name: str, shape: Sequence[int], dtype: str = "float32", **rest: Any) -> int:
        """Add a tensor that keeps its value between runs; keywords as for `tensor`."""
        return self.tensor(name, shape, dtype, is_variable=True, **rest)

    def constant(
        self,
        name: str,
        value: ArrayLike,
        dtype: str | None = None,
        *,
        shape: Sequence[int] | None = None,
        **rest: Any,
    ) -> int:
        """Add a tensor with a value and return its index; further keywords as for `tensor`.

        value: codes, not reals, one per element; int4 and int2 are packed here. For a type NumPy
        has no storage for: the raw bytes as uint8, with `shape` as the tensor's shape.
        dtype: the value's own NumPy type when not given.

        Raises UsageError when a code does not fit the type.
        """
        array = np.asarray(value)
        dtype = dtype or array.dtype.name
        data = _encode(array, dtype, name)
        shape = array.shape if shape is None else shape
        return self.tensor(name, shape, dtype, buffer=self._file.buffer(data), **rest)

    def operator(
        self,
        name: str,
        inputs: Iterable[int],
        outputs: Iterable[int],
        options: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        custom_options: bytes | None = None,
        intermediates: Iterable[int] = (),
        mutating_variable_inputs: Iterable[bool] = (),
    ) -> None:
        """Append an operator to the execution order.

        name: a builtin operator, or a custom one's name when custom_options are given.
        inputs: tensor indices, -1 for one that is left out.
        options: fields of the operator's options table; the others take the format's defaults.
        version: the lowest that exists when not given; LiteRT and TFLM take it for every type.

        Raises UsageError for a name or an option the format does not know.
        """
        schema = layout()
        builtin = name if custom_options is None else "CUSTOM"
        if builtin not in schema.enums["BuiltinOperator"].values:
            raise UsageError(
                f"{name!r} is no builtin operator of the format; for a custom operator give "
                "custom_options, b'' if it has none"
            )
        if version is None:
            version = schema.lowest_version.get(builtin, 1)
        code = OperatorCode(builtin, version, None if custom_options is None else name)
        table = schema.options.get(builtin)
        filled = _options(schema, builtin, table, options or {})
        second = table is not None and table in schema.unions["BuiltinOptions2"].numbers
        self._operators.append(
            Operator(
                opcode_index=self._file.codes.setdefault(code, len(self._file.codes)),
                code=code,
                inputs=_shape(inputs),
                outputs=_shape(outputs),
                options=NO_OPTIONS if second else filled,
                options_type=None if second else table,
                options_2=filled if second else NO_OPTIONS,
                options_2_type=table if second else None,
                custom_options=_bytes(custom_options) if custom_options else NO_BYTES,
                intermediates=_shape(intermediates),
                mutating_variable_inputs=tuple(mutating_variable_inputs),
            )
        )

    def output(self, *tensors: int) -> None:
        """Make tensors outputs of the subgraph, in this order, after those it has."""
        self._outputs.extend(tensors)

    def signature(self, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
        """Name inputs and outputs of this subgraph for callers by signature."""
        pairs = tuple(inputs.items()), tuple(outputs.items())
        self._file.signatures.append(Signature(key, self.index, *pairs))

    def metadata(self, name: str, data: bytes) -> None:
        """Attach named bytes to the model."""
        self._file.metadata.append(Metadata(name, self._file.buffer(_bytes(data))))

    def build(self, outputs: Iterable[int] = (), *, description: str | None = None) -> Model:
        """Return the model of all subgraphs; outputs: of this one, after those it has."""
        file = self._file
        more = {self.index: tuple(outputs)}
        return Model(
            subgraphs=tuple(graph._subgraph(more.get(graph.index, ())) for graph in file.subgraphs),
            operator_codes=tuple(file.codes),
            buffers=tuple(file.buffers),
            version=_VERSION,
            description=description,
            metadata=tuple(file.metadata),
            signatures=tuple(file.signatures),
        )

    def _subgraph(self, outputs: Shape) -> Subgraph:
        return Subgraph(
            tensors=tuple(self._tensors),
            inputs=tuple(self._inputs),
            outputs=(*self._outputs, *outputs),
            operators=tuple(self._operators),
            name=self._name,
        )


def _shape(sizes: Iterable[int]) -> Shape:
    return tuple(int(size) for size in sizes)


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _encode(array: NDArray[Any], dtype: str, name: str) -> NDArray[np.uint8]:
    """Return an array's bytes as a file holds them."""
    stored = STORAGE.get(dtype, np.dtype(np.uint8))
    if array.dtype.kind in "iu" and stored.kind in "iu" and array.size:
        bits = PACKED_BITS.get(dtype, 8 * stored.itemsize)
        low = -(1 << (bits - 1)) if stored.kind == "i" else 0
        high = low + (1 << bits) - 1
        least, most = int(array.min()), int(array.max())
        if least < low or most > high:
            raise UsageError(
                f"constant {name!r}: values {least}..{most}, but {dtype} holds {low}..{high}"
            )
    values = array.astype(stored.newbyteorder("<"), order="C").reshape(-1)
    if dtype in PACKED_BITS:
        return pack(values, PACKED_BITS[dtype])
    return np.frombuffer(values.tobytes(), np.uint8)


def _options(schema: Layout, name: str, table: str | None, given: Mapping[str, Any]) -> Options:
    defaults = schema.tables[table].defaults if table else NO_OPTIONS
    unknown = sorted(given.keys() - defaults.keys())
    if unknown:
        raise UsageError(
            f"{name} has no option {unknown[0]!r}; its options are: {', '.join(defaults) or 'none'}"
        )
    return MappingProxyType({**defaults, **given})
