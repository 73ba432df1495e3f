"""How a command ends: readers that leave, full disks, signals, and faults of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.console.script import MODEL, SAMPLES, SCRIPT, environment, python

posix = pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")

LONG = [
    ["arena", MODEL],
    ["arena", MODEL, "--ledger"],
    ["ops"],
    ["ops", "--json"],
    ["debug", MODEL, "--data", SAMPLES, "--limit", "4", "--all"],
    ["explain", MODEL],
    ["inspect", MODEL],
    ["tour"],
    ["--help"],
    ["arena", "--help"],
    ["--version"],
    ["--print-completion", "bash"],
]


def _to_nobody(words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a standard output that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [SCRIPT, *words],
            env=environment(**more),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(write)


@posix
@pytest.mark.parametrize("words", LONG, ids=" ".join)
def test_a_reader_that_left(words):
    """No traceback, no 'Broken pipe', at no time; the exit code is the command's own."""
    done = _to_nobody(words)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "roken pipe" not in done.stderr


@posix
def test_a_gate_holds_without_a_reader():
    """A check that fails still fails when its report is cut by `| head -1`."""
    done = _to_nobody(["arena", MODEL, "--fail-over", "10"])
    assert done.returncode == 1


@posix
@pytest.mark.parametrize("words", [LONG[1], LONG[2], LONG[4], LONG[8]], ids=" ".join)
def test_into_head(words):
    """As it is typed, with pipefail, standard error into the pipe as well."""
    line = 'set -o pipefail; "$0" "$@" 2>&1 | head -1'
    done = subprocess.run(
        ["bash", "-c", line, SCRIPT, *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@posix
@pytest.mark.parametrize("words", [["ops"], ["--help"], ["inspect", MODEL, "--json"]])
@pytest.mark.parametrize("sink", [">&-", ">/dev/full"])
def test_nowhere_to_write(words, sink):
    """Standard output closed or full: one line, exit 2."""
    done = subprocess.run(
        ["bash", "-c", f'"$0" "$@" {sink}', SCRIPT, *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("refinterp: standard output ")
    assert len(done.stderr.splitlines()) == 1


@posix
@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>/dev/full"])
def test_other_streams_closed(closed):
    """Errors that cannot be told change nothing of the result; a closed input is an empty one."""
    line = f'"$0" "$@" {closed}'
    base = ["bash", "-c", line, SCRIPT]
    env = environment()
    done = subprocess.run(
        [*base, "inspect", MODEL, "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("{")
    done = subprocess.run(
        [*base, "inspect", "nowhere"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    done = subprocess.run(
        [*base, "inspect", "-"],
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")


BROKEN = """
import sys
import refinterp.cli.tour as tour
from refinterp.cli.main import main

def run(options):
    {body}

tour.run = run
sys.exit(main(["tour"]))
"""


def test_a_fault_of_ours_names_its_place():
    """Exit 3: file, line and function of the innermost place of ours; no traceback."""
    body = "from refinterp.report.machine import dumps; dumps({'x': object()})"
    done = python(BROKEN.format(body=body))
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert first.startswith("refinterp: a bug of ours at refinterp/report/machine.py:")
    assert "(dumps)" in first
    assert "Error" in first
    assert "report" in second
    assert "REFINTERP_DEBUG" in second


def test_the_traceback_on_request():
    """REFINTERP_DEBUG shows it, before the line."""
    done = python(BROKEN.format(body="raise ZeroDivisionError('x\\ny')"), REFINTERP_DEBUG="1")
    assert done.returncode == 3
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError: x y\n" in done.stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("raise MemoryError('Unable to allocate 9 TiB')", 2, "out of memory: Unable to"),
        ("raise MemoryError", 2, "out of memory"),
        ("open('/nowhere/at/all')", 2, "/nowhere/at/all: No such file"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise RecursionError('too deep')", 3, "RecursionError: too deep"),
        ("assert not options", 3, "AssertionError"),
        ("import warnings; warnings.warn('beware'); return 1", 1, "warning: beware"),
    ],
)
def test_ends_by_exception(body, code, said):
    """Each end has its exit code and one sentence."""
    done = python(BROKEN.format(body=body))
    assert done.returncode == code
    assert done.stderr.startswith("refinterp: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@posix
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_ends_by_signal(number, code, said):
    """Ctrl-C and `kill` end a command with the shell's exit codes, and one line."""
    # A shell starts what it runs in the background with SIGINT ignored; not what is tested here.
    body = (
        "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "print('ready', file=sys.__stdout__, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN.format(body=body)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, f"refinterp: {said}\n")
