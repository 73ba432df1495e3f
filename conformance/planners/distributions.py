"""Hold the arena of TFLM's distributions against their own builds, and against chips.

python -m conformance.planners.distributions [--corpus FOLDER] rewrites docs/arena-distributions.md.
The models are found in the corpus by their SHA-256; the measured figures are those of
tests/tflm/distributions.json and tests/tflm/on_device.json.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from conformance.planners.distributions_page import RESULTS, ROOT, page_path, write_page
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.tflm.ledger import totals
from refinterp.tflm.targets import Profile, profile

FIGURES: Final = ROOT / "tests" / "tflm" / "distributions.json"
ON_DEVICE: Final = ROOT / "tests" / "tflm" / "on_device.json"

Row = dict[str, Any]
Figure = tuple[int, int] | None
"""Bytes used and the smallest arena, None where the model is refused."""


def corpus_models(folder: Path, wanted: Mapping[str, Any]) -> Iterator[tuple[str, Model]]:
    """Yield the SHA-256 and the model of every wanted file that the corpus holds."""
    for path in sorted(folder.rglob("*.tflite")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in wanted:
            yield digest, read_model(path)


def ours(model: Model, where: Profile) -> Figure:
    """What the ledger says."""
    try:
        return totals(model, where)
    except (UnsupportedError, ModelError):
        return None


def compare(folder: Path) -> Row:
    """Compare every figure of every distribution whose model the corpus holds."""
    facts = json.loads(FIGURES.read_text("utf-8"))
    names = list(facts["distributions"])
    counts = {
        name: {"equal": 0, "off": [], "both_refuse": 0, "only_it_refuses": [],
               "only_we_refuse": []}
        for name in names
    }  # fmt: skip
    real: list[Row] = []
    found: set[str] = set()
    for digest, model in corpus_models(folder, facts["models"]):
        if digest in found:
            continue
        found.add(digest)
        known = facts["models"][digest]
        said = [ours(model, profile(tflm=name)) for name in names]
        for name, mine, theirs in zip(names, said, known["figures"], strict=True):
            _count(counts[name], known["name"], mine, theirs)
        if known["name"].count("/") == 1 and known["name"].startswith("models/"):
            each = dict(zip(names, said, strict=True))
            real.append({"model": Path(known["name"]).stem, "figures": each})
    missing = sorted(row["name"] for digest, row in facts["models"].items() if digest not in found)
    return {"models": len(found), "missing": missing, "counts": counts, "real": real}


def _count(row: Row, name: str, mine: Figure, theirs: Sequence[int] | None) -> None:
    if theirs is None:
        if mine is None:
            row["both_refuse"] += 1
        else:
            row["only_it_refuses"].append(name)
    elif mine is None:
        row["only_we_refuse"].append(name)
    elif mine == tuple(theirs):
        row["equal"] += 1
    else:
        row["off"].append([name, mine[0] - theirs[0], mine[1] - theirs[1]])


def on_chips(folder: Path) -> list[Row]:
    """Compare what chips say they use."""
    figures = json.loads(ON_DEVICE.read_text("utf-8"))["figures"]
    models = dict(corpus_models(folder, {row["sha256"]: row for row in figures}))
    rows = []
    for row in figures:
        if row["sha256"] in models:
            mine = ours(models[row["sha256"]], profile(tflm=row["tflm"]))
            rows.append(row | {"refinterp_bytes": None if mine is None else mine[0]})
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write results and page; 1 when a figure is off or a refusal is not shared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("REFINTERP_CORPUS", "../shared"))
    options = parser.parse_args(arguments)
    folder = Path(options.corpus)
    if not (folder / "models").is_dir():
        parser.error(f"{folder}: no corpus of models; name its folder by --corpus")
    results = {"date": datetime.date.today().isoformat(), **compare(folder)}
    results["on_chips"] = on_chips(folder)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    write_page()
    sys.stdout.write(f"wrote {RESULTS} and {page_path()}\n")
    off = sum(
        len(row[kind])
        for row in results["counts"].values()
        for kind in ("off", "only_it_refuses", "only_we_refuse")
    ) + sum(row["refinterp_bytes"] != row["arena_used_bytes"] for row in results["on_chips"])
    sys.stdout.write(f"{off} figures or refusals differ\n")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
