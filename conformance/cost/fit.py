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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import refinterp
from conformance.cost import judging
from conformance.cost.fitting import GRID, MIDDLE, START, Setting, fit, places
from conformance.cost.judging import Held, band, covered, factor_of
from conformance.cost.latency_page import page
from conformance.cost.measurements import MLPERF, ON_DEVICE, WORK, measurements, runtimes
from conformance.cost.mlperf_terms import notice, origins
from refinterp.cost.latency_model import FILE
from refinterp.cost.work import KINDS

ROOT: Final = Path(refinterp.__file__).parents[1]
FIGURES: Final = ROOT / "refinterp" / "cost" / FILE
ORIGINS: Final = MLPERF.with_name("README.md")
RESULTS: Final = ROOT / "conformance" / "results" / "latency.json"
PAGE: Final = ROOT / "docs" / "latency.md"
_KNOWN: Final = 1.5  # the widest band where chip and runtime are known, or a model was measured
_UNSEEN: Final = 2.5
_GIVEN: Final = "a chip and a model; "
_LEVELS: Final = {"board": ("a chip",), "runtime": ("a version", "a runtime")}


def inputs_hash() -> str:
    """The hash of all that is fitted on."""
    found = hashlib.sha256()
    for path in (MLPERF, ON_DEVICE, WORK):
        found.update(path.read_bytes())
    return found.hexdigest()


def figures(bands: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return the fitted figures as a document (`refinterp/cost/latency.json`)."""
    rows = measurements()
    found = fit(rows)
    return {
        "about": "Figures of the latency model (refinterp/cost/latency_model.py), fitted by python "
        "-m conformance.cost.fit on MLPerf Tiny's results, rounds 0.5 to 1.3, and mcufit-bench "
        "88f8d23; docs/latency.md has the errors. Estimates made with them are no MLPerf results. "
        + " ".join(line for line in notice() if line and "latency.md" not in line),
        "seed": None,
        "inputs_sha256": inputs_hash(),
        "settings": {"start": np.exp(START).round(6).tolist(), **MIDDLE._asdict()},
        "kinds": list(KINDS),
        "base": _by_kind(found.base),
        "slopes": {
            term: own for term, slope in found.slopes.items() if (own := _by_kind(slope))
        },
        "effects": {name: _rounded(value) for name, value in found.effects.items()},
        "spreads": found.spreads._asdict(),
        "bands": {
            level: {style: round(factor, 3) for style, factor in own.items()}
            for level, own in bands.items()
        },
        "runtimes": [one._asdict() for one in runtimes().values()],
        "measured": [
            {"core": place.core, "chip": place.chip, "runtime": place.runtime, "style": place.style}
            for place in places(rows)
        ],
    }  # fmt: skip


def _by_kind(values: NDArray[np.float64]) -> dict[str, float]:
    """Values by kind of work, those that are not nearly 0."""
    rounded = values.round(4).tolist()
    return {kind: value for kind, value in zip(KINDS, rounded, strict=True) if value}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Errors by what was held back. unseen: level → the errors that its band is taken from."""

    errors: Mapping[str, Sequence[Held]]
    unseen: Mapping[str, Sequence[Held]]

    def medians(self) -> dict[str, float]:
        """The median error of each."""
        return {name: median(one.relative for one in held) for name, held in self.errors.items()}

    def bands(self) -> dict[str, dict[str, float]]:
        """The band by level and style. Where a place is known it is the widest allowed."""
        return {
            "known": {"any": _KNOWN},
            **{level: band(held, _UNSEEN) for level, held in self.unseen.items()},
            "measured": {"any": _KNOWN},
            "measured, core or style unseen": {"any": _UNSEEN},
        }

    def rows(self) -> dict[str, dict[str, Any]]:
        """What the page says of each."""
        found = {}
        for name, held in self.errors.items():
            basis = self._basis(name)
            styles = sorted({one.row.place.style for one in held})
            found[name] = {
                **_row(held, basis),
                "styles": {
                    style: _row([one for one in held if one.row.place.style == style], basis)
                    for style in styles
                },
            }
        return found

    def _basis(self, name: str) -> Sequence[Held] | None:
        """The errors that the band of one row's estimates is taken from; None for the widest."""
        if name.startswith(_GIVEN):
            return None
        level = next((one for one in self.unseen if name.startswith(_LEVELS[one])), None)
        return None if level is None else self.unseen[level]


def _widest(one: Held) -> float:
    """The band of a place that is known, or on which a model was measured."""
    return _UNSEEN if one.strange else _KNOWN


def judged(setting: Setting = MIDDLE) -> Judged:
    """Hold back, fit and estimate in every way."""
    board = judging.group_out(judging.chip, setting, model=True)
    version = judging.group_out(judging.version, setting, model=True)
    family = judging.group_out(judging.family, setting, model=True)
    errors = {
        "one measurement": judging.row_out(setting),
        "a model": judging.model_out(setting),
        "a chip": judging.group_out(judging.chip, setting),
        "a chip and a model": board,
        "a version": judging.group_out(judging.version, setting),
        "a version and a model": version,
        "a runtime": judging.group_out(judging.family, setting),
        "a runtime and a model": family,
        **{
            f"{_GIVEN}{count} measured": judging.observed_out(count, setting)
            for count in (1, 2, 3)
        },
        f"{_GIVEN}another's total": judging.profile_out(setting, totals=True),
        f"{_GIVEN}another's profile": judging.profile_out(setting),
    }  # fmt: skip
    return Judged(errors, {"board": board, "runtime": [*version, *family]})


def _row(held: Sequence[Held], basis: Sequence[Held] | None) -> dict[str, Any]:
    inside = (
        float(np.mean([one.factor <= _widest(one) for one in held])) if basis is None
        else covered(held, basis, _UNSEEN)
    )  # fmt: skip
    return {
        "estimates": len(held),
        "median": round(median(one.relative for one in held), 4),
        "factor_90": round(factor_of(held, 0.9), 3),
        "worst": round(max(one.factor for one in held), 3),
        "covered": round(inside, 4),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def ranges() -> dict[str, list[float]]:
    """The least and the largest median error of each row, over all settings of the grid."""
    found = [judged(setting).medians() for setting in GRID]
    return {
        name: [round(pick(one[name] for one in found), 4) for pick in (min, max)]
        for name in found[0]
    }


def main() -> int:
    """Fit, judge, write."""
    own = judged()
    found = figures(own.bands())
    FIGURES.write_text(json.dumps(found, indent=1) + "\n", "utf-8", newline="\n")
    results = {
        "schema_version": "1.0.0",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "inputs_sha256": found["inputs_sha256"],
        "measurements": len(measurements()),
        "errors": own.rows(),
        "ranges": ranges(),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8", newline="\n")
    PAGE.write_text(page(results, found), "utf-8", newline="\n")
    ORIGINS.write_text(origins(), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
