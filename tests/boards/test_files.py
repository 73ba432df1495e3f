"""Boards, chips and cores from users' own files."""

from __future__ import annotations

import json

import pytest

from refinterp.boards.choice import choose
from refinterp.boards.reading import hardware, known
from refinterp.errors import UsageError

TABLE = known()


def _own(tmp_path, value: object) -> str:
    path = tmp_path / "own.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(path)


def test_users_add_and_change_boards_chips_and_cores(tmp_path):
    """A new core, a family of chips on it, a board on that, and a board that replaces one."""
    path = _own(
        tmp_path,
        {
            "cores": [{"name": "my-core", "target": "generic-32", "kernels": "reference"}],
            "chips": [{"begins": "My-Chip", "core": "my-core"}],
            "boards": [
                {"name": "Mine", "core": "my-core", "ram": "256K", "flash": 1000000},
                {"name": "raspberry pi pico", "core": "cortex-m0plus", "ram": "128K"},
            ],
        },
    )
    table = hardware([path])
    assert table.core("my chip 7").name == "my-core"
    mine = table.board("mine")
    assert (mine.ram_bytes, mine.flash_bytes, mine.own) == (262144, 1000000, True)
    assert table.board("Raspberry Pi Pico").ram_bytes == 131072
    assert len(table.boards) == len(TABLE.boards) + 1
    assert choose(table, board="mine").profile.provenance == "derived, not measured"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no json", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ([], "must be an object"),
        ({"board": []}, "has 'board'; allowed: about, cores, chips, boards"),
        ({"boards": {}}, "boards must be a list"),
        ({"boards": [7]}, r"boards\[0\]: must be an object; is 7"),
        ({"boards": [{"name": "x"}]}, r"boards\[0\]: has no 'core'"),
        ({"boards": [{"name": "?", "core": "cortex-m4"}]}, "must have a letter or digit"),
        ({"boards": [{"name": "x", "core": "m99"}]}, "core is 'm99'; allowed: cortex-m0, "),
        (
            {"boards": [{"name": "x", "core": "cortx-m4"}]},
            r"did you mean cortex-m4 or .*\? Allowed",
        ),
        (
            {"chips": [{"begins": "x1", "core": "m4x"}]},
            "chips 'x1': core is 'm4x'; did you mean m4",
        ),
        (
            {"boards": [{"name": "x", "core": "m4"}, {"name": "X!", "core": "m7"}]},
            r"boards\[1\]: 'X!' names boards\[0\] too",
        ),
        (
            {
                "boards": [
                    {"name": "x", "core": "m4", "also": ["z"]},
                    {"name": "y", "core": "m4", "also": ["Z"]},
                ]
            },
            "'Z' names boards",
        ),
        (
            {"chips": [{"begins": "abc", "core": "m4"}, {"begins": "A-bc", "core": "m7"}]},
            r"chips\[1\]: 'abc' names chips\[0\] too",
        ),
        (
            {"cores": [{"name": "k", "target": "cortex-m4"}, {"name": "K", "target": "x86-64"}]},
            r"cores\[1\]: 'K' names cores\[0\] too",
        ),
        ('{"boards": [{"name": "x", "name": "y", "core": "m4"}]}', "an object has 'name' twice"),
        (
            {"boards": [{"name": "x", "core": "m4", "ram": 1, "ram_contiguous_bytes": 2}]},
            "has 'ram_contiguous_bytes' and 'ram'; give one",
        ),
        ({"boards": [{"name": "x", "core": "m4", "tflm": "zephir"}]}, "did you mean zephyr"),
        (
            {"boards": [{"name": "x", "core": "m4", "tflm": "esp-tflite-micro"}]},
            "esp-tflite-micro is not built for cortex-m4.*; leave tflm out for the snapshot$",
        ),
        ({"boards": [{"name": "x", "core": "m4", "ram": "16KB"}]}, "16,000 or 16,384; write"),
        ({"boards": [{"name": 1, "core": "cortex-m4"}]}, r"boards\[0\].name: must be a text; is 1"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": "9Q"}]}, r"ram: '9Q' is no number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": -1}]}, "positive whole number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": True}]}, "positive whole number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "also": "y"}]}, "must be a list of texts"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "sram": 1}]}, "has 'sram'; allowed: name"),
        ({"cores": [{"name": "x", "target": "avr"}]}, "target is 'avr'; allowed: cortex-m4"),
        ({"cores": [{"name": "x", "target": "x86-64", "kernels": "k"}]}, "kernels is 'k'; allowed"),
    ],
)
def test_a_file_that_is_wrong_is_told_where(value, said, tmp_path):
    """The file, the place in it, what was found and what is allowed."""
    with pytest.raises(UsageError, match=said) as told:
        hardware([_own(tmp_path, value)])
    assert "own.json" in str(told.value)


def test_a_file_that_is_not_there(tmp_path):
    """It is named."""
    with pytest.raises(UsageError, match=r"none\.json: cannot be read"):
        hardware([str(tmp_path / "none.json")])
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        hardware([str(tmp_path / "b.json")])


@pytest.mark.parametrize(
    ("typed", "core"),
    [("m4", "cortex-m4"), ("M4F", "cortex-m4"), ("Cortex M0+", "cortex-m0plus"),
     ("STM32H743", "cortex-m7"), ("esp32s3", "esp32-s3"), ("mine", "mine")],
)  # fmt: skip
def test_a_file_takes_the_names_of_cores_that_the_option_takes(typed, core, tmp_path):
    """Aliases and chips, and cores of the same file; what is listed is the canonical name."""
    value = {
        "cores": [{"name": "mine", "target": "cortex-m55"}],
        "boards": [{"name": "own board", "core": typed}],
    }
    table = hardware([_own(tmp_path, value)])
    assert table.board("own board").core == core
    assert choose(table, target=typed).core == table.core_called(core)


def test_an_alias_of_ones_own_comes_before_the_tables(tmp_path):
    """A core of one's own that is called m4 is meant by m4."""
    mine = {"name": "fast", "target": "cortex-m55", "also": ["m4"]}
    assert hardware([_own(tmp_path, {"cores": [mine]})]).core("m4").name == "fast"


def test_a_board_of_ones_own_has_the_tflm_that_it_says(tmp_path):
    """The distribution's build, not the snapshot's."""
    row = {"name": "own board", "core": "m33", "tflm": "zephyr-build"}
    found = choose(hardware([_own(tmp_path, {"boards": [row]})]), board="own board").profile
    assert (found.tflm.name, found.core, found.kernels.name) == (
        "zephyr-build", "cortex-m33", "cmsis-nn",
    )  # fmt: skip
