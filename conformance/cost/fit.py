"""Fit the latency model, judge it by cross-validation, and write figures and page.

    python -m conformance.cost.fit

writes `refinterp/cost/latency.json`, `conformance/results/latency.json` and `docs/latency.md`. No
random number is drawn: the same measurements give the same figures.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

import refinterp
from conformance.cost import judging
from conformance.cost.fitting import NOISE, PULL, SPREAD, START, fit_effects, fit_weights, places
from conformance.cost.judging import Held, band, covered, factor_of
from conformance.cost.latency_page import page
from conformance.cost.measurements import MLPERF, ON_DEVICE, WORK, measurements, runtimes
from refinterp.cost.latency_model import FILE
from refinterp.cost.work import KINDS

ROOT: Final = Path(refinterp.__file__).parents[1]
FIGURES: Final = ROOT / "refinterp" / "cost" / FILE
RESULTS: Final = ROOT / "conformance" / "results" / "latency.json"
PAGE: Final = ROOT / "docs" / "latency.md"
_KNOWN: Final = 1.5  # the widest band where chip and runtime are known, or a model was measured
_UNSEEN: Final = 2.5


def inputs_hash() -> str:
    """The hash of all that is fitted on."""
    found = hashlib.sha256()
    for path in (MLPERF, ON_DEVICE, WORK):
        found.update(path.read_bytes())
    return found.hexdigest()


def figures(bands: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return the fitted figures as a document (`refinterp/cost/latency.json`)."""
    rows = measurements()
    weights = fit_weights(rows)
    effects = fit_effects(rows, weights)
    return {
        "about": "Figures of the latency model (refinterp/cost/latency_model.py), fitted by python "
        "-m conformance.cost.fit on MLPerf Tiny's results, rounds 0.5 to 1.3, and mcufit-bench "
        "88f8d23; docs/latency.md has the errors. Estimates made with them are no MLPerf results.",
        "seed": None,
        "inputs_sha256": inputs_hash(),
        "settings": {"start": START.tolist(), "pull": PULL, "noise": NOISE, "spread": SPREAD},
        "kinds": list(KINDS),
        "weights": {
            style: dict(zip(KINDS, (_rounded(w) for w in own.tolist()), strict=True))
            for style, own in weights.items()
        },
        "effects": {name: _rounded(value) for name, value in effects.items()},
        "bands": {
            level: {style: round(factor, 3) for style, factor in own.items()}
            for level, own in bands.items()
        },
        "runtimes": [one._asdict() for one in runtimes().values()],
        "measured": [
            {"core": place.core, "chip": place.chip, "runtime": place.runtime}
            for place in places(rows)
        ],
    }


def judged() -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Any]]]:
    """Return the bands by level, and the errors by what was held back."""
    known = judging.model_out()
    board = judging.group_out(judging.chip, model=True)
    runtime = judging.group_out(judging.version, model=True)
    observed = {count: judging.observed_out(count) for count in (1, 2, 3)}
    profile = judging.profile_out()
    bands = {
        "known": band(known, _KNOWN),
        "board": band(board, _UNSEEN),
        "runtime": band([*runtime, *judging.group_out(judging.family, model=True)], _UNSEEN),
        **{f"measured {count}": band(held, _KNOWN) for count, held in observed.items()},
        "profile": {"any": _KNOWN},
    }
    errors = {
        "one measurement": _errors(judging.row_out(), _KNOWN),
        "a model": _errors(known, _KNOWN),
        "a chip": _errors(judging.group_out(judging.chip), _UNSEEN),
        "a chip and a model": _errors(board, _UNSEEN),
        "a version of a runtime": _errors(judging.group_out(judging.version), _UNSEEN),
        "a version and a model": _errors(runtime, _UNSEEN),
        "a runtime": _errors(judging.group_out(judging.family), _UNSEEN),
        "a runtime and a model": _errors(
            judging.group_out(judging.family, model=True), _UNSEEN
        ),
        **{
            f"a chip and a model; {count} measured": _errors(held, _KNOWN)
            for count, held in observed.items()
        },
        "a model; another's profile": _errors(profile, _KNOWN),
    }  # fmt: skip
    return bands, errors


def _errors(held: Sequence[Held], widest: float) -> dict[str, Any]:
    styles = sorted({one.row.place.style for one in held})
    return {
        **_row(held),
        "covered": round(covered(held, widest), 4),
        "widest": widest,
        "styles": {
            style: _row([one for one in held if one.row.place.style == style]) for style in styles
        },
    }


def _row(held: Sequence[Held]) -> dict[str, Any]:
    return {
        "estimates": len(held),
        "median": round(median(one.relative for one in held), 4),
        "factor_90": round(factor_of(held, 0.9), 3),
        "worst": round(max(one.factor for one in held), 3),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def main() -> int:
    """Fit, judge, write."""
    bands, errors = judged()
    found = figures(bands)
    FIGURES.write_text(json.dumps(found, indent=1) + "\n", "utf-8", newline="\n")
    results = {
        "schema_version": "1.0.0",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "inputs_sha256": found["inputs_sha256"],
        "measurements": len(measurements()),
        "total_on_profiled_chips": judging.total_on_profiled_chips(),
        "errors": errors,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8", newline="\n")
    PAGE.write_text(page(results, found), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
