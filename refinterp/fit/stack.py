"""What TFLM takes of the stack: the deepest chain of calls of the interpreter and its operators.

Figures   `stack.json`: builds of TFLM, as `python -m conformance.code_size.stack` reads them from
          the linked program; every frame that the compiler's `-fstack-usage` names is the same.
Exact to  these builds: under emulation no model took more, and most of int8 took as much to the
          byte (`conformance/results/export.json`). It is the most over all types an operator has.
          Elsewhere the figure is the largest of builds with such kernels, an estimate; its error
          is that of the same rule for a build that is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from refinterp.fit.code import BUILDS
from refinterp.tflm.targets import DEFAULT_VERSION, Profile


@dataclass(frozen=True, slots=True)
class StackNeed:
    """Bytes of stack below whoever calls AllocateTensors and Invoke, whichever takes more.

    bytes: None where no build is like this one. deepest: the operator that takes them, "" for the
    interpreter. build: which was measured, "" for an estimate. low, high: by which the estimate
    may be off, relative. unknown: operators without a figure, left out.
    """

    bytes: int | None
    deepest: str = ""
    build: str = ""
    low: float = 0.0
    high: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether it is of this very core, kernels and version of TFLM."""
        return bool(self.build)


@cache
def _document() -> Mapping[str, Any]:
    text = resources.files("refinterp.fit").joinpath("stack.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def stack_need(profile: Profile, operators: Iterable[str]) -> StackNeed:
    """Return what setting a model of these operators up and running it takes of the stack."""
    names = tuple(dict.fromkeys(operators))
    builds: Mapping[str, Any] = _document()["builds"]
    if profile.target.abi.pointer != 4:
        return StackNeed(None, unknown=names)
    kernels = profile.kernels.name.removesuffix("-size")
    build = BUILDS.get((profile.target.name, kernels), "")
    own = not profile.core and profile.tflm.name == DEFAULT_VERSION and build in builds
    if own and profile.kernels.name == kernels and builds[build]["operators"].keys() >= set(names):
        size, deepest = _deepest([builds[build]], names)
        return StackNeed(size, deepest, build)
    alike = [builds[name] for pair, name in BUILDS.items() if name in builds and pair[1] == kernels]
    enough = bool(alike) and all(any(n in one["operators"] for one in alike) for n in names)
    error = _document()["error" if enough else "error_of_any"]
    taken = alike if enough else list(builds.values())
    known = [name for name in names if any(name in one["operators"] for one in taken)]
    size, deepest = _deepest(taken, known)
    unknown = tuple(name for name in names if name not in known)
    return StackNeed(size, deepest, "", -error["lowest"], error["highest"], unknown)


def _deepest(builds: Iterable[Mapping[str, Any]], names: Iterable[str]) -> tuple[int, str]:
    """The most that some operator takes, and which; those that run subgraphs come on top."""
    sizes = {"": 0}
    below = {"": 0}
    for one in builds:
        sizes[""] = max(sizes[""], *one["interpreter"])
        for name in names:
            if name in one["operators"]:
                setup, invoke = one["operators"][name]
                sizes[name] = max(sizes.get(name, 0), setup, invoke)
                if name in one["nesting"]:
                    below[name] = max(below.get(name, 0), invoke)
    deepest = max(sizes, key=lambda name: sizes[name])
    return sizes[deepest] + sum(size for name, size in below.items() if name != deepest), deepest
