"""The installed `refinterp` script, run as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("refinterp.exe" if os.name == "nt" else "refinterp")
DATA = Path(__file__).resolve().parents[2] / "refinterp" / "data"
MODEL = str(DATA / "digits_int8.tflite")
SAMPLES = str(DATA / "digits_samples.npz")


def environment(**more: str) -> dict[str, str]:
    """The present environment at 80 columns, without what tests of other things set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONIO", "REFINTERP_"))}
    return kept | {"COLUMNS": "80"} | more


def refinterp(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the installed script; more: variables of its environment."""
    return subprocess.run(
        [SCRIPT, *words],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def python(code: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
