"""What a newcomer types first, at the installed script."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import refinterp as package
from refinterp.cli.commands import COMMANDS, GROUPS
from tests.console.script import MODEL, environment, python, refinterp

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",), ("help", "help")])
def test_no_word_or_a_call_for_help(words):
    """The help: all commands within 80 columns, on standard output."""
    told = refinterp(*words)
    assert told.returncode == 0
    assert not told.stderr
    assert max(map(len, told.stdout.splitlines())) <= 80
    if words != ("help", "help"):
        for name, command in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(command.summary)}$", told.stdout, re.M)


@pytest.mark.parametrize("words", [("--version",), ("-V",)])
def test_version(words):
    """The version alone."""
    told = refinterp(*words)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"{package.__version__}\n", "")


def test_as_a_module():
    """`python -m refinterp` is the same."""
    done = subprocess.run(
        [sys.executable, "-m", "refinterp", "arean"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "did you mean arena?" in done.stderr


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("arean", "arena"),
        ("ARENA", "arena"),
        ("benchmark", "bench"),
        ("debgu", "debug"),
        ("sens", "sensitivity"),
        ("inpsect", "inspect"),
        ("hepl", "help"),
        ("linter", "lint"),
        ("arena_optimize", "arena"),
        ("common", None),
        ("main", None),
        ("xyzzy", None),
        ("", None),
    ],
)
def test_unknown_word(word, meant):
    """Exit 2, what was likely meant, and where to look; files of ours are no commands."""
    told = refinterp(word)
    assert told.returncode == 2
    assert not told.stdout
    assert (f"did you mean {meant}?" in told.stderr) == (meant is not None)
    assert "`refinterp --help`" in told.stderr
    assert len(told.stderr.splitlines()) == 2


def test_a_file_where_a_command_should_stand():
    """The sentence to type is in the answer."""
    told = refinterp(MODEL)
    assert told.returncode == 2
    assert f"refinterp inspect {MODEL}" in told.stderr


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_every_command(name):
    """`COMMAND --help` and `help COMMAND`: the same, with usage."""
    told = refinterp(name, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: refinterp {name} ")
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert refinterp("help", name).stdout == told.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_unknown_option_of_every_command(name):
    """Exit 2, the option by name first, then the command's usage; also before what is missing."""
    told = refinterp(name, "--nope")
    assert told.returncode == 2
    assert not told.stdout
    first, usage, *_ = told.stderr.splitlines()
    assert first.startswith(f"refinterp: {name}: there is no option --nope")
    assert usage == f"usage: refinterp {name} {COMMANDS[name].arguments}".rstrip() + " [OPTIONS]"
    meant = refinterp(name, "--jsno")
    assert meant.returncode == 2
    assert "did you mean --json?" in meant.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nope",), "no option --nope before the command"),
        (("--plain", "ops"), "own options follow it"),
        (("--verison",), "did you mean --version?"),
        (("help", "arean"), "did you mean arena?"),
        (("run",), "required: MODEL"),
        (("inspect", "nowhere.tflite"), "nowhere.tflite"),
        (("debug", MODEL, "--limit", "many"), "--limit"),
        (("run", MODEL, "extra"), "extra"),
        (("ops", "-x"), "no option -x"),
        (("--print-completion", "cmd.exe"), "bash"),
        (("--print-completion",), "bash"),
    ],
)
def test_other_misuse(words, said):
    """Exit 2 and what is wrong; never a traceback."""
    told = refinterp(*words)
    assert told.returncode == 2
    assert said in told.stderr
    assert "Traceback" not in told.stderr
    assert not told.stdout


def test_a_value_that_begins_with_a_minus():
    """It is the option's value as the help writes it."""
    told = refinterp("run", MODEL, "--image-range", "-1..1", "--json")
    assert "expected one argument" not in told.stderr


def test_readme_has_the_same_table():
    """README's commands, arguments and summaries are those of the code, in order."""
    readme = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", README.read_text("utf-8"))  # links as words
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", readme, re.M)
    assert rows == [
        (f"{c.name} {c.arguments}".strip(), c.summary) for _, group in GROUPS for c in group
    ]


def test_only_what_is_used_is_imported():
    """The help needs no NumPy; nothing needs processes of its own before it starts one."""
    code = (
        "import sys, refinterp\n"
        "from refinterp.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert not {'subprocess', 'multiprocessing', 'concurrent.futures'} & set(sys.modules)\n"
        "light = sys.argv[1:] in ([], ['--version'])\n"
        "assert not (light and {'numpy', 'rich'} & set(sys.modules))\n"
    )
    for words in [(), ("--version",), ("inspect", MODEL), ("tour",)]:
        done = python(code, *words)
        assert done.returncode == 0, done.stderr


def test_the_tours_commands_can_be_pasted():
    """Each is on one line, whatever the width, and names files that are there."""
    commands = [li for li in refinterp("tour").stdout.splitlines() if li.startswith("$ refinterp")]
    assert [shlex.split(line)[2] for line in commands] == ["debug", "arena", "explain"]
    for line in commands:
        words = shlex.split(line)
        files = [word for word in words if word.endswith((".tflite", ".npz"))]
        assert files
        assert all(Path(file).is_file() for file in files)
        assert refinterp(*words[2:]).returncode == 0


def test_public_names_alone():
    """`dir(refinterp)` is what a user may call; each name is there."""
    done = python(
        "import refinterp\nnames = dir(refinterp)\n"
        "assert names == sorted(refinterp.__all__)\n"
        "assert all(hasattr(refinterp, name) for name in names)\n"
        "print(*[n for n in names if n[0] == '_'])"
    )
    assert done.stdout == "__version__\n", done.stderr


@pytest.mark.parametrize(
    ("line", "position", "offered"),
    [
        ("refinterp are", 1, {"arena"}),
        ("refinterp arena --fail", 2, {"--fail-over"}),
        ("refinterp help sens", 2, {"sensitivity"}),
        ("refinterp arena --planner opt", 3, {"optimal"}),
    ],
)
def test_completion_in_bash(line, position, offered, tmp_path):
    """The script for bash offers commands, options and choices."""
    script = refinterp("--print-completion", "bash")
    assert script.returncode == 0, script.stderr
    source = tmp_path / "completion.bash"
    source.write_text(script.stdout, "utf-8")
    function = re.search(r"complete .*-F (\w+)", script.stdout)
    assert function is not None
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'. {source}; COMP_WORDS=({line}); COMP_CWORD={position}; COMP_LINE="{line}"; '
            f'COMP_POINT={len(line)}; {function[1]}; printf "%s\\n" "${{COMPREPLY[@]}}"',
        ],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert {word.strip() for word in done.stdout.splitlines()} == offered, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish", "tcsh"])
def test_completion_of_other_shells(shell):
    """There is a script for each."""
    script = refinterp("--print-completion", shell)
    assert script.returncode == 0
    assert all(name in script.stdout for name in COMMANDS)
