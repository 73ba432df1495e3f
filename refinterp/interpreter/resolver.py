"""Whose kernels the caller asked for, in LiteRT's words, and what that means here."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Mapping
from typing import Any

from refinterp.errors import UsageError
from refinterp.interpreter.loading import no_delegate
from refinterp.kernels.flavours import DEFAULT_FLAVOUR, FLAVOURS


@enum.unique
class OpResolverType(enum.Enum):
    """LiteRT's sets of kernels.

    AUTO and BUILTIN_REF mean the flavour `litert-reference`. BUILTIN and
    BUILTIN_WITHOUT_DEFAULT_DELEGATES mean it too, with a warning.
    """

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


def choose_flavour(resolver: Any, flavour: str | None, stacklevel: int) -> str:
    """Return the flavour a constructor's arguments ask for; `flavour` wins.

    resolver: a member of our enumeration, or of LiteRT's or TensorFlow's of the same name.
    stacklevel: of the constructor's caller, for the warning. Raises UsageError.
    """
    name = resolver.name if isinstance(resolver, enum.Enum) else None
    if name not in OpResolverType.__members__:
        raise UsageError(
            f"Unrecognized passed in op resolver type: {resolver}; allowed: "
            f"{', '.join(map(str, OpResolverType))}"
        )
    if flavour is not None:
        if flavour not in FLAVOURS:
            raise UsageError(f"unknown flavour {flavour!r}; allowed: {', '.join(FLAVOURS)}")
        return flavour
    if name not in (OpResolverType.AUTO.name, OpResolverType.BUILTIN_REF.name):
        warnings.warn(
            f"OpResolverType.{name} asks for LiteRT's optimized kernels, whose arithmetic is not "
            f"reproduced; the results are those of the flavour {DEFAULT_FLAVOUR} (BUILTIN_REF)",
            stacklevel=stacklevel + 1,
        )
    return DEFAULT_FLAVOUR


class Delegate:
    """Stands for LiteRT's class of this name; there is nothing here a delegate could take over."""

    def __init__(self, library: str, options: Mapping[str, Any] | None = None) -> None:
        no_delegate(library)


def load_delegate(library: str, options: Mapping[str, Any] | None = None) -> Delegate:
    """Raise UnsupportedError, also a ValueError and an OSError, on which scripts fall back."""
    no_delegate(library)
