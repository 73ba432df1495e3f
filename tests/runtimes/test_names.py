"""Names and availability of runtimes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from refinterp.errors import UnsupportedError, UsageError
from refinterp.runtimes import RUNTIMES, open_runtime, unavailable


def test_unknown_name_lists_the_known() -> None:
    """A wrong name is the caller's error, and the message names every right one."""
    with pytest.raises(UsageError, match="runtime:tflite") as caught:
        open_runtime("runtime:tflite")
    assert all(name in str(caught.value) for name in RUNTIMES)


@pytest.mark.parametrize("name", RUNTIMES)
def test_missing_package_is_a_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is not installed, the reason says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    reason = unavailable(name)
    assert reason is not None
    assert f"pip install {RUNTIMES[name].install}" in reason
    with pytest.raises(UnsupportedError, match=RUNTIMES[name].package):
        open_runtime(name)


def test_asking_imports_no_runtime() -> None:
    """Neither importing the adapter nor asking what is available imports a runtime's package."""
    code = (
        "import sys; from refinterp.runtimes import RUNTIMES, unavailable\n"
        "[unavailable(name) for name in RUNTIMES]\n"
        "assert not {'ai_edge_litert', 'tflite_micro', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
