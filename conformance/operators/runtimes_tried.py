"""Which runtime ever ran which operator and type.

    python -m conformance.operators.runtimes_tried     writes refinterp/evidence/runtimes_tried.json

LiteRT's reference kernels and TFLM are answered for by the operator matrix. LiteRT's optimized
kernels and its default (XNNPACK) run a few models of each operator and type here. What CMSIS-NN and
ESP-NN have kernels of their own for was measured with compiled sources (`MEASURED`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import refinterp
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from conformance.operators.known_proof import DEFAULT, LITERT, OPTIMIZED, TFLM, Runtimes, short
from conformance.operators.run import seed_of
from refinterp.evidence.matrix import matrix
from refinterp.modelfile.writer import write_model
from refinterp.runtimes.outcome import Died, Outcome, Ran
from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN

FILE: Final = Path(refinterp.__file__).parent / "evidence" / "runtimes_tried.json"
SEED: Final = 7

MEASURED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        CMSIS_NN_MVE: (
            "ADD/int8", "AVERAGE_POOL_2D/int8", "BATCH_MATMUL/int8", "CONV_2D/int8",
            "CONV_2D/int8x4", "DEPTHWISE_CONV_2D/int8", "DEPTHWISE_CONV_2D/int8x4",
            "FULLY_CONNECTED/int8", "FULLY_CONNECTED/int8x4", "MAXIMUM/int8", "MAX_POOL_2D/int8",
            "MINIMUM/int8", "MUL/int8", "PAD/int8", "SOFTMAX/int8", "SVDF/int8x16",
            "TRANSPOSE/int8", "TRANSPOSE_CONV/int8", "UNIDIRECTIONAL_SEQUENCE_LSTM/int8",
        ),
        ESP_NN: (
            "ADD/int8", "AVERAGE_POOL_2D/int8", "CONV_2D/int8", "CONV_2D/int8x4",
            "DEPTHWISE_CONV_2D/int8", "DEPTHWISE_CONV_2D/int8x4", "FULLY_CONNECTED/int8",
            "FULLY_CONNECTED/int8x4", "MAX_POOL_2D/int8", "MUL/int8", "SOFTMAX/int8",
        ),
    }
)  # fmt: skip
"""Cells in which compiled upstream sources (tflite-micro 90b983c2b with CMSIS-NN 99f736a6 for
Cortex-M55, esp-tflite-micro 99f49e149 with esp-nn d45b843ca) computed what TFLM's kernels do.
"""


def from_matrix(oracle: str) -> dict[str, list[str]]:
    """What the operator matrix says of a runtime."""
    cells = [cell for key, cell in matrix().items() if key[2] == oracle]
    return {
        "ran": sorted(f"{c.operator}/{c.dtype}" for c in cells if c.cases),
        "refused": sorted(f"{c.operator}/{c.dtype}" for c in cells if not c.cases),
    }


def from_runs(oracle: str, runtimes: Runtimes, count: int) -> dict[str, list[str]]:
    """Run a few models of each operator and type; one in which some died and none ran is neither.

    The wanted one is the first that runs: what single models are refused for is another matter.
    """
    found: dict[str, list[str]] = {"ran": [], "refused": []}
    for operator, dtype in sorted(load_all()):
        outcomes = list(_outcomes(operator, dtype, oracle, runtimes, count))
        if any(isinstance(outcome, Ran) for outcome in outcomes):
            found["ran"].append(f"{operator}/{dtype}")
        elif not any(isinstance(outcome, Died) for outcome in outcomes):
            found["refused"].append(f"{operator}/{dtype}")
    return found


def _outcomes(
    operator: str, dtype: str, oracle: str, runtimes: Runtimes, count: int
) -> Iterable[Outcome]:
    for index in range(count):
        case = load_all()[operator, dtype](RandomDraw(seed_of(SEED, operator, dtype, index)))
        outcome = runtimes[oracle].run(write_model(case.model), case.samples)
        yield outcome
        if isinstance(outcome, Ran):
            return


def _by_operator(cells: Iterable[str]) -> dict[str, str]:
    """Operator → its types with spaces between."""
    found: dict[str, str] = {}
    for cell in cells:
        operator, dtype = cell.rsplit("/", 1)
        found[operator] = f"{found[operator]} {dtype}" if operator in found else dtype
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Try, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=12, help="models of a type that none ran of")
    options = parser.parse_args(argv)
    found: dict[str, Any] = {short(oracle): from_matrix(oracle) for oracle in (LITERT, TFLM)}
    with Runtimes() as runtimes:
        for oracle in (OPTIMIZED, DEFAULT):
            found[short(oracle)] = from_runs(oracle, runtimes, options.cases)
    for runtime, cells in MEASURED.items():
        found[runtime] = {"ran": list(cells), "refused": []}
    by_operator = {
        runtime: {said: _by_operator(names) for said, names in cells.items()}
        for runtime, cells in found.items()
    }
    FILE.write_text(json.dumps({"seed": SEED, "runtimes": by_operator}, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
