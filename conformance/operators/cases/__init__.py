"""Generators of random one-operator models, one file per family; import `load_all` to have them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from conformance.operators.case import GENERATORS, Generator


def load_all() -> Mapping[tuple[str, str], Generator]:
    """Import every family and return the full table."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"conformance.operators.cases.{module.name}")
    return GENERATORS
