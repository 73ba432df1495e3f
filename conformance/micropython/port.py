"""MicroPython's unix port, and mpy-cross: where they are, and a module run under the former."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]

ARCHITECTURES: Final = ("armv6m", "armv7m", "armv7emsp", "xtensawin", "rv32imc")
"""Processors that modules are compiled for, as mpy-cross names them."""

_SCRIPT: Final = """
import gc, micropython, sys
sys.path.insert(0, {folder!r})
import {name} as module
model = module.Model()
samples = open({samples!r}, "rb")
results = open({results!r}, "wb")
x = y = before = after = number = one = None  # so that no name is new while bytes are counted
for number in range({count}):
    x = [samples.read(size) for size in {sizes!r}]
    if {one}:
        x = x[0]
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    if number:
        micropython.heap_lock()
    y = model.run(x)
    if number:
        micropython.heap_unlock()
    after = gc.mem_alloc()
    gc.enable()
    if after != before:
        print("a run allocated", after - before)
        sys.exit(1)
    for one in y if isinstance(y, tuple) else (y,):
        results.write(one)
results.close()
"""


def tool(name: str) -> str | None:
    """Return the path of `micropython` or `mpy-cross`: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


class PortError(RuntimeError):
    """MicroPython ended with an error; its message is what it printed."""


def run_script(text: str, folder: Path, *, heap: str = "32m") -> str:
    """Run a script under the unix port and return what it printed; raises PortError."""
    script = folder / "_script.py"
    script.write_text(text, "utf-8")
    done = subprocess.run(
        [str(tool("micropython")), "-X", f"heapsize={heap}", str(script)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise PortError((done.stdout + done.stderr)[-2000:])
    return done.stdout


def run_module(
    folder: Path, name: str, samples: Sequence[Arrays], shapes: Sequence[tuple[int, ...]]
) -> list[Arrays]:
    """Run a module on samples, one after the other; the heap is locked from the second on.

    samples: int8 arrays by input. shapes: of the outputs. Raises PortError, also where a run
    allocates.
    """
    into, out = folder / "_samples.bin", folder / "_results.bin"
    into.write_bytes(
        b"".join(np.ascontiguousarray(x, np.int8).tobytes() for s in samples for x in s)
    )
    run_script(
        _SCRIPT.format(
            folder=str(folder), name=name, samples=str(into), results=str(out),
            count=len(samples), sizes=[x.size for x in samples[0]], one=len(samples[0]) == 1,
        ),
        folder,
    )  # fmt: skip
    flat = np.frombuffer(out.read_bytes(), np.int8)
    found, at = [], 0
    for _ in samples:
        row = []
        for shape in shapes:
            size = int(np.prod(shape, dtype=int))
            row.append(flat[at : at + size].reshape(shape))
            at += size
        found.append(row)
    return found


def compiled(source: Path, architecture: str, *flags: str) -> str:
    """Compile a module with mpy-cross beside its source; returns what went wrong, or ""."""
    done = subprocess.run(
        [str(tool("mpy-cross")), f"-march={architecture}", *flags, "-o",
         str(source.with_suffix(".mpy")), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr if done.returncode else ""
