"""Files that are no .tflite model: what they are, by their content, and what to do about it.

Looked at only once a file has turned out to be no model. The name of a file tells little (a
downloaded page is called model.tflite, too), so the bytes decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from refinterp.modelfile.foreign_archive import archive
from refinterp.modelfile.foreign_kind import (
    DATA,
    FROM_KERAS,
    FROM_ONNX,
    FROM_TENSORFLOW,
    FROM_TORCH,
    IDENTIFIER,
    NOT_A_MODEL,
    SUFFIXES,
    Kind,
)
from refinterp.modelfile.foreign_protobuf import protobuf
from refinterp.modelfile.foreign_text import text

_PICKLES: Final = frozenset(bytes([0x80, version]) for version in range(2, 6))
_LOOK: Final = 1 << 20  # bytes of a file that are searched for a model that begins later


class _Magic(NamedTuple):
    """Bytes at a place in a file that tell what it is."""

    at: int
    bytes: bytes
    kind: Kind


_NPU: Final = "it runs on that accelerator alone: give the .tflite file it was compiled from"

_MAGICS: Final = (
    _Magic(0, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file, as Keras saves models (.h5)",
           FROM_KERAS)),
    _Magic(0, b"LITERTLM", Kind("a LiteRT-LM bundle of a language model (.litertlm)",
           "its models lie inside: litertlm_peek of litert-lm-builder writes them out; give one")),
    _Magic(4, b"ET12", Kind("an ExecuTorch program (.pte)", FROM_TORCH)),
    _Magic(4, b"ORTM", Kind("an ONNX Runtime model (.ort)", FROM_ONNX)),
    _Magic(4, b"CIR0", Kind("a Circle model (Samsung ONE)",
           "Circle adds to the .tflite format: give the .tflite file it was made from")),
    _Magic(4, b"TOSA", Kind("a TOSA flatbuffer", "give the .tflite file it was made from")),
    _Magic(4, b"M001", Kind("the metadata of a .tflite model, without the model",
           "give the model it was taken from")),
    _Magic(0, b"EDL1", Kind("an ESP-DL model (.espdl)",
           "give the .tflite or ONNX model it was quantized from")),
    _Magic(0, b"EDL2", Kind("an ESP-DL model (.espdl)",
           "give the .tflite or ONNX model it was quantized from")),
    _Magic(0, b"\x01HEF", Kind("a Hailo executable (.hef)", _NPU)),
    _Magic(0, b"RKNN", Kind("a model compiled for a Rockchip NPU (.rknn)", _NPU)),
    _Magic(0, b"LDMK", Kind("a model compiled for a Kendryte K210 (.kmodel)", _NPU)),
    _Magic(0, b"KMDL", Kind("a model compiled for a Kendryte K210 (.kmodel)", _NPU)),
    _Magic(0, b"GGUF", Kind("a GGUF file of a language model (llama.cpp)",
           "no converter leads from it to .tflite: start from the model it was made of")),
    _Magic(4, b'\0\0\0\0{"', Kind("weights without a model (.safetensors)",
           f"load them into the model they are of; {FROM_TORCH}")),
    _Magic(0, b"ftrt", Kind("a TensorRT engine", _NPU)),
    _Magic(0, b"ptrt", Kind("a TensorRT engine", _NPU)),
    _Magic(0, b"7767517\n", Kind("an ncnn model's description (.param)",
           "start from the model it was converted from")),
    _Magic(0, b"\x93NUMPY", Kind("a NumPy array (.npy)", DATA)),
    _Magic(0, b"\x7fELF", Kind("a compiled program or library (ELF), such as firmware",
           NOT_A_MODEL)),
    _Magic(0, b"MZ", Kind("a Windows program", NOT_A_MODEL)),
    _Magic(0, b"\xcf\xfa\xed\xfe", Kind("a macOS program", NOT_A_MODEL)),
    _Magic(0, b"UF2\n", Kind("a firmware image (UF2)", NOT_A_MODEL)),
    _Magic(0, b"\x89PNG\r\n", Kind("an image (PNG)", NOT_A_MODEL)),
    _Magic(0, b"\xff\xd8\xff", Kind("an image (JPEG)", NOT_A_MODEL)),
    _Magic(0, b"GIF8", Kind("an image (GIF)", NOT_A_MODEL)),
    _Magic(0, b"BM", Kind("an image (BMP)", NOT_A_MODEL)),
    _Magic(0, b"%PDF", Kind("a PDF document", NOT_A_MODEL)),
    _Magic(8, b"WAVE", Kind("a sound (WAV)", NOT_A_MODEL)),
    _Magic(0, b"\x28\xb5\x2f\xfd", Kind("compressed with zstd", "unpack it: unzstd FILE")),
    _Magic(0, b"\xfd7zXZ", Kind("compressed with xz", "unpack it: unxz FILE")),
    _Magic(0, b"BZh", Kind("compressed with bzip2", "unpack it: bunzip2 FILE")),
    _Magic(0, b"7z\xbc\xaf", Kind("a 7-Zip archive", "unpack it: 7z x FILE")),
    _Magic(0, b"Rar!", Kind("a RAR archive", "unpack it: unrar x FILE")),
    _Magic(0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9", Kind(
           "weights or a model saved by PyTorch before 1.6", FROM_TORCH)),
    _Magic(4, b"3LFT", Kind("a .tflite model whose bytes are swapped, four by four",
           "swap them back, or download it again: .tflite is little-endian on every machine")),
    _Magic(4, b"FT3L", Kind("a .tflite model whose bytes are swapped, two by two",
           "swap them back: dd if=FILE of=model.tflite conv=swab")),
    _Magic(8, IDENTIFIER, Kind("a .tflite model behind a length of 4 bytes",
           "cut the length off: tail -c +5 FILE > model.tflite")),
)  # fmt: skip


def recognize(data: bytes | memoryview, name: str | None) -> Kind | None:
    """Say what a file is that is no .tflite model, or None when it looks like nothing known.

    data: all of its bytes. name: its path, where it has one; the advice then names it.
    """
    kind = next(_kinds(memoryview(data)), None)
    if kind is None or name is None:
        return kind
    return kind._replace(advice=kind.advice.replace("FILE", name))


def _kinds(data: memoryview) -> Iterator[Kind]:
    if not data.nbytes:
        yield Kind(
            "an empty file", "its download or conversion broke off: fetch or convert it again"
        )
        return
    head = bytes(data[:64])
    for magic in _MAGICS:
        if head[magic.at : magic.at + len(magic.bytes)] == magic.bytes:
            yield magic.kind
    for look in (archive, protobuf, text):
        kind = look(data)
        if kind is not None:
            yield kind
    if len(set(head)) == 1 and not any(data[:: max(1, data.nbytes // 4096)]):
        yield Kind("nothing but zeros", "its download or copy broke off: fetch or convert it again")
    if head[:2] in _PICKLES:
        yield Kind("a Python pickle, such as of scikit-learn or PyTorch", FROM_TORCH)
    at = bytes(data[:_LOOK]).find(IDENTIFIER)
    if at > 4:
        yield Kind(
            f"something that holds a .tflite model from byte {at - 4} on",
            f"cut it out: tail -c +{at - 3} FILE > model.tflite",
        )


def folder(path: Path) -> Kind:
    """Say what a folder is that was given for a model."""
    names = sorted(entry.name for entry in path.iterdir())
    if "saved_model.pb" in names or "saved_model.pbtxt" in names:
        return Kind(
            "a TensorFlow SavedModel (a folder)", FROM_TENSORFLOW.replace("FILE", str(path))
        )
    if "Manifest.json" in names or path.suffix in (".mlpackage", ".mlmodelc"):
        return Kind("a Core ML package (a folder)", "start from the model it was converted from")
    if path.suffix == ".tfjs" or "model.json" in names:
        return Kind(
            "a folder with a TensorFlow.js model",
            "start from the model it was converted from, or convert it to a SavedModel with "
            "tensorflowjs_converter --input_format tfjs_graph_model",
        )
    models = [name for name in names if name.endswith(SUFFIXES)]
    if models:
        return Kind("a folder", f"give a model in it, such as {str(path / models[0])!r}")
    listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return Kind("a folder without a .tflite file", f"it holds {listed or 'nothing'}; give a file")
