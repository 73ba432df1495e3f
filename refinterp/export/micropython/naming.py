"""What a module is called: a name that Python takes, and that no module of MicroPython has."""

from __future__ import annotations

import keyword
import re
from pathlib import PurePath
from typing import Final

from refinterp.errors import UsageError

LONGEST: Final = 48
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_TAKEN: Final = frozenset(
    (
        "array", "asyncio", "binascii", "bluetooth", "boot", "builtins", "cmath", "collections",
        "cryptolib", "deflate", "errno", "esp", "esp32", "framebuf", "gc", "hashlib", "heapq", "io",
        "json", "lib", "lwip", "machine", "main", "marshal", "math", "micropython", "mip",
        "neopixel", "network", "ntptime", "onewire", "openamp", "os", "platform", "pyb", "random",
        "re", "requests",
        "rp2", "select", "socket", "ssl", "stm", "struct", "sys", "test", "time", "tls", "uarray",
        "uasyncio", "uctypes", "umachine", "uos", "urequests", "utime", "vfs", "websocket", "wipy",
        "zephyr", "zlib",
    )
)  # fmt: skip
"""Modules of MicroPython and files it starts with: a file of such a name would hide them."""


def module_name(given: str | None, source: str | None) -> str:
    """Return a module's name. given: what the user typed, or None. source: the model's path.

    Raises UsageError for a typed name that no module can have.
    """
    if given is None:
        stem = PurePath(source).stem if source else ""
        name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:LONGEST].strip("_")
        name = name if not name or name[0].isalpha() else f"m_{name}"
        return f"{name or 'exported'}_model" if not name or _hidden(name) else name
    if len(given) > LONGEST:
        raise UsageError(f"--name has {len(given)} characters; at most {LONGEST} are taken")
    if not _NAME.match(given) or keyword.iskeyword(given):
        raise UsageError(
            f"--name is {given!r}; a module's name is an ASCII letter and then letters, digits and "
            "underscores, and no keyword of Python"
        )
    if _hidden(given):
        raise UsageError(
            f"--name {given} would hide MicroPython's own {given}; {given + '_model'!r} would do"
        )
    return given


def _hidden(name: str) -> bool:
    return name.lower() in _TAKEN or keyword.iskeyword(name)
