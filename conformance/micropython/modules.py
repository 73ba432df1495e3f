"""A module made of a model, and held byte by byte against our own run of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conformance.micropython.port import Arrays, run_module
from refinterp.export.micropython.bundle import ModuleBuild
from refinterp.export.micropython.source import module_text
from refinterp.graph.model import Model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare


@dataclass(frozen=True, eq=False)
class ModuleRun:
    """What came of it. codes: compared. differing: of them. build: what was written."""

    codes: int
    differing: int
    build: ModuleBuild


def write_module(build: ModuleBuild, folder: Path, name: str) -> None:
    """Write a module and its weights."""
    text = module_text(
        name, "a model", build.flavour, build.core, build.memory, build.placed,
        in_module=build.in_module,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text, "utf-8")
    if not build.in_module:
        (folder / f"{name}.bin").write_bytes(build.placed.data)


def expected(build: ModuleBuild, samples: Sequence[Arrays]) -> list[Arrays]:
    """Run the model's core with our kernels, one sample after the other."""
    program = prepare(build.core.program.model, flavour=build.flavour)
    executor = Executor(program)
    found = []
    for sample in samples:
        for tensor, x in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = x
        executor.invoke()
        found.append([np.array(executor.read(t)[0]) for t in program.graph.outputs])
    return found


def random_samples(build: ModuleBuild, count: int, seed: int) -> list[Arrays]:
    """Draw codes for a module's inputs."""
    rng = np.random.default_rng(seed)
    return [
        [rng.integers(-128, 128, spec.shape, np.int8) for spec in build.core.inputs]
        for _ in range(count)
    ]


def held(
    model: Model,
    flavour: str,
    folder: Path,
    samples: Sequence[Arrays] = (),
    *,
    count: int = 16,
    seed: int = 1,
    in_module: bool = False,
) -> ModuleRun:
    """Write a model's module, run it and our kernels, and compare; raises as exporting does.

    samples: of the core's inputs; drawn where there are none.
    """
    build = ModuleBuild.of(model, flavour, in_module=in_module)
    write_module(build, folder, "module")
    own = list(samples) or random_samples(build, count, seed)
    wanted = expected(build, own)
    came = run_module(folder, "module", own, [spec.shape for spec in build.core.outputs])
    pairs = [
        (a, b) for first, second in zip(wanted, came, strict=True)
        for a, b in zip(first, second, strict=True)
    ]  # fmt: skip
    differing = sum(int((a != b).sum()) for a, b in pairs)
    return ModuleRun(sum(a.size for a, _ in pairs), differing, build)
