"""Progress: on a terminal from the start, gone at the end, and nothing at all in pipes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from refinterp.report.progress import progress, remaining
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
COMMANDS = {
    "debug": ["debug", "digits_int8.tflite", "--data", "digits_samples.npz"],
    "sensitivity": ["sensitivity", "digits_int8.tflite", "--data", "digits_samples.npz",
                    "--limit", "4", "--recover", "60"],
    "run": ["run", "digits_int8.tflite", "--input", "digits_samples.npz"],
    "bench": ["bench", "digits_int8.tflite", "--seconds", "0.02"],
    "arena": ["arena", "digits_int8.tflite"],
}  # fmt: skip
LAST = {"debug": "128 of 128", "sensitivity": "sets of 1 layer", "run": "128 of 128",
        "bench": "digits_int8.tflite", "arena": "1 of 1"}  # fmt: skip


def _words(name: str) -> list[str]:
    return [sys.executable, "-m", "refinterp.cli.main", *COMMANDS[name]]


def _on_a_terminal(words: list[str]) -> tuple[bytes, bytes]:
    """Run with standard error at a terminal; what went there, and to standard output."""
    pty = pytest.importorskip("pty")
    own, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        words, cwd=DATA, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(own, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not piece:
                break
            seen += piece
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(own)
    return seen, out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_sees_it_come_and_go(name):
    """It begins before the work, tells how far it is, and its last act is to clear its line."""
    seen, out = _on_a_terminal(_words(name))
    assert b"starting" in seen
    assert LAST[name].encode() in seen
    end = seen.rfind(b"\x1b[?25h")  # the cursor is given back
    assert b"\x1b[2K" in seen[end:]
    assert b"\x1b" not in out
    assert out


@pytest.mark.parametrize("name", ["debug", "run"])
def test_a_pipe_sees_nothing(name):
    """No character of it reaches standard error or standard output in a pipe."""
    done = subprocess.run(_words(name), cwd=DATA, capture_output=True, check=True)
    assert all(line.startswith(b"refinterp: ") for line in done.stderr.splitlines())
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("elapsed", "done", "total", "seconds", "said"),
    [
        (10.0, 5, 20, None, "about 30 s left"),
        (60.0, 1, 100, None, "about 1 h 39 min left"),
        (50.0, 10, 35, None, "about 2 min 5 s left"),
        (3.0, 0, 20, None, "for 3 s, estimating"),
        (7.0, 4, None, None, "for 7 s"),
        (4.0, 0, None, 10.0, "about 6 s left"),
        (12.0, 0, None, 10.0, "nearly done"),
        (5.0, 20, 20, None, "about 0 s left"),
    ],
)
def test_what_remains(elapsed, done, total, seconds, said):
    """As long for each of the rest as for each that is done."""
    assert remaining(elapsed, done, total, seconds) == said


def test_nothing_without_a_terminal(capsys):
    """In a test run, as in any pipe, the stages may be told and nobody hears."""
    with progress() as show:
        show("work", 3)(1)
        show("more", seconds=2.0)(0)
    assert capsys.readouterr() == ("", "")
