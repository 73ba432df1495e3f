"""What a module does, as data: calls of kernels on places that a plan turns into offsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Step

CODES: Final = 128
"""What is added to an int8 code in the arena: viper loads bytes without a sign."""

BIAS: Final = 1 << 29
"""What is added to a bias in a block: viper loads words without a sign where they have 64 bits."""


@dataclass(frozen=True, slots=True)
class ArenaPlace:
    """A place in the arena: in a tensor, or in what a call needs for itself.

    tensor: its index, or None for the call's own block or patch. patch: whether it is the patch.
    offset: bytes from there.
    """

    tensor: int | None = None
    patch: bool = False
    offset: int = 0


BLOCK: Final = ArenaPlace()
"""Where a call's block lies."""

PATCH: Final = ArenaPlace(patch=True)
"""Where a call gathers bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a kernel.

    kernel: its name. arguments: by name. block: what is read from the file before the call.
    """

    kernel: str
    arguments: Mapping[str, int | ArenaPlace]
    block: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """An operator as calls of kernels.

    operator: its index in the model.
    title: what it is, for people.
    reads, writes: tensors.
    calls: given the bytes that a block may have, and whether channels of the module are shifted
        left, the calls.
    patch: bytes that calls gather into.
    least: bytes a block has at least, as it is usually asked for.
    whole: bytes of the one block where all fits.
    left: bytes that a block has besides in modules where channels are shifted left.
    same: the result is the operand's bytes, so that nothing is called.
    in_place: the result may take the operand's bytes.
    features: lines of kernels that are needed.
    macs: products that are summed.
    """

    operator: int
    title: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    calls: Callable[[int, bool], list[Call]]
    patch: int = 0
    least: int = 0
    whole: int = 0
    left: int = 0
    same: bool = False
    in_place: bool = False
    features: frozenset[str] = field(default_factory=frozenset)
    macs: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """An operator that is to be lowered.

    step: as it was prepared, with its kernel. inputs: specs, None where one is left out. outputs:
    specs. flavour: whose arithmetic. usual: bytes that a block of weights has, where more are not
    free. thumb: whether inner products are machine code of Arm.
    """

    step: Step
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    flavour: str
    usual: int
    thumb: bool = False


def aligned(size: int, to: int = 4) -> int:
    """Return a size rounded up."""
    return -(-size // to) * to
