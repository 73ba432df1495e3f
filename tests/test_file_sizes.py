"""Files are small: what is longer than 300 lines is listed, with a reason."""

from __future__ import annotations

from pathlib import Path

import refinterp

ROOT = Path(refinterp.__file__).parents[1]
MOST = 300
LONGER = {
    "refinterp/graph/operators.py": "a table: a row for each operator",
    "refinterp/graph/operands.py": "a table: a class for each list of operands' names",
    "refinterp/modelfile/flatbuffer.py": "one algorithm, from bytes to tables",
    "refinterp/numerics/kissfft.py": "one algorithm, step by step as in its source",
    "conformance/operators/cases/graphs.py": "cases: a generator for each piece of a graph",
    "conformance/operators/cases/indexing.py": "cases: a generator for each operator",
    "conformance/operators/cases/movement.py": "cases: a generator for each operator",
    "conformance/operators/cases/pairs.py": "cases: a generator for each operator of two tensors",
    "conformance/operators/cases/recurrent.py": "cases: a generator for each operator",
    "conformance/operators/cases/scattering.py": "cases: a generator for each operator",
}


def test_files_are_small_but_those_listed():
    """No file passes 300 lines without a reason, and no reason is left of one that is small."""
    files = [
        path for folder in ("refinterp", "conformance") for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    assert len(files) > 400
    longer = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if len(path.read_text("utf-8").splitlines()) > MOST
    }
    assert longer == LONGER.keys()
