"""A board that QEMU emulates: scripts and files go to MicroPython on it, what it prints comes back.

The firmware is MicroPython's `qemu` port, built as docs/micropython.md says. Files lie in a ROMFS
image, which mpremote builds; the script is imported from there.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.micropython.port import PortError, tool

_DONE: Final = "END OF THE SCRIPT"


@dataclass(frozen=True)
class EmulatedBoard:
    """A machine of QEMU with a firmware.

    name: as results have it. architecture: as mpy-cross names it. program: of QEMU. words: for it.
    address: where the ROMFS image goes.
    """

    name: str
    architecture: str
    program: str
    words: tuple[str, ...]
    address: str


BOARDS: Final = {
    "cortex-m3": EmulatedBoard(
        "cortex-m3", "armv7m", "qemu-system-arm", ("-machine", "mps2-an385"), "0x21000000"
    ),
    "rv32": EmulatedBoard(
        "rv32",
        "rv32imc",
        "qemu-system-riscv32",
        ("-machine", "virt", "-bios", "none"),
        "0x80610000",
    ),
}


def run_on(
    board: EmulatedBoard, firmware: Path, script: str, files: Sequence[Path], timeout: float = 900
) -> str:
    """Run a script on a board with files in /rom; returns what it prints. Raises PortError.

    One instruction takes one emulated nanosecond, so that a microsecond on the board is a thousand
    instructions.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "rom"
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        (folder / "script.py").write_text(script, "utf-8")
        image = Path(name) / "image.romfs"
        subprocess.run(
            [str(tool("mpremote")), "romfs", "--no-mpy", "-o", str(image), "build", str(folder)],
            check=True, capture_output=True,
        )  # fmt: skip
        loaded = f"loader,file={image},addr={board.address},force-raw=on"
        process = subprocess.Popen(
            [
                board.program, *board.words, "-nographic", "-monitor", "null", "-semihosting",
                "-serial", "stdio", "-icount", "shift=0", "-device", loaded, "-kernel",
                str(firmware),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            return _answer(process)
        finally:
            timer.cancel()
            process.kill()
            process.wait()


def _answer(process: subprocess.Popen[str]) -> str:
    if process.stdin is None or process.stdout is None:
        raise PortError("the emulator has no standard streams")
    half = len(_DONE) // 2
    process.stdin.write(
        "import sys\rsys.path.insert(0, '/rom')\rimport script\r"
        f"print('{_DONE[:half]}' + '{_DONE[half:]}')\r"
    )
    process.stdin.flush()
    lines: list[str] = []
    for line in process.stdout:
        if line.startswith(_DONE):
            text = "\n".join(lines)
            if "Traceback" in text:
                raise PortError(text[-2000:])
            return text
        if not line.startswith((">>>", "MicroPython", "Type ")):
            lines.append(line.rstrip())
    raise PortError("the board did not answer in time: " + "\n".join(lines)[-2000:])
