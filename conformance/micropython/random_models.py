"""Random models as modules: `python -m conformance.micropython.random_models`.

Every byte is held against our own run. Cases are those of `conformance.operators`, of int8, for
every operator. A model that cannot be a module is counted with its reason.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.micropython.modules import held
from conformance.micropython.port import Arrays
from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.run import draw_case
from refinterp.errors import RefinterpError
from refinterp.export.micropython.core import without_float_ends

FLAVOURS = ("tflm", "litert-reference")
_DTYPES = ("int8", "int8x16")
RESULTS = Path(__file__).parents[1] / "results" / "micropython.json"


def cells() -> list[tuple[str, str]]:
    """Every (operator, dtype key) whose cases a module may be made of."""
    return sorted(cell for cell in load_all() if cell[1] in _DTYPES)


def samples_of(case: Case) -> list[Arrays]:
    """A case's samples, where its inputs are the module's; none where they are drawn."""
    core, dropped = without_float_ends(case.model)
    graph = core.subgraphs[0]
    if dropped or any(graph.tensors[i].dtype != "int8" for i in graph.inputs):
        return []
    return [[np.asarray(x) for x in sample] for sample in case.samples]


def tried(operator: str, dtype: str, index: int, flavour: str, seed: int, folder: Path) -> Any:
    """Run one case; returns (codes, differing), or the reason why it is no module."""
    case = draw_case(seed, operator, dtype, index)
    try:
        run = held(case.model, flavour, folder, samples_of(case), count=2, seed=index)
    except RefinterpError as error:
        return _reason(str(error))
    return run.codes, run.differing


def _reason(text: str) -> str:
    """The first reason with its numbers and names left out, so that alike ones are counted."""
    line = text.splitlines()[-1 if "\n" in text else 0].strip()
    line = re.sub(r"^operators\[\d+\] ", "", re.sub(r"'[^']*'", "…", line))
    return re.sub(r"-?\d[\d,.]*(e-?\d+)?", "N", line)


def tallies(cases: int, seed: int, only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row for each operator and flavour."""
    with tempfile.TemporaryDirectory() as name:
        for operator, dtype in cells():
            if only and operator not in only:
                continue
            for flavour in FLAVOURS:
                row: dict[str, Any] = {
                    "operator": operator, "dtype": dtype, "flavour": flavour, "modules": 0,
                    "codes": 0, "differing": 0, "refused": 0,
                }  # fmt: skip
                reasons: Counter[str] = Counter()
                for index in range(cases):
                    found = tried(operator, dtype, index, flavour, seed, Path(name))
                    if isinstance(found, str):
                        row["refused"] += 1
                        reasons[found] += 1
                    else:
                        row["modules"] += 1
                        row["codes"] += found[0]
                        row["differing"] += found[1]
                        if found[1]:
                            print(
                                f"{operator} {dtype} {flavour} case {index} differs",
                                file=sys.stderr,
                            )
                row["reasons"] = dict(reasons.most_common(4))
                yield row


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cells; exit 1 where a byte differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operator", action="append", default=[], help="only these (repeatable)")
    parser.add_argument("--cases", type=int, default=30, help="cases of a cell (default 30)")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--write", action="store_true", help="write the committed results")
    options = parser.parse_args(argv)
    rows = []
    for row in tallies(options.cases, options.seed, options.operator):
        rows.append(row)
        print(
            f"{row['operator']:26} {row['dtype']:8} {row['flavour']:17} modules {row['modules']:4} "
            f"codes {row['codes']:7} differing {row['differing']} refused {row['refused']} "
            f"{next(iter(row['reasons']), '')}",
            flush=True,
        )
    modules, differing = (sum(row[key] for row in rows) for key in ("modules", "differing"))
    print(f"{modules} modules, {differing} bytes differ")
    if options.write:
        found = {"cases": options.cases, "seed": options.seed, "modules": modules, "rows": rows}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return int(differing > 0 or not modules)


if __name__ == "__main__":
    sys.exit(main())
