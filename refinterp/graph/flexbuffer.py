"""The options of custom operators that are written as a FlexBuffers map, as most are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from refinterp.errors import ModelError


def read_map(data: bytes) -> Mapping[str, Any]:
    """Decode a map: name → number, bool, text, list or map; no bytes are an empty map.

    Raises ModelError for bytes that are no FlexBuffers map.
    """
    if not data:
        return MappingProxyType({})
    from flatbuffers import flexbuffers  # only custom operators need it

    try:
        value = flexbuffers.Loads(bytes(data))
    except Exception as error:  # the package checks nothing: what it stumbles over is anything
        raise ModelError(
            f"custom options are no FlexBuffers map: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(value, dict):
        raise ModelError(f"custom options are a FlexBuffers {type(value).__name__}, not a map")
    return MappingProxyType(value)


def write_map(fields: Mapping[str, Any]) -> bytes:
    """Encode names and values as a FlexBuffers map."""
    from flatbuffers import flexbuffers

    return bytes(flexbuffers.Dumps(dict(fields)))
