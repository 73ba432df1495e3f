"""Models in source code: conditional compilation, other element types, names, several arrays."""

from __future__ import annotations

import dataclasses
import io
import struct
import warnings
from pathlib import Path

import pytest

from refinterp.cli.main import main
from refinterp.errors import ModelError
from refinterp.modelfile import carray
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from tests.modelfile.oracle import differences
from tests.modelfile.samples import dense

FILE = write_model(dense())
MODEL = read_model(FILE)
OTHER = write_model(dataclasses.replace(MODEL, description="the other one"))


def rows(data: bytes, spelling: str = "0x{:02x}") -> str:
    """The elements, 12 on a line."""
    parts = [
        ", ".join(spelling.format(byte) for byte in data[i : i + 12])
        for i in range(0, len(data), 12)
    ]
    return "  " + ",\n  ".join(parts)


def only(text: str) -> bytes:
    """The content of the one array that holds a model."""
    (found,) = carray.models(text.encode())
    return found.content


TENSORFLOW = """/* generated */
#include "model.h"
#ifdef __has_attribute
#define HAVE_ATTRIBUTE(x) __has_attribute(x)
#else
#define HAVE_ATTRIBUTE(x) 0
#endif
#if HAVE_ATTRIBUTE(aligned) || \\
    (defined(__GNUC__) && !defined(__clang__))
#define DATA_ALIGN_ATTRIBUTE __attribute__((aligned(4)))
#else
#define DATA_ALIGN_ATTRIBUTE
#endif
const unsigned char g_model[] DATA_ALIGN_ATTRIBUTE = {
ROWS
};
const int g_model_len = 1234;
"""

SOURCES = {
    "tensorflow": TENSORFLOW,
    "xxd": "unsigned char g_model[] = {\nROWS\n};\nunsigned int g_model_len = 1496;\n",
    "alignas": "alignas(16) constexpr uint8_t g_model[LEN] = {\nROWS\n};",
    "section": 'static const uint8_t g_model[] __attribute__((section(".rodata"))) = {ROWS};',
    "extern_c": '#ifdef __cplusplus\nextern "C" {\n#endif\nconst char g_model[] = {ROWS};\n}',
    "std_array": "inline constexpr std::array<uint8_t, 9> g_model = {{ROWS}};",
    "uniform": "const uint8_t g_model[] {ROWS};",
    "last_comma": "const unsigned char g_model[] = {ROWS,};",
    "comments": "const unsigned char g_model[] = { /* { 1 } */ ROWS // }\n};",
    "other_arrays": "const int kLengths[2] = {1, 2};\nfloat s[] = {0.5f};\n"
    "const uint8_t g_model[] = {ROWS};\nconst char kName[] = {'a', 'b', 0};",
    "if_else_around": "#if A\nint a[] = {1, 2};\n#else\nconst char g_model[] = {ROWS};\n#endif",
    "else_first": "#ifdef A\nconst char g_model[] = {ROWS};\n#else\nint a[] = {1, 2};\n#endif",
    "if_else_inside": "const char g_model[] = {\n#ifdef A\nROWS\n#else\n 0x01, 0x02\n#endif\n};",
    "else_inside": "const char g_model[] = {\n#if A\n 1, 2\n#elif B\n 3\n#else\nROWS\n#endif\n};",
    "if_0": "#if 0\nconst char old[] = {ROWS};\n#else\nconst char g_model[] = {ROWS};\n#endif",
    "nested": "#if A\n#if B\nint b[] = {1};\n#else\nconst char g_model[] = {ROWS};\n#endif\n#endif",
    "open_if": "#if A\nconst char g_model[] = {ROWS};\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
def test_the_model_is_found(kind: str) -> None:
    """Whatever stands around it; the array's name is told."""
    (found,) = carray.models(SOURCES[kind].replace("ROWS", rows(FILE)).encode())
    assert found.content == FILE
    assert found.name == "g_model"
    assert carray.is_source(SOURCES[kind].replace("ROWS", rows(FILE)).encode())


@pytest.mark.parametrize(
    "spelling",
    ["0x{:02X}", "{}", "0{:03o}", "0x{:x}u", "0x{:02x}U", "(unsigned char)0x{:02x}", "(char){}",
     "std::byte{{0x{:02x}}}", "uint8_t(0x{:02x})", "'\\x{:02x}'"],
)  # fmt: skip
def test_spellings_of_a_byte(spelling: str) -> None:
    """Bases, suffixes, casts, characters."""
    assert only(f"const std::byte m[] = {{{rows(FILE, spelling)}}};") == FILE


@pytest.mark.parametrize(("width", "code"), [(2, "H"), (4, "I"), (8, "Q")])
def test_words_are_little_endian_bytes(width: int, code: str) -> None:
    """As people align a model: uint32_t and its like."""
    padded = FILE + bytes(-len(FILE) % width)
    words = struct.unpack(f"<{len(padded) // width}{code}", padded)
    text = ", ".join(f"0x{word:x}" for word in words)
    assert only(f"const uint{8 * width}_t m[] = {{{text}}};") == padded


def test_string_literals() -> None:
    """Pieces in a row, with hexadecimal and octal escapes."""
    pieces = [
        '"' + "".join(f"\\x{byte:02x}" for byte in FILE[i : i + 16]) + '"'
        for i in range(0, 320, 16)
    ]
    pieces += ['"' + "".join(f"\\{byte:03o}" for byte in FILE[320:]) + '"']
    assert only("const char m[] =\n  " + "\n  ".join(pieces) + ";") == FILE


@pytest.mark.parametrize(
    "text",
    ["pub static MODEL: [u8; 9] = [ROWS];", "const model = new Uint8Array([ROWS]);", "ROWS",
     "m = bytes([ROWS])  # Python"],
)  # fmt: skip
def test_other_languages_and_bare_lists(text: str) -> None:
    """Arrays in brackets, and what `xxd -i` makes of standard input."""
    assert only(text.replace("ROWS", rows(FILE))) == FILE


def test_source_is_seen_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file of any name, in bytes, through standard input; a .tflite named .cc is one."""
    text = SOURCES["xxd"].replace("ROWS", rows(FILE))
    for name in ("model.cc", "model.txt", "model"):
        path = tmp_path / name
        path.write_text(text)
        model = read_model(path)
        assert not list(differences(MODEL, model))
        assert (model.source, model.array) == (str(path), "g_model")
    assert read_model(text.encode()).array == "g_model"
    (tmp_path / "model.cc").write_bytes(FILE)
    assert read_model(tmp_path / "model.cc").array is None
    assert main(["inspect", str(tmp_path / "model.txt")]) == 0
    assert "(array g_model)" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["lint", "-"]) == 0


def test_of_several_models_the_first_is_taken_and_said(tmp_path: Path) -> None:
    """With their names and lines, and how to take another."""
    path = tmp_path / "models.cc"
    path.write_text(
        f"#ifdef BIG\nconst char g_big[] = {{{rows(FILE)}}};\n#else\n"
        f"const char g_small[] = {{{rows(OTHER)}}};\n#endif\n"
    )
    with pytest.warns(UserWarning, match=r"2 arrays hold a model: 'g_big' \(line 2\), 'g_small'"):
        assert read_model(path).array == "g_big"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_model(f"{path}:g_small").description == "the other one"
    with pytest.raises(ModelError, match=r"no array 'g_none' holds a model; these do: 'g_big'"):
        read_model(f"{path}:g_none")


@pytest.mark.parametrize(
    "line",
    ['#include "model_data.inc"', '#embed "model_data.inc"', 'INCBIN(Model, "model_data.inc");'],
)
def test_an_array_from_another_file_names_it(tmp_path: Path, line: str) -> None:
    """The other file holds the numbers, without braces, and is a model by itself."""
    path = tmp_path / "model.cc"
    path.write_text(f'#include "model.h"\nconst unsigned char m[] = {{\n{line}\n}};\n')
    with pytest.raises(ModelError, match=r"its array is taken from 'model_data\.inc': give that"):
        read_model(path)
    (tmp_path / "model_data.inc").write_text(rows(FILE))
    assert not list(differences(MODEL, read_model(tmp_path / "model_data.inc")))
