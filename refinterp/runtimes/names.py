"""The names of installed runtimes, and whether each can be used here."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refinterp.errors import UsageError


@dataclass(frozen=True, slots=True)
class KnownRuntime:
    """Where a runtime comes from.

    package: the import name. install: what pip calls it.
    resolver: for LiteRT, the member of OpResolverType that selects the kernels; None for TFLM.
    """

    package: str
    install: str
    resolver: str | None


RUNTIMES: Final[Mapping[str, KnownRuntime]] = MappingProxyType(
    {
        "runtime:litert-reference": KnownRuntime("ai_edge_litert", "ai-edge-litert", "BUILTIN_REF"),
        "runtime:litert-optimized": KnownRuntime(
            "ai_edge_litert", "ai-edge-litert", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        ),
        "runtime:litert": KnownRuntime("ai_edge_litert", "ai-edge-litert", "AUTO"),
        "runtime:tflm": KnownRuntime("tflite_micro", "tflite-micro", None),
    }
)


def known(name: str) -> KnownRuntime:
    """Look a runtime up. Raises UsageError when there is none of that name."""
    try:
        return RUNTIMES[name]
    except KeyError:
        raise UsageError(
            f"runtime {name!r} is not known; the runtimes are: {', '.join(RUNTIMES)}"
        ) from None


def unavailable(name: str) -> str | None:
    """Why the runtime cannot be used, or None if it is installed. Imports nothing of it."""
    runtime = known(name)
    if importlib.util.find_spec(runtime.package) is not None:
        return None
    where = " (its wheel is for Linux on x86-64)" if runtime.resolver is None else ""
    return (
        f"{name} needs the package {runtime.package}, which is not installed; "
        f"pip install {runtime.install}{where}"
    )
