"""Which operators lose nothing on some samples, and which compute in float and round."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.grid import Grid
from refinterp.debug.measure.trace import Trace
from refinterp.debug.reference.local import as_real
from refinterp.debug.setup import Setup
from refinterp.debug.study.trials import Trials
from refinterp.graph.model import STORAGE
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.executor import Executor

Array = NDArray[Any]
_EXACT: Final = 1e-3  # of a step: what float32 may round, far below what a code can be off
_FLOAT_ROUNDING: Final = 1e-5  # of the largest value
_ROUNDING: Final = 2 / 256  # of the code range: what integer arithmetic may differ from reals by


@one_blas_thread()
def behaviour(
    plain: Setup, trials: Trials, *, whole: bool
) -> tuple[frozenset[int], frozenset[int]]:
    """Operators that lose nothing on these samples, and those that are reals rounded.

    plain: the model with its shadow. whole: whether there is no float model, so
    that a hybrid layer loses no more than quantizing its data at run time does.
    """
    compared = plain.compared
    executor = Executor(plain.quantized)
    trace, work = Trace(executor), Workspace()
    lossless, simulable = set(plain.local), set(plain.local)
    if not whole:
        lossless -= plain.hybrids.keys()
    specs = plain.quantized.specs
    for index in range(trials.count):
        trials.feed(executor, index)
        trace.run()

        def real(tensor: int) -> Array:
            return as_real(trace.sample(tensor, 0), specs[tensor])

        for step in plain.quantized.steps:
            if step.operator not in simulable:
                continue
            results = plain.local[step.operator].operator.run(real, work)
            for tensor, result in zip(step.outputs, results, strict=True):
                grid = plain.grids.get(tensor)
                if grid is None:
                    if tensor in compared and _far(trace.sample(tensor, 0), result):
                        lossless.discard(step.operator)
                    continue
                codes = trace.sample(tensor, 0).reshape(-1)
                off, most = _off(codes, result.reshape(-1), grid)
                if off > _EXACT:
                    lossless.discard(step.operator)
                limits = np.iinfo(STORAGE[specs[tensor].dtype])
                if not most <= _ROUNDING * (int(limits.max) - int(limits.min)):
                    simulable.discard(step.operator)
                    lossless.discard(step.operator)
    return frozenset(lossless), frozenset(simulable)


def _far(found: Array, reals: Array) -> bool:
    """Whether two results are further apart than rounding in float explains."""
    reach = float(np.abs(reals).max(initial=0.0))
    off = np.abs(found.reshape(-1).astype(np.float64) - reals.reshape(-1)).max(initial=0.0)
    return not off <= _FLOAT_ROUNDING * reach


def _off(codes: Array, reals: Array, grid: Grid) -> tuple[float, float]:
    """How far codes are from reals, in steps: at most, before and after reals are clipped."""
    if not codes.size:
        return 0.0, 0.0
    with np.errstate(all="ignore"):
        exact = reals.astype(np.float64) / grid.scale + grid.zero_point
        off = np.abs(codes - exact).max()
        most = np.abs(codes - np.clip(exact, grid.low, grid.high)).max()
    return float(off), float(most)
