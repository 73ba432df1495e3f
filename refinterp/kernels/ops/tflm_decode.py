"""TFLM_DECODE: weights that are stored compressed, decoded before the model runs.

Table     each element is an index of 1 to 7 bits into its channel's table of values
Huffman   code words, looked up in tables that lead from one to the next
Pruning   one bit for each element: the next stored value, or the zero point
Shapes    pairs of inputs, the codes and what describes them, each pair to one output
Units     bits are read from the highest of each byte on. The description: type, version 1, two
          bytes unused, version 1, then by type; the tables start at byte 16
Raises    ModelError, from prepare only: inputs that are no constants, too short, or describe what
          the format lacks
Source    tflite-micro micro/kernels/decode.cc, decode_state_lut.cc, decode_state_huffman.cc,
          decode_state_prune.cc (90b983c2b)
Exact to  TFLM
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.operands import Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import constant
from refinterp.kernels.workspace import Workspace

_HEAD: Final = 16
_TYPES = ("bool", "float32", "int8", "int16", "int32", "int64")
Bytes = NDArray[np.uint8]


@kernel("TFLM_DECODE", "uint8", "int8", "uint32")
@dataclass(frozen=True, slots=True, eq=False)
class TflmDecode(Kernel):
    """values: each output, decoded. They count as constants for what comes after."""

    values: tuple[Array, ...]
    always_known: ClassVar[bool] = True

    @staticmethod
    def output_shapes(operands: Variadic[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """The file's shapes."""
        return ()

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> TflmDecode:
        """Decode."""
        if len(operands) != 2 * len(outputs) or not outputs:
            raise ModelError(
                f"{len(operands)} inputs for {len(outputs)} outputs; there must be two for each"
            )
        values = []
        for index, output in enumerate(outputs):
            codes = _bytes(operands[2 * index], "codes")
            head = _bytes(operands[2 * index + 1], "description")
            if head.size < _HEAD or head[1] != 1 or head[4] != 1:
                raise ModelError(
                    f"output {output.name!r}: a description of {head.size} bytes, version "
                    f"{head[1:2].tolist()} {head[4:5].tolist()}; at least {_HEAD} of version 1 are "
                    "needed"
                )
            try:
                decode = _DECODERS[int(head[0])]
            except KeyError:
                raise ModelError(
                    f"output {output.name!r} is compressed in way {head[0]}; known are 0 (table), "
                    "1 (Huffman) and 2 (pruning)"
                ) from None
            values.append(decode(codes, head, output).reshape(output.shape))
        return cls(tuple(values))

    def eval(self, operands: Variadic[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy the values."""
        for output, value in zip(outputs, self.values, strict=True):
            output[...] = value


def _bytes(spec: TensorSpec | None, role: str) -> Bytes:
    return np.frombuffer(np.ascontiguousarray(constant(spec, role)).tobytes(), np.uint8)


def _channels(output: TensorSpec) -> NDArray[np.int64]:
    """The channel of each element: along the first axis, or the last."""
    count = max(output.scale.size, 1)
    axis = output.quantized_dimension
    if count > 1 and axis == len(output.shape) - 1:
        return np.arange(output.size, dtype=np.int64) % count
    if axis != 0:
        raise ModelError(
            f"output {output.name!r} has scales along axis {axis}; allowed: the first or the last"
        )
    if output.size % count:
        raise ModelError(f"{output.size} elements of {output.name!r} do not split into {count}")
    return np.arange(output.size, dtype=np.int64) // max(output.size // count, 1)


def _of_type(head: Bytes, dtype: str) -> Array:
    """The values that follow the description, as many as there are whole ones."""
    storage = STORAGE[dtype]
    table = head[_HEAD:]
    whole = table.size - table.size % storage.itemsize
    return np.frombuffer(table[:whole].tobytes(), storage)


def _check_type(output: TensorSpec, allowed: Sequence[str]) -> None:
    if output.dtype not in allowed:
        raise ModelError(
            f"output {output.name!r} is {output.dtype}; decoded are {', '.join(allowed)}"
        )


def _short(output: TensorSpec, what: str) -> ModelError:
    return ModelError(f"output {output.name!r}: the {what} end before all {output.size} elements")


def _table(codes: Bytes, head: Bytes, output: TensorSpec) -> Array:
    _check_type(output, _TYPES)
    width, stride = int(head[5]) & 7, int(head[6])
    if not width:
        raise ModelError(f"output {output.name!r} has indices of 0 bits; allowed: 1 to 7")
    bits = np.unpackbits(codes)
    if bits.size < output.size * width:
        raise _short(output, "indices")
    places = 1 << np.arange(width, dtype=np.int64)[::-1]
    index = bits[: output.size * width].reshape(-1, width) @ places
    index = index + _channels(output) * stride
    values = _of_type(head, output.dtype)
    if index.size and index.max() >= values.size:
        raise _short(output, "values")
    return np.asarray(values[index])


def _pruned(codes: Bytes, head: Bytes, output: TensorSpec) -> Array:
    _check_type(output, _TYPES)
    bits = np.unpackbits(codes)[: output.size] != 0
    if bits.size < output.size:
        raise _short(output, "bits")
    zeros = output.zero_point
    if output.dtype != "int8" and np.any(zeros):
        raise ModelError(f"output {output.name!r} is {output.dtype}; its zero points must be 0")
    values = _of_type(head, output.dtype)
    kept = np.cumsum(bits, dtype=np.int64) - 1
    if bits.any() and kept[-1] >= values.size:
        raise _short(output, "values")
    filler = zeros[_channels(output)] if zeros.size else np.zeros(output.size, np.int64)
    result = filler.astype(STORAGE[output.dtype])
    result[bits] = values[kept[bits]]
    return result


def _huffman(codes: Bytes, head: Bytes, output: TensorSpec) -> Array:
    """Entries: a bit for a symbol, four of a count, a value.

    A symbol's count is how many of the bits read last belong to it; another's, less one, how many
    to read next, and its value where the next table starts from here.
    """
    wide = bool(head[5] & 1)
    _check_type(output, ("int8", "int16") if wide else ("int8",))
    first = (int(head[5]) >> 4) + 1
    kind, shift = (np.dtype("<u4"), 27) if wide else (np.dtype("<u2"), 11)
    body = head[_HEAD:]
    table = np.frombuffer(body[: body.size - body.size % kind.itemsize].tobytes(), kind).tolist()
    found, low = 1 << (8 * kind.itemsize - 1), (1 << shift) - 1
    stream = int.from_bytes(codes.tobytes(), "big")
    length = 8 * codes.size
    stream, padded = stream << 64, length + 64  # a look-up may reach beyond the last word
    symbols = []
    position = 0
    for _ in range(output.size):
        used, place = first, 0
        while True:
            position += used
            if position > padded:
                raise _short(output, "code words")
            place += (stream >> (padded - position)) & ((1 << used) - 1)
            if place >= len(table):
                raise ModelError(f"output {output.name!r}: a code word leads beyond its tables")
            entry = table[place]
            bits = (entry >> shift) & 15
            if entry & found:
                break
            place, used = place + (entry & low), bits + 1
        position -= max(used - bits, 0)
        symbols.append(entry & low)
    if position > length:
        raise _short(output, "code words")
    size = 1 << (8 * STORAGE[output.dtype].itemsize)
    wrapped = (np.array(symbols, np.int64) + size // 2) % size - size // 2
    return wrapped.astype(STORAGE[output.dtype])


_DECODERS: Final[dict[int, Callable[[Bytes, Bytes, TensorSpec], Array]]] = {
    0: _table,
    1: _huffman,
    2: _pruned,
}
