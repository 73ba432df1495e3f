"""What a module takes of MicroPython's heap, before it is on a board: a bound with its terms.

Bound     for processors of 32 bits: everything that importing the module, making a Model and its
          first run leave on the heap. The check module is not among it
Terms     the arena, by the plan; kernels by the largest of their machine codes for five processors,
          as mpy-cross compiles them; the rest of the module, measured under MicroPython 1.29 on an
          emulated Cortex-M3, with room for other versions
Blocks    the heap is given in blocks of 16 bytes: every object is rounded up
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from refinterp.export.micropython.core import CoreGraph
from refinterp.export.micropython.kernel_text import THUMB
from refinterp.export.micropython.memory import MemoryPlan
from refinterp.export.micropython.source import arena_bytes
from refinterp.export.micropython.weights_file import Placed

BLOCK: Final = 16
"""Bytes of a block of the heap on 32-bit boards."""

_MODULE: Final = 4400  # the class, its methods, names, constants, an open file
_PORT: Final = 128  # an input or output: its name apart
_KERNEL: Final = 48  # a function, its name, its place in the tuple of kernels
_DOTS: Final = 256  # inner products in machine code of Arm
_METHOD: Final = 256  # of each further part that only some modules have


@dataclass(frozen=True, slots=True)
class HeapTerm:
    """One term of the bound. name: as documents have it. bytes: what it takes. what: in words."""

    name: str
    bytes: int
    what: str


@dataclass(frozen=True, slots=True)
class FirmwareHeap:
    """What is known of the heap of a stock firmware.

    board: what it runs on. heap_bytes: or None where no source says. source: where it stands, or
    why it is not known.
    """

    board: str
    heap_bytes: int | None
    source: str


@cache
def kernel_bytes() -> Mapping[str, Mapping[str, int]]:
    """Return the machine code of each kernel, in bytes, by processor as mpy-cross names it."""
    found: dict[str, Any] = json.loads(
        Path(__file__).with_name("kernel_bytes.json").read_text("utf-8")
    )
    return {name: dict(sizes) for name, sizes in found["kernels"].items()}


@cache
def firmware_heaps() -> tuple[FirmwareHeap, ...]:
    """Return what is known of stock firmware."""
    found = json.loads(Path(__file__).with_name("firmware_heaps.json").read_text("utf-8"))
    return tuple(FirmwareHeap(**row) for row in found["boards"])


def heap_terms(
    core: CoreGraph, memory: MemoryPlan, placed: Placed, *, in_module: bool
) -> tuple[HeapTerm, ...]:
    """Return the bound's terms. in_module: whether the weights stand in the module."""
    ports = (*core.inputs, *core.outputs)
    code = {name: max(kernel_bytes()[name].values()) + _KERNEL for name in placed.kernels}
    results = sum(_rounded(spec.size) + 2 * BLOCK for spec in core.outputs)
    names = sum(_PORT + _rounded(len(spec.name.encode())) + 4 * len(spec.shape) for spec in ports)
    extra = _METHOD * (len(memory.variables) + (len(core.inputs) > 1) + (len(core.outputs) > 1))
    rest = (
        arena_bytes(memory, placed) - memory.plan_bytes - memory.extra_bytes - memory.variable_bytes
    )
    features = frozenset[str]().union(*(op.features for op in core.operators))
    code |= {"dots": _DOTS} if THUMB in features else {}
    terms = [
        HeapTerm("plan", memory.plan_bytes, "tensors, by the optimal plan"),
        HeapTerm(
            "weight_block",
            memory.extra_bytes + rest,
            f"blocks of weights, beyond what the plan leaves free; the largest: {placed.largest:,}",
        ),
        HeapTerm("variables", memory.variable_bytes, "what operators remember from run to run"),
        *(HeapTerm(f"code {name}", size, f"the kernel {name}") for name, size in code.items()),
        HeapTerm("parameters", _rounded(4 * placed.width) + 2 * BLOCK, "arguments of a call"),
        HeapTerm("views", (BLOCK + 4) * len(placed.views) + BLOCK, "where blocks are read to"),
        HeapTerm("results", results, "the arrays that a run returns"),
        HeapTerm("ports", names, "names, shapes and scales of inputs and outputs"),
        HeapTerm("module", _MODULE + extra, "the class, its methods and names, the open file"),
    ]
    if in_module:
        terms.append(HeapTerm("weights", _rounded(len(placed.data)) + 2 * BLOCK, "in the module"))
    return tuple(term for term in terms if term.bytes)


def bound(terms: Iterable[HeapTerm]) -> int:
    """Return the sum of the terms, rounded up to blocks of the heap."""
    return _rounded(sum(term.bytes for term in terms))


def _rounded(size: int) -> int:
    return size + -size % BLOCK


def remedies(
    core: CoreGraph, memory: MemoryPlan, placed: Placed, terms: Iterable[HeapTerm], limit: int
) -> list[str]:
    """Return what would make a module smaller, where its bound is above a limit."""
    by_name = {term.name: term.bytes for term in terms}
    over = bound(terms) - limit
    found = []
    weights = by_name.get("weights", 0)
    if weights:
        enough = " and makes it fit" if weights >= over else ""
        found.append(f"--weights file leaves {weights:,} bytes of weights out of the heap{enough}")
    peak, size = _largest(core)
    found.append(
        f"{over:,} bytes are too many; the plan's {memory.plan_bytes:,} are most at operator "
        f"{peak} ({size:,} bytes): a smaller input or fewer channels there make it smaller"
    )
    code = sum(size for name, size in by_name.items() if name.startswith("code "))
    found.append(
        f"from ROMFS the module's constants and bytecode stay in flash; kernels ({code:,} bytes) "
        "are copied to RAM in any case"
    )
    return found


def _largest(core: CoreGraph) -> tuple[str, int]:
    """The operator whose operands and results have most bytes, and how many."""
    specs = core.program.specs
    sizes = [
        (sum(specs[t].size for t in {*op.reads, *op.writes}), f"{op.operator} ({op.title})")
        for op in core.operators
    ]
    size, name = max(sizes, default=(0, "none"))
    return name, size
