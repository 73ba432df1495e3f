"""Where the checkout lies, and measured models and figures for tests that want more than it has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

_BESIDE = ROOT.parent / "shared"


def corpus() -> Path:
    """Return the folder of models and figures, or skip the test that asks for it.

    It is named by REFINTERP_CORPUS or else lies beside the checkout as `shared`.
    """
    named = os.environ.get("REFINTERP_CORPUS")
    folder = Path(named) if named else _BESIDE
    if not (folder / "models").is_dir():
        pytest.skip(f"no corpus of models at {folder}; set REFINTERP_CORPUS to its folder")
    return folder
