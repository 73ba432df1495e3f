"""Where measured models and figures lie, for the tests that want more than the repository ships."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared"


def corpus() -> Path:
    """Return the folder of models and figures, or skip the test that asks for it.

    It is named by REFINTERP_CORPUS or else lies beside the checkout as `shared`.
    """
    named = os.environ.get("REFINTERP_CORPUS")
    folder = Path(named) if named else _BESIDE
    if not (folder / "models").is_dir():
        pytest.skip(f"no corpus of models at {folder}; set REFINTERP_CORPUS to its folder")
    return folder
