"""Holding one drawn case against an installed runtime, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from conformance.operators.case import FAMILIES, Case
from conformance.operators.cases import load_all
from conformance.operators.compare import compare, run_ours
from conformance.operators.run import FLAVOURS
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Runtime, open_runtime, unavailable
from refinterp.runtimes.outcome import Ran
from refinterp.verdicts.inventory import has_kernel


def opened(name: str) -> Iterator[Runtime]:
    """Yield a runtime, or skip the test with the reason why there is none."""
    reason = unavailable(name)
    if reason:
        pytest.skip(reason)
    with open_runtime(name) as runtime:
        yield runtime


def drawn(*families: str, runtime: str = "", dtypes: Sequence[str] = ()) -> list[str]:
    """Return the operators that modules of `conformance.operators.cases` draw, by name.

    runtime: only those that it has a kernel for. dtypes: only those drawn on one of these.
    """
    on = {operator for operator, dtype in load_all() if not dtypes or dtype in dtypes}
    return sorted(
        operator
        for operator in on
        if FAMILIES[operator] in families and (not runtime or has_kernel(runtime, operator))
    )


def hold(case: Case, runtime: Runtime, name: str, *, often: bool = False) -> bool:
    """Assert that what the runtime runs comes out the same here; False if it refuses the case.

    often: here, it comes after runs on other data.
    """
    preserve = name == "runtime:litert-reference"
    outcome = runtime.run(write_model(case.model), case.samples, preserve=preserve)
    if not isinstance(outcome, Ran):
        return False
    ours = run_ours(case.model, case.samples, flavour=FLAVOURS[name], often=often)
    assert compare(case, ours, outcome).differences == []
    return True
