"""A `Model` as the tables of the format: their fields by name, as the writer puts them down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.layout import Layout
from refinterp.graph.model import Model, Operator, OperatorCode, Options, Quantization, Tensor

_LARGEST_DEPRECATED_CODE: Final = 127  # what the one-byte operator code says for all above it


def root_fields(schema: Layout, model: Model, offsets: list[int]) -> Options:
    """Return the root table's fields; absent ones are left out.

    offsets: where each piece behind the flatbuffer starts, in the order of `write_model`.
    Raises UsageError for an operator whose name the format does not have.
    """
    places = iter(offsets)
    buffers = [
        {"offset": next(places), "size": buffer.data.size}
        if buffer.appended
        else {"data": buffer.data if buffer.data.size else None}
        for buffer in model.buffers
    ]
    return {
        "version": model.version,
        "operator_codes": [_operator_code(schema, code) for code in model.operator_codes],
        "subgraphs": [
            {
                "tensors": [_tensor(tensor) for tensor in subgraph.tensors],
                "inputs": subgraph.inputs,
                "outputs": subgraph.outputs,
                "operators": [_operator(operator, places) for operator in subgraph.operators],
                "name": subgraph.name,
                "debug_metadata_index": subgraph.debug_metadata_index,
            }
            for subgraph in model.subgraphs
        ],
        "description": model.description,
        "buffers": buffers,
        "metadata_buffer": model.metadata_buffer or None,
        "metadata": [{"name": m.name, "buffer": m.buffer} for m in model.metadata] or None,
        "signature_defs": [
            {
                "inputs": _names(signature.inputs),
                "outputs": _names(signature.outputs),
                "signature_key": signature.key,
                "subgraph_index": signature.subgraph,
            }
            for signature in model.signatures
        ]
        or None,
        "external_buffer_groups": model.external_buffer_groups or None,
        "external_buffers": model.external_buffers or None,
    }


def _names(pairs: Iterable[tuple[str, int]]) -> list[Options]:
    return [{"name": name, "tensor_index": index} for name, index in pairs]


def _operator_code(schema: Layout, code: OperatorCode) -> Options:
    number = enum_number(schema, "BuiltinOperator", code.builtin, "operator_codes")
    deprecated = code.deprecated
    if deprecated is None:
        deprecated = min(number, _LARGEST_DEPRECATED_CODE)
    return {
        "deprecated_builtin_code": deprecated,
        "custom_code": code.custom,
        "version": code.version,
        "builtin_code": number,
    }


def _tensor(tensor: Tensor) -> Options:
    return {
        "shape": tensor.shape,
        "type": tensor.dtype,
        "buffer": tensor.buffer,
        "name": tensor.name,
        "quantization": _quantization(tensor.quantization),
        "is_variable": tensor.is_variable,
        "sparsity": tensor.sparsity,
        "shape_signature": tensor.shape_signature,
        "has_rank": tensor.has_rank,
        "variant_tensors": tensor.variant_tensors or None,
        "external_buffer": tensor.external_buffer,
    }


def _quantization(quantization: Quantization | None) -> Options | None:
    if quantization is None:
        return None
    return {
        "min": _present(quantization.minimum),
        "max": _present(quantization.maximum),
        "scale": _present(quantization.scale),
        "zero_point": _present(quantization.zero_point),
        "details": quantization.details,
        "quantized_dimension": quantization.quantized_dimension,
    }


def _present(array: NDArray[Any]) -> NDArray[Any] | None:
    return array if array.size else None


def _operator(operator: Operator, places: Iterator[int]) -> Options:
    fields: dict[str, Any] = {
        "opcode_index": operator.opcode_index,
        "inputs": operator.inputs,
        "outputs": operator.outputs,
        "builtin_options": _union(operator.options_type, operator.options),
        "custom_options_format": operator.custom_options_format,
        "mutating_variable_inputs": operator.mutating_variable_inputs or None,
        "intermediates": operator.intermediates or None,
        "builtin_options_2": _union(operator.options_2_type, operator.options_2),
        "debug_metadata_index": operator.debug_metadata_index,
    }
    if operator.custom_options_appended:
        fields["large_custom_options_offset"] = next(places)
        fields["large_custom_options_size"] = operator.custom_options.size
    else:
        fields["custom_options"] = _present(operator.custom_options)
    return fields


def _union(member: str | int | None, options: Options) -> tuple[str | int, Options] | None:
    return None if member is None else (member, options)


def enum_number(schema: Layout, name: str, value: str | int, path: str) -> int:
    """Return the number an enumeration's name is stored as; numbers pass.

    path: of the field, for the UsageError that a name which is none raises.
    """
    if isinstance(value, int):
        return value
    values = schema.enums[name].values
    if value not in values:
        raise UsageError(f"{path}: {value!r} is not one of {name}: {', '.join(values)}")
    return values[value]
