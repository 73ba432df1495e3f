"""Random models: every table and field of the format, with numbers that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from refinterp.graph.layout import Field, layout
from refinterp.graph.model import (
    NO_OPTIONS,
    Buffer,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)
from refinterp.modelfile.flatbuffer import DTYPES

Draw = Callable[..., Any]

texts = st.text(max_size=6) | st.binary(max_size=6).map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)
bytes_ = st.binary(max_size=20).map(lambda raw: np.frombuffer(raw, np.uint8))


def scalars(stored: str) -> st.SearchStrategy[Any]:
    """Values of a scalar of the format, its limits often."""
    if stored == "bool":
        return st.booleans()
    if stored in ("float", "double"):
        return st.floats(width=32 if stored == "float" else 64)
    limits = np.iinfo(DTYPES[stored])
    edges = st.sampled_from([0, 1, limits.min, limits.max])
    return edges | st.integers(int(limits.min), int(limits.max))


def enums(name: str) -> st.SearchStrategy[str | int]:
    """Names of an enumeration, now and then a number it does not know."""
    enum = layout().enums[name]
    unknown = st.integers(100, 127).filter(lambda n: n not in enum.names)
    if name == "BuiltinOperator":
        unknown = st.integers(210, 2**31 - 1)
    return st.sampled_from(sorted(enum.values)) | unknown


def arrays(stored: str, max_size: int = 4) -> st.SearchStrategy[NDArray[Any]]:
    """Vectors of scalars as arrays."""
    return st.lists(scalars(stored), max_size=max_size).map(
        lambda values: np.array(values, DTYPES[stored])
    )


def _values(field: Field, as_arrays: bool) -> st.SearchStrategy[Any]:
    if field.kind == "table":
        inner = tables(field.type, as_arrays)
        return st.lists(inner, max_size=2).map(tuple) if field.vector else inner
    if field.kind == "union":
        return st.none() | members(field.type, as_arrays)
    if field.kind == "string":
        return st.none() | texts
    assert field.stored is not None
    if field.kind == "enum":
        one = enums(field.type)
        return st.lists(one, max_size=4).map(tuple) if field.vector else one
    if not field.vector:
        return scalars(field.stored)
    if field.stored == "ubyte":
        return st.none() | bytes_
    found = arrays(field.stored)
    if as_arrays:  # an empty array is written as absent, which reads as ()
        return found.filter(lambda array: array.size > 0)
    return found.map(lambda array: tuple(array.tolist()))


def tables(name: str, as_arrays: bool = False) -> st.SearchStrategy[Mapping[str, Any]]:
    """All fields of a table."""
    fields = [field for field in layout().tables[name].fields if not field.deprecated]
    if not fields:
        return st.just(NO_OPTIONS)
    return st.fixed_dictionaries({f.name: _values(f, as_arrays) for f in fields}).map(
        MappingProxyType
    )


def members(union: str, as_arrays: bool = False) -> st.SearchStrategy[tuple[Any, Any]]:
    """A member of a union with its table, without it, or one nobody knows."""
    names = sorted(layout().unions[union].numbers)
    known = st.sampled_from(names).flatmap(
        lambda name: st.tuples(st.just(name), tables(name, as_arrays))
    )
    bare = st.tuples(st.sampled_from(names), st.just(NO_OPTIONS))
    unknown = st.tuples(st.integers(200, 255), st.just(NO_OPTIONS))
    return known | known | known | bare | unknown


indices = st.lists(scalars("int"), max_size=4).map(tuple)

quantizations = st.builds(
    Quantization,
    scale=arrays("float"),
    zero_point=arrays("long"),
    quantized_dimension=scalars("int"),
    minimum=arrays("float"),
    maximum=arrays("float"),
    details=st.none() | members("QuantizationDetails"),
)

tensors = st.builds(
    Tensor,
    name=texts,
    shape=indices,
    dtype=enums("TensorType"),
    buffer=scalars("uint"),
    quantization=st.none() | quantizations,
    is_variable=st.booleans(),
    shape_signature=st.none() | indices,
    has_rank=st.booleans(),
    sparsity=st.none() | tables("SparsityParameters", as_arrays=True),
    variant_tensors=st.lists(tables("VariantSubType"), max_size=2).map(tuple),
    external_buffer=scalars("uint"),
)

operator_codes = st.builds(
    OperatorCode,
    builtin=enums("BuiltinOperator"),
    version=scalars("int"),
    custom=st.none() | texts,
    deprecated=st.just(-3),  # below every code, so that it never decides
)


@st.composite
def operators(draw: Draw, codes: tuple[OperatorCode, ...]) -> Operator:
    """An operator whose code may be out of range."""
    index = draw(st.integers(0, len(codes)) | scalars("uint"))
    options_type, options = draw(
        st.just((None, NO_OPTIONS)) | members("BuiltinOptions") | members("BuiltinOptions")
    )
    options_2_type, options_2 = draw(st.just((None, NO_OPTIONS)) | members("BuiltinOptions2"))
    return Operator(
        opcode_index=index,
        code=codes[index] if index < len(codes) else None,
        inputs=draw(indices),
        outputs=draw(indices),
        options=options,
        options_type=options_type,
        options_2=options_2,
        options_2_type=options_2_type,
        custom_options=draw(bytes_),
        custom_options_format=draw(enums("CustomOptionsFormat")),
        custom_options_appended=draw(st.booleans()),
        intermediates=draw(indices),
        mutating_variable_inputs=draw(st.lists(st.booleans(), max_size=3).map(tuple)),
        debug_metadata_index=draw(scalars("int")),
    )


@st.composite
def models(draw: Draw) -> Model:
    """A model that can be written; nothing in it need fit together."""
    codes = tuple(draw(st.lists(operator_codes, max_size=3)))
    subgraph = st.builds(
        Subgraph,
        tensors=st.lists(tensors, max_size=3).map(tuple),
        inputs=indices,
        outputs=indices,
        operators=st.lists(operators(codes), max_size=3).map(tuple),
        name=st.none() | texts,
        debug_metadata_index=scalars("int"),
    )
    named = st.lists(st.tuples(texts, scalars("uint")), max_size=2).map(tuple)
    return Model(
        subgraphs=tuple(draw(st.lists(subgraph, max_size=2))),
        operator_codes=codes,
        buffers=tuple(draw(st.lists(st.builds(Buffer, bytes_, st.booleans()), max_size=4))),
        version=draw(scalars("uint")),
        description=draw(st.none() | texts),
        metadata=tuple(draw(st.lists(st.builds(Metadata, texts, scalars("uint")), max_size=2))),
        metadata_buffer=draw(indices),
        signatures=tuple(
            draw(st.lists(st.builds(Signature, texts, scalars("uint"), named, named), max_size=2))
        ),
        external_buffer_groups=tuple(draw(st.lists(tables("ExternalBufferGroup"), max_size=2))),
        external_buffers=tuple(draw(st.lists(tables("ExternalBuffer"), max_size=2))),
    )
