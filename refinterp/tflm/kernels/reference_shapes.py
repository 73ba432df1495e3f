"""What TFLM's reference kernels take where elements move, and for pools and QUANTIZE."""

from __future__ import annotations

import math
from typing import Final

from refinterp.tflm.footprint import Ask
from refinterp.tflm.operation import TflmOperation

QUANTIZED: Final = {
    "float32": "int8 int16",
    "int8": "int8 int16 int32 uint8",
    "int16": "int8 int16 int32",
    "int32": "int8 int16",
    "uint8": "int8",
}
"""Types QUANTIZE turns each type into."""


def depth_to_space(op: TflmOperation) -> None:
    """Prepare of DEPTH_TO_SPACE."""
    op.temps("i0 o0")
    op.require(op["i0"].rank == 4, f"{op['i0']} has rank {op['i0'].rank}, not 4")
    n, h, w, c = op["i0"].shape
    block = int(op.option("block_size", 1))
    op.require(block > 0, "block_size is 0")
    op.rewrite("o0", (n, h * block, w * block, c // block // block))


def space_to_depth(op: TflmOperation) -> None:
    """Prepare of SPACE_TO_DEPTH."""
    op.temps("i0 o0")
    op.require(op["i0"].rank == 4, f"{op['i0']} has rank {op['i0'].rank}, not 4")
    n, h, w, c = op["i0"].shape
    block = int(op.option("block_size", 1))
    op.require(block > 0, "block_size is 0")
    op.rewrite("o0", (n, h // block, w // block, c * block * block))


def l2_pool_2d(op: TflmOperation) -> None:
    """Prepare of L2_POOL_2D."""
    op.temps("o0 i0")
    op.rewrite("o0", op["o0"].shape)


def embedding_lookup(op: TflmOperation) -> None:
    """Prepare of EMBEDDING_LOOKUP."""
    op.temps("i0 i1 o0")
    op.one_of("i0", "int32")
    op.one_of("i1", "float32 int8")
    op.rewrite("o0", (op["i0"].shape[0], *op["i1"].shape[1:]))
    op.keep_struct("OpDataEmbeddingLookup")


def gather(op: TflmOperation) -> None:
    """Prepare of GATHER."""
    op.temps("i0 i1 o0")
    op.one_of("i1", "int32")
    x, at = op["i0"].shape, op["i1"].shape
    axis, batch = int(op.option("axis")), int(op.option("batch_dims"))
    axis += len(x) * (axis < 0)
    batch += len(at) * (batch < 0)
    op.rewrite("o0", (*x[:axis], *at[batch:], *x[axis + 1 :]))


def gather_nd(op: TflmOperation) -> None:
    """Prepare of GATHER_ND."""
    op.temps("i0 i1 o0")
    op.one_of("i1", "int32")
    x, at = op["i0"].shape, op["i1"].shape
    op.require(bool(at), f"indices {op['i1']} are a scalar")
    op.rewrite("o0", (*at[:-1], *x[at[-1] :]))


def reshape(op: TflmOperation) -> None:
    """Prepare of RESHAPE."""
    op.temps("i0 o0")
    shape = op["o0"].shape
    if len(op.operator.inputs) == 1 and shape == (0,):
        op.state.shapes[op["o0"].id] = ()
    elif -1 in shape:
        rest = math.prod(size for size in shape if size != -1)
        full = tuple(op["i0"].elements // rest if size == -1 else size for size in shape)
        op.rewrite("o0", full)
    op.same_type("i0", "o0")


def mirror_pad(op: TflmOperation) -> None:
    """Prepare of MIRROR_PAD."""
    op.temps("i0 i1 o0")
    op.scratch(4 * op["i0"].rank, "elements per output dimension")
    op.scratch(4 * op["i0"].rank, "elements per input dimension")


def constant_input(temps: str, *refs: str, **types: str) -> Ask:
    """Return a Prepare that looks at `temps` and wants the file to hold the values of `refs`.

    types: those that further operands may have, by operand.
    """

    def prepare(op: TflmOperation) -> None:
        op.temps(temps)
        for ref in refs:
            op.must_be_constant(ref)
        for ref, allowed in types.items():
            op.one_of(ref, allowed)

    return prepare


def strided_slice(op: TflmOperation) -> None:
    """Prepare of STRIDED_SLICE."""
    op.temps("i0 i1 i2 i3 o0")
    op.require(op["i0"].rank <= 4, f"{op['i0']} has rank {op['i0'].rank}, at most 4 is supported")
    for ref in ("i1", "i2", "i3"):
        op.must_be_constant(ref)


def quantize(op: TflmOperation) -> None:
    """Prepare of QUANTIZE."""
    op.temps("i0 o0")
    op.one_of("o0", QUANTIZED.get(op["i0"].dtype, ""))
    op.require(op["o0"].scales == 1, f"output {op['o0']} has {op['o0'].scales} scales, not one")
