"""A module with all that belongs to it: the files of an export, and what they are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refinterp.errors import UsageError
from refinterp.export.micropython.core import CoreGraph, lowered
from refinterp.export.micropython.heap import HeapTerm, bound, heap_terms
from refinterp.export.micropython.memory import MemoryPlan, planned
from refinterp.export.micropython.page import module_page
from refinterp.export.micropython.source import check_text, grid, module_text
from refinterp.export.micropython.weights_file import Placed, placed
from refinterp.graph.model import Model
from refinterp.graph.spec import TensorSpec
from refinterp.run.batches import run_samples
from refinterp.run.prepare import prepare
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples

USUAL_BLOCK = 1024
"""Bytes of a block of weights where the plan leaves no more free."""

_CHECKED = 16 << 10  # bytes of inputs and outputs of the check module, beyond its first sample
_SAMPLES = 4

Codes = tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True, eq=False)
class ModuleBuild:
    """A model lowered, planned and placed.

    flavour: whose arithmetic. in_module: whether the weights stand in the module. core: what is
    called. memory: where it lies. placed: the calls as the module reads them.
    """

    flavour: str
    in_module: bool
    core: CoreGraph
    memory: MemoryPlan
    placed: Placed

    @classmethod
    def of(
        cls, model: Model, flavour: str, *, in_module: bool = False, thumb: bool = False
    ) -> ModuleBuild:
        """Lower, plan and place; raises UnsupportedError with all reasons, ModelError.

        in_module: whether the weights stand in the module. thumb: for Cortex-M alone.
        """
        core = lowered(model, flavour, USUAL_BLOCK, thumb=thumb)
        memory = planned(core)
        return cls(flavour, in_module, core, memory, placed(core, memory))

    @cached_property
    def terms(self) -> tuple[HeapTerm, ...]:
        """The terms of the bound on the heap."""
        return heap_terms(self.core, self.memory, self.placed, in_module=self.in_module)

    @property
    def heap_bytes(self) -> int:
        """The bound."""
        return bound(self.terms)

    @property
    def macs(self) -> int:
        """Products that a run adds up."""
        return sum(op.macs for op in self.core.operators)

    def usual_samples(self) -> int:
        """How many samples the check module has where nobody asked: 4, or as many as fit."""
        each = sum(spec.size for spec in (*self.core.inputs, *self.core.outputs))
        return max(1, min(_SAMPLES, _CHECKED // max(1, each)))


@dataclass(frozen=True, eq=False)
class CheckedSamples:
    """What the check module has. inputs, outputs: codes by sample, then by input or output.

    origin: what the inputs are. notes: what was done to the data on their way in.
    """

    inputs: Codes
    outputs: Codes
    origin: str
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many samples."""
        return len(self.inputs)


def checked_samples(
    build: ModuleBuild, samples: Samples, count: int, origin: str
) -> CheckedSamples:
    """Run samples, one after the other from fresh variables, as the check module will.

    Raises UsageError where there is none, and what running raises.
    """
    count = min(count, samples.count)
    if count < 1:
        raise UsageError(f"{samples.origin}: there is no sample for the check module")
    program = prepare(build.core.program.model, flavour=build.flavour)
    results = run_samples(program, samples, stop=count, batch=1)
    inputs = tuple(
        tuple(
            fit_input(array, spec)[0].astype(np.int8).tobytes()
            for array, spec in zip(samples.get(i), build.core.inputs, strict=True)
        )
        for i in range(count)
    )
    outputs = tuple(
        tuple(np.asarray(array, np.int8).tobytes() for array in one) for one in results.outputs
    )
    return CheckedSamples(inputs, outputs, origin, tuple(results.notes))


def module_files(
    name: str, title: str, content: bytes, build: ModuleBuild, checked: CheckedSamples
) -> dict[str, bytes]:
    """Return the files of an export by name; the same facts give the same bytes."""
    digest = hashlib.sha256(content).hexdigest()
    files = {
        f"{name}.py": module_text(
            name, f"{title}, SHA-256 {digest}", build.flavour, build.core, build.memory,
            build.placed, in_module=build.in_module,
        ).encode(),
        f"{name}_check.py": check_text(
            name, checked.inputs, checked.outputs, checked.origin, build.flavour,
            remembers=bool(build.memory.variables),
        ).encode(),
    }  # fmt: skip
    if not build.in_module:
        files[f"{name}.bin"] = build.placed.data
    files["README.md"] = module_page(
        name, title, digest, build.flavour, build.core, build.terms, checked.count, checked.origin,
        sorted(files), in_module=build.in_module,
    ).encode()  # fmt: skip
    return dict(sorted(files.items()))


def ports(specs: Sequence[TensorSpec]) -> list[dict[str, object]]:
    """Return inputs or outputs as documents have them."""
    return [
        {
            "name": spec.name,
            "shape": list(spec.shape),
            "scale": grid(spec)[0],
            "zero_point": spec.zero,
            "bytes": spec.size,
        }
        for spec in specs
    ]
