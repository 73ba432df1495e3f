"""What the documentation shows is what the commands print.

Every ```console block's `$ refinterp …` lines are run and their output compared. Run pytest with
`--rewrite-docs` to put the present output in its place, and review the difference.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from pathlib import Path

import pytest

from refinterp.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def _pages() -> list[Path]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if "$ refinterp" in page.read_text("utf-8")]


def _run(command: str) -> str:
    """Run one command in this process and return what it prints to standard output."""
    words = shlex.split(command)
    assert words[0] == "refinterp", command
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main(words[1:])
    out.flush()
    text = out.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def _rendered(block: str) -> str:
    """The block with every command's output as it is now."""
    parts = []
    for line in block.splitlines():
        if line.startswith("$ "):
            parts.append(f"{line}\n{_run(line[2:])}")
    return "".join(parts)


@pytest.mark.parametrize("page", _pages(), ids=lambda p: p.name)
def test_console_blocks_show_real_output(page, monkeypatch, request, tmp_path):
    """Each page's commands print what the page says they print."""
    for entry in ROOT.iterdir():  # a folder like ours, where commands may write
        (tmp_path / entry.name).symlink_to(entry)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")  # tables fit themselves to a screen
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    text = page.read_text("utf-8")
    blocks = [b for b in BLOCK.findall(text) if "$ refinterp" in b]
    assert blocks
    fresh = {block: _rendered(block) for block in blocks}
    if request.config.getoption("--rewrite-docs"):
        for block, now in fresh.items():
            text = text.replace(f"```console\n{block}```", f"```console\n{now}```")
        page.write_text(text, "utf-8")
        return
    for block, now in fresh.items():
        assert block == now
