"""The trained models in the repository are the ones their READMEs describe, and are any good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.models.model_data import dequantize, quality, quantize
from refinterp.runtimes import Ran, open_runtime, unavailable
from tests.corpus import ROOT

FOLDERS = (ROOT / "refinterp" / "data", ROOT / "conformance" / "models")
tflite = pytest.importorskip("tflite", reason="reads the models independently of refinterp")
DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.INT16: np.int16,
}


class BundledModel(NamedTuple):
    """One row of a README table."""

    path: Path
    size: int
    operators: int
    held_out: float
    bundled: str
    sha256: str

    @property
    def family(self) -> str:
        return self.path.name.partition("_")[0]


def table(folder: Path) -> list[BundledModel]:
    rows = [line.split("|")[1:-1] for line in (folder / "README.md").read_text().splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows if len(row) == 6]
    return [
        BundledModel(
            folder / name, int(size), int(ops), float(held_out), bundled, digest.strip("`")
        )
        for name, size, ops, held_out, bundled, digest in cells
        if name.endswith(".tflite")
    ]


ENTRIES = [entry for folder in FOLDERS for entry in table(folder)]
every_model = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.path.stem for entry in ENTRIES])


def graph_of(path: Path) -> Any:
    return tflite.Model.GetRootAs(path.read_bytes(), 0).Subgraphs(0)


def operators(path: Path) -> list[int]:
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    builtin = [max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes]
    return [builtin[graph.Operators(i).OpcodeIndex()] for i in range(graph.OperatorsLength())]


def grid(tensor: Any) -> tuple[float, int]:
    """Scale and zero point; (0, 0) for a tensor that is not quantized."""
    quantization = tensor.Quantization()
    if quantization is None or quantization.ScaleLength() == 0:
        return 0.0, 0
    return quantization.Scale(0), quantization.ZeroPoint(0)


def samples(entry: BundledModel) -> tuple[str, NDArray[np.float32], NDArray[np.int64]]:
    """The input's name, the inputs and the labels that come with the entry's family."""
    with np.load(entry.path.with_name(f"{entry.family}_samples.npz")) as archive:
        labels = archive["labels"]
        (name,) = set(archive.files) - {"labels"}
        return name, archive[name], labels


@cache
def outputs(runtime: str, entry: BundledModel) -> NDArray[Any]:
    """The runtime's output codes on the bundled samples."""
    if reason := unavailable(runtime):
        pytest.skip(reason)
    graph = graph_of(entry.path)
    source = graph.Tensors(graph.Inputs(0))
    codes = quantize(samples(entry)[1], *grid(source), DTYPES[source.Type()])
    with open_runtime(runtime) as opened:
        ran = opened.run(entry.path.read_bytes(), [[code[None]] for code in codes])
    assert isinstance(ran, Ran), str(ran)
    return np.concatenate([sample[0] for sample in ran.outputs])


def real_outputs(runtime: str, entry: BundledModel) -> NDArray[np.float32]:
    graph = graph_of(entry.path)
    return dequantize(outputs(runtime, entry), *grid(graph.Tensors(graph.Outputs(0))))


def test_tables_are_complete() -> None:
    """Every model file has a row, and every row a file."""
    files = {path for folder in FOLDERS for path in folder.glob("*.tflite")}
    assert {entry.path for entry in ENTRIES} == files
    assert len(ENTRIES) == len(files) >= 12


def test_packaged_data_is_small() -> None:
    """What goes into the wheel leaves room under its limit of 1 MB."""
    sizes = {path: path.stat().st_size for path in FOLDERS[0].iterdir()}
    assert sum(size for path, size in sizes.items() if path.suffix != ".json") < 450_000
    assert sum(size for path, size in sizes.items() if path.suffix == ".json") < 600_000


@every_model
def test_file_is_the_recorded_one(entry: BundledModel) -> None:
    """Size, number of operators and digest are those of the table; below 100 KB."""
    content = entry.path.read_bytes()
    assert len(content) == entry.size < 100_000
    assert hashlib.sha256(content).hexdigest() == entry.sha256
    assert len(operators(entry.path)) == entry.operators


@every_model
def test_twins_share_structure(entry: BundledModel) -> None:
    """Each model runs the operators of its float twin, in the same order."""
    twin = entry.path.with_name(f"{entry.family}_float.tflite")
    assert operators(entry.path) == operators(twin)


@every_model
def test_samples_fit_the_model(entry: BundledModel) -> None:
    """Samples lie under the input's name, in its shape; labels are among those named."""
    name, x, labels = samples(entry)
    graph = graph_of(entry.path)
    source = graph.Tensors(graph.Inputs(0))
    classes = entry.path.with_name(f"{entry.family}_labels.txt").read_text().splitlines()
    assert source.Name().decode() == name
    assert (1, *x.shape[1:]) == tuple(source.ShapeAsNumpy())
    assert x.dtype == np.float32
    assert set(labels.tolist()) == set(range(len(classes)))


@every_model
def test_quality_is_the_recorded_one(entry: BundledModel) -> None:
    """On the bundled samples LiteRT's reference kernels reach exactly the recorded figure."""
    _, x, labels = samples(entry)
    reached = quality(entry.family, x, labels, real_outputs("runtime:litert-reference", entry))
    assert f"{reached:.4f}" == entry.bundled


@every_model
def test_tflm_runs_it(entry: BundledModel) -> None:
    """The TFLM wheel runs every model and is as good, to 2 samples in 100."""
    _, x, labels = samples(entry)
    reached = quality(entry.family, x, labels, real_outputs("runtime:tflm", entry))
    assert reached == pytest.approx(float(entry.bundled), abs=0.02)


def test_quantization_costs_what_it_should() -> None:
    """int8 and int16x8 twins stay within 1.5 points of float; the spoilt one loses over 10."""
    held_out = {entry.path.stem: entry.held_out for entry in ENTRIES}
    assert held_out["digits_float"] > 0.95
    for name, score in held_out.items():
        loss = held_out[f"{name.partition('_')[0]}_float"] - score
        assert loss > 0.1 if name == "digits_outlier_int8" else loss < 0.015, name
