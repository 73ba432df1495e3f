"""The run command: batches, processes, what is saved, what is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from refinterp.cli.main import main
from tests.test_bundled_models import ROOT

DATA = ROOT / "refinterp" / "data"
MODEL = str(DATA / "digits_int8.tflite")
INPUT = ["--input", str(DATA / "digits_samples.npz")]


@pytest.mark.parametrize("options", [["--batch", "7"], ["--workers", "2"], ["--plain"]])
def test_options_change_no_result(tmp_path, capsys, options):
    """Batches, processes and the plain kernels give the outputs and tensors of the default."""
    files = [tmp_path / f"{name}.npz" for name in "abcd"]
    assert main(["run", MODEL, *INPUT, "--output", str(files[0]), "--save-all", str(files[1])]) == 0
    words = ["--output", str(files[2]), "--save-all", str(files[3]), *options]
    assert main(["run", MODEL, *INPUT, *words]) == 0
    capsys.readouterr()
    for one, other in ((files[0], files[2]), (files[1], files[3])):
        with np.load(one) as a, np.load(other) as b:
            assert set(a.files) == set(b.files)
            for name in a.files:
                np.testing.assert_array_equal(a[name], b[name])


def test_kept_tensors_are_counted(tmp_path, capsys):
    """--save-all says how many bytes it kept: those of the arrays in the file."""
    path = tmp_path / "all.npz"
    assert main(["run", MODEL, *INPUT, "--save-all", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    with np.load(path) as arrays:
        kept = sum(arrays[name].nbytes for name in arrays.files)
    assert f"{kept} bytes" in err
    assert json.loads(out)["preserved_bytes"] == kept


def test_workers_need_paths(capsys):
    """Random data and standard input cannot be divided among processes."""
    assert main(["run", MODEL, "--workers", "2"]) == 0  # one sample: nothing to divide
    capsys.readouterr()
    assert main(["run", MODEL, *INPUT, "--workers", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
