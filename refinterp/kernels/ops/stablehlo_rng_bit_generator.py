"""STABLEHLO_RNG_BIT_GENERATOR: random bits that follow from a state alone.

Integer   key = the first 64 bits of the state, counter = the others; word after word of
          F(key, counter), the counter's low 64 bits counting up. F: Threefry-2x32 of 20 rounds, or
          Philox-4x32 of 10 (PHILOX and DEFAULT), as published in Salmon et al., SC 2011
Shapes    state: uint64 (2,), for Philox also (3,); new state: the same, key and counter; bits: as
          the model has it
Units     plain bits; of two state words Philox takes the key for the counter's upper half too
Raises    ModelError, from prepare only: a state of another size or type
Source    LiteRT kernels/rng_bit_generator.cc, rng_util.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

U32 = NDArray[np.uint32]
_WHERE = "STABLEHLO_RNG_BIT_GENERATOR"
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_PHILOX = ((0xD2511F53, 0x9E3779B9), (0xCD9E8D57, 0xBB67AE85))  # multiplier, key step
_TYPES = ("int32", "uint32", "int64", "uint64")


@dataclass(frozen=True, slots=True)
class RngOptions:
    """Schema table StablehloRngBitGeneratorOptions; declared_shapes: the outputs' in the file."""

    algorithm: str | int = "DEFAULT"
    declared_shapes: Sequence[Shape] = ()


def threefry(key: U32, counters: U32) -> U32:
    """Threefry-2x32 of 20 rounds: key (2,), counters (n, 2) → words (n, 2)."""
    keys = [*key, key[0] ^ key[1] ^ np.uint32(_PARITY)]
    a, b = (counters + key).T
    for turn in range(5):
        for rotation in _ROTATIONS[turn % 2]:
            a = a + b
            b = ((b << np.uint32(rotation)) | (b >> np.uint32(32 - rotation))) ^ a
        a = a + keys[(turn + 1) % 3]
        b = b + keys[(turn + 2) % 3] + np.uint32(turn + 1)
    return np.stack([a, b], axis=1)


def philox(key: U32, counters: U32) -> U32:
    """Philox-4x32 of 10 rounds: key (2,), counters (n, 4) → words (n, 4)."""
    (first, step), (second, other_step) = _PHILOX
    a, b, c, d = counters.T
    left, right = key[:1], key[1:]
    for _ in range(10):
        low = a.astype(np.uint64) * np.uint64(first)
        high = c.astype(np.uint64) * np.uint64(second)
        a, c = (
            (high >> np.uint64(32)).astype(np.uint32) ^ b ^ left,
            (low >> np.uint64(32)).astype(np.uint32) ^ d ^ right,
        )
        b, d = high.astype(np.uint32), low.astype(np.uint32)
        left, right = left + np.uint32(step), right + np.uint32(other_step)
    return np.stack([a, b, c, d], axis=1)


@kernel("STABLEHLO_RNG_BIT_GENERATOR", "uint64", options=RngOptions)
@dataclass(frozen=True, slots=True)
class RngBitGenerator(Kernel):
    """width: words of 32 bits the function gives at once."""

    width: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: RngOptions) -> tuple[Shape, ...]:
        """The state's shape, and the bits' as the model has it."""
        shapes = options.declared_shapes
        if len(shapes) != 2:
            raise ModelError(f"{_WHERE} has {len(shapes)} outputs; it needs 2")
        return (operands.input.shape, tuple(shapes[1]))

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: RngOptions,
        rule: Rules,
    ) -> RngBitGenerator:
        """Check the state's size and the types."""
        state = operands.input
        width = 2 if options.algorithm == "THREEFRY" else 4
        sizes = ((2,),) if width == 2 else ((2,), (3,))
        if state.shape not in sizes or outputs[0].dtype != "uint64":
            raise ModelError(
                f"{_WHERE}: state {state.name!r} has shape {list(state.shape)}; allowed: "
                f"{', '.join(str(list(size)) for size in sizes)} of uint64"
            )
        if outputs[1].dtype not in _TYPES:
            raise ModelError(f"{_WHERE}: bits of type {outputs[1].dtype}; allowed: {_TYPES}")
        return cls(width)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the new state and the bits of each sample."""
        states = operands.input
        for index, bits in enumerate(outputs[1]):
            state = states[min(index, len(states) - 1)]
            words = np.ascontiguousarray(state).view(np.uint32)
            wanted = bits.size * bits.itemsize // 4
            times = -(-wanted // self.width)
            counts = state[1] + np.arange(times + 1, dtype=np.uint64)
            low = counts[:-1].view(np.uint32).reshape(-1, 2)
            if self.width == 2:
                made = threefry(words[:2], low)
            else:
                upper = words[4:6] if state.size == 3 else words[:2]
                made = philox(words[:2], np.hstack([low, np.tile(upper, (times, 1))]))
            bits[...] = made.reshape(-1)[:wanted].view(bits.dtype).reshape(bits.shape)
            outputs[0][index] = state
            outputs[0][index, 1] = counts[-1]
