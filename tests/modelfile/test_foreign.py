"""Files that are no .tflite model are named for what they are, whatever they are called."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.cli.main import main
from refinterp.errors import ModelError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.foreign import recognize
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from tests.modelfile.samples import dense

FILE = write_model(dense())


def field(number: int, value: int | bytes) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 128 else bytes([low | 0x80]) + varint(value >> 7)


def zipped(*names: str, content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(*names: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return file.getvalue()


NODE = field(1, b"dense/MatMul") + field(2, b"MatMul")
ONNX = (
    field(1, 8) + field(2, b"pytorch") + field(3, b"2.4.0")
    + field(7, field(1, b"node") + field(2, b"main_graph")) + field(8, field(2, 17))
)  # fmt: skip
KINDS: dict[str, tuple[bytes, str, str]] = {
    "onnx": (ONNX, r"an ONNX model \(made by pytorch 2\.4\.0\)", "onnx2tf -i PATH"),
    "onnx_cut_off": (ONNX[:30], "an ONNX model that is cut off", "fetch it again"),
    "saved_model_pb": (field(1, 1) + field(2, b"\x0a\x00"), "SavedModel", "from_saved_model"),
    "frozen_graph": (field(1, NODE) + field(1, NODE) + field(4, b""), "GraphDef", "from_frozen"),
    "core_ml": (field(1, 4) + field(2, b"") + field(502, b"abc"), "Core ML", "start from"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5", "load_model('PATH')"),
    "keras_3": (zipped("metadata.json", "config.json", "model.weights.h5"), "Keras 3", "PATH"),
    "pytorch_zip": (zipped("net/data.pkl", "net/data/0", "net/version"), "PyTorch", "litert_torch"),
    "pytorch_old": (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "before 1.6", "litert_torch"),
    "pytorch_export": (zipped("m/archive_format", "m/models/model.json"), "PyTorch", "convert"),
    "pickle": (pickle.dumps([1, 2, 3]), "pickle", "convert"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4915200\n",
        "Git LFS pointer to a file of 4,915,200 bytes", "git lfs pull",
    ),
    "html": (b"\n<!DOCTYPE html>\n<html><body>hi</body></html>", "web page", "'Raw' button"),
    "html_late": (b"<!-- x -->\n<head></head>\n<BODY>hi</BODY>", "web page", "'Raw' button"),
    "xml": (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML", "again"),
    "openvino": (b'<?xml version="1.0"?>\n<net name="m" version="11">', "OpenVINO", "start from"),
    "not_found": (b"404: Not Found", r"server's answer \('404: Not Found'\)", "again"),
    "api_error": (b'{"message": "Not Found", "status": "404"}', "server's answer", "again"),
    "tfjs": (
        json.dumps({"format": "graph-model", "modelTopology": {}}).encode(),
        "TensorFlow.js", "tensorflowjs_converter",
    ),
    "flatc": (b'{"version": 3, "operator_codes": [], "subgraphs": []}', "flatc", "flatc -b"),
    "keras_json": (b'{"class_name": "Sequential", "config": {}}', "without its weights", "weights"),
    "notebook": (b'{"cells": [], "nbformat": 4}', "notebook", "writes"),
    "gzip": (gzip.compress(FILE), "compressed with gzip", "gunzip -c PATH"),
    "gzip_cut_off": (gzip.compress(FILE)[:20], "gzip archive that is cut off", "again"),
    "tar_gz": (gzip.compress(tarred("m/a.tflite")), r"holds m/a\.tflite", "tar -xzf PATH"),
    "tar": (tarred("m/a.tflite"), r"a tar archive that holds m/a\.tflite", "tar -xf PATH"),
    "zip": (zipped("readme", "m/a.tflite"), r"zip archive that holds m/a\.tflite", "unzip PATH"),
    "zip_cut_off": (zipped("a.tflite")[:40], "zip archive that is cut off", "again"),
    "zip_of_saved_model": (zipped("m/saved_model.pb"), "holds a TensorFlow SavedModel", "unzip"),
    "zip_of_nothing": (zipped("a.txt"), "without a .tflite file", "holds a.txt"),
    "task": (zipped("hand_landmarks.tflite"), r"holds hand_landmarks\.tflite", "unzip PATH"),
    "llm_task": (zipped("TF_LITE_PREFILL_DECODE", "TOKENIZER_MODEL"), "MediaPipe", "unzip"),
    "edge_impulse": (zipped("edge-impulse-sdk/a.h"), "Edge Impulse", "tflite_learn"),
    "npz": (zipped("x.npy", "y.npy"), "NumPy arrays", "--data"),
    "npy": (b"\x93NUMPY\x01\x00v\x00", "NumPy array", "--input"),
    "litertlm": (b"LITERTLM\x01\x00\x00\x00" + bytes(50), "LiteRT-LM bundle", "inside"),
    "executorch": (b"\x30\0\0\0ET12" + bytes(50), "ExecuTorch", "litert_torch"),
    "ort": (b"\x30\0\0\0ORTM" + bytes(50), "ONNX Runtime", "onnx2tf"),
    "circle": (b"\x30\0\0\0CIR0" + bytes(50), "Circle", "made from"),
    "metadata": (b"\x30\0\0\0M001" + bytes(50), "metadata", "taken from"),
    "esp_dl": (b"EDL2" + bytes(50), "ESP-DL", "quantized from"),
    "hailo": (b"\x01HEF" + bytes(50), "Hailo", "accelerator alone"),
    "rknn": (b"RKNN" + bytes(50), "Rockchip", "accelerator alone"),
    "kmodel": (b"LDMK" + bytes(50), "K210", "accelerator alone"),
    "gguf": (b"GGUF" + bytes(50), "GGUF", "no converter"),
    "safetensors": (b'\x20\0\0\0\0\0\0\0{"w":{"dtype":"' + bytes(50), "safetensors", "load them"),
    "firmware": (b"\x7fELF" + bytes(50), "firmware", "check the path"),
    "image": (b"\x89PNG\r\n\x1a\n" + bytes(50), "an image", "check the path"),
    "sound": (b"RIFF\0\0\0\0WAVEfmt ", "a sound", "check the path"),
    "intel_hex": (b":020000040000FA\n:10000000" + b"0" * 34, "Intel HEX", "check the path"),
    "empty": (b"", "an empty file", "broke off"),
    "zeros": (bytes(5000), "nothing but zeros", "broke off"),
    "swapped_words": (
        b"".join(FILE[i : i + 4][::-1] for i in range(0, 64, 4)), "swapped, four by four", "swap",
    ),
    "swapped_pairs": (
        b"".join(FILE[i : i + 2][::-1] for i in range(0, 64, 2)),
        "swapped, two by two", "conv=swab",
    ),
    "size_prefixed": (
        struct.pack("<I", len(FILE)) + FILE, "behind a length of 4 bytes", "tail -c +5 PATH",
    ),
    "in_firmware": (
        b"\x00\x20\x01" * 100 + FILE, "holds a .tflite model from byte 300 on", "tail -c +301 PATH",
    ),
    "base64": (base64.b64encode(FILE), "base64", "base64 -d PATH"),
    "base64_lines": (base64.encodebytes(FILE), "base64", "base64 -d PATH"),
    "plain_hex": (FILE.hex().encode(), "hexadecimal text", "xxd -r -p PATH"),
    "xxd": (
        "".join(
            f"{i:08x}: {FILE[i : i + 16].hex(' ', 2)}  ................\n" for i in range(0, 96, 16)
        ).encode(),
        "hex dump", "xxd -r PATH",
    ),
    "utf_16": ("const char m[] = {1};".encode("utf-16"), "UTF-16", "UTF-8"),
    "text": (b"# my model\nread me\n", "begins '# my model'|no array", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ["model.tflite", "model.bin"])
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_named_for_what_they_are(tmp_path: Path, kind: str, name: str) -> None:
    """The message begins with the path, says what the file is, and what to do."""
    content, what, advice = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=what) as caught:
        read_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert advice.replace("PATH", str(path)) in message
    with pytest.raises(ModelError, match=what):
        read_model(content)


def test_commands_say_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On one line with exit code 2, through a path and through standard input."""
    path = tmp_path / "model.tflite"
    path.write_bytes(KINDS["lfs"][0])
    for command in ("inspect", "run", "arena", "lint"):
        assert main([command, str(path)]) == 2
        said = capsys.readouterr().err
        assert f"{path}: " in said
        assert "git lfs pull" in said


def test_folders(tmp_path: Path) -> None:
    """A SavedModel, a folder with models, one without."""
    with pytest.raises(UsageError, match=r"without a \.tflite file; it holds nothing"):
        read_model(tmp_path)
    (tmp_path / "b.tflite").write_bytes(FILE)
    with pytest.raises(UsageError, match=r"give a model in it, such as '.*b\.tflite'"):
        read_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UsageError, match=r"SavedModel.*from_saved_model\('"):
        read_model(tmp_path)
    core = tmp_path / "m.mlpackage"
    core.mkdir()
    with pytest.raises(UsageError, match="Core ML package"):
        read_model(core)


def test_a_missing_file_names_what_lies_there(tmp_path: Path) -> None:
    """A name close to it, or else what there is."""
    (tmp_path / "model_int8.tflite").write_bytes(FILE)
    with pytest.raises(UsageError, match=r"did you mean '.*model_int8\.tflite'"):
        read_model(tmp_path / "model_int8.tflit")
    with pytest.raises(UsageError, match=r"No such file or directory; there are model_int8\.tf"):
        read_model(tmp_path / "x")
    with pytest.raises(UsageError, match=r"No such file or directory$"):
        read_model(tmp_path / "no folder" / "x")


def many_constants() -> bytes:
    """A model of a few kilobytes."""
    g = GraphBuilder()
    rng = np.random.default_rng(1)
    for i in range(40):
        g.constant(f"c{i}", rng.integers(0, 256, 100).astype(np.uint8))
    return write_model(g.build())


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, share: float) -> None:
    """With the place, the bytes there are, and the path."""
    whole = many_constants()
    path = tmp_path / "m.tflite"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match=r"m\.tflite: byte \d+: .*cut off at [\d,]+ bytes"):
        read_model(path)


def test_a_file_copied_as_text_says_so(tmp_path: Path) -> None:
    """Line feeds rewritten; bytes replaced because they are no UTF-8."""
    whole = many_constants()
    path = tmp_path / "m.tflite"
    path.write_bytes(whole.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    with pytest.raises(ModelError, match=r"have become CR LF.*copy it as binary"):
        read_model(path)
    path.write_bytes(whole.decode("utf-8", "replace").encode())
    with pytest.raises(ModelError, match="opened and saved as text"):
        read_model(path)


@given(st.binary(max_size=200))
def test_anything_is_a_model_or_refused(content: bytes) -> None:
    """Arbitrary bytes never raise anything but ModelError, with or without a known beginning."""
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b", b"\x08\x08\x12", b"{", b"\x80\x04", b"0x1c,"):
        recognize(start + content, "x")
        with pytest.raises(ModelError):
            read_model(start + content)
