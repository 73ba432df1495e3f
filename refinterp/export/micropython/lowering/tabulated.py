"""Operators on one input, element by element: a table of 256 results, made by our own kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BLOCK, CODES, ArenaPlace, Call, Lowered, Site
from refinterp.export.micropython.lowering.checks import codes, titled
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import Prepared, call

_SEED = 7


def single_source(site: Site) -> int | None:
    """Return the one tensor that an element-wise operator reads, if others are single constants."""
    facts = site.step.entry.facts
    if facts is None or not facts.by_channel or facts.ranks or facts.along or facts.stateful:
        return None
    if len(site.outputs) != 1:
        return None
    read = {
        tensor
        for tensor, spec in zip(site.step.inputs, site.inputs, strict=True)
        if spec is not None and spec.data is None
    }
    others = [spec for spec in site.inputs if spec is not None and spec.data is not None]
    alike = all(
        spec.shape == site.outputs[0].shape
        for spec in site.inputs
        if spec is not None and spec.data is None
    )
    if len(read) != 1 or not alike or any(spec.size != 1 for spec in others):
        return None
    return next(iter(read))


def tabulated(site: Site) -> Lowered:
    """Any such operator; raises UnsupportedError for one that is more than a function of a code."""
    source = single_source(site)
    if source is None:
        raise UnsupportedError("it is no function of one input's elements")
    for spec in site.inputs:
        if spec is not None and spec.data is None:
            codes(spec, "input")
    codes(site.outputs[0], "output")
    every = np.arange(-CODES, CODES, dtype=np.int8)
    table = _ran(site, every)
    tried = np.random.default_rng(_SEED).integers(-CODES, CODES, site.outputs[0].size, np.int8)
    if not np.array_equal(_ran(site, tried), table[tried.astype(np.intp) + CODES]):
        raise UnsupportedError("it is no function of one input's elements")
    block = (table.astype(np.int64) + CODES).astype(np.uint8).tobytes()
    target = site.step.outputs[0]

    def calls(limit: int, left: bool) -> list[Call]:
        places = {"x": ArenaPlace(source), "y": ArenaPlace(target), "block": BLOCK}
        return [Call("table", {**places, "size": site.outputs[0].size}, block)]

    return Lowered(
        site.step.operator, titled(site), (source,), (target,), calls,
        least=len(block), whole=len(block), in_place=True,
    )  # fmt: skip


def _ran(site: Site, values: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the operator makes of codes; they stand in for the input's elements."""

    def stretched(spec: TensorSpec) -> TensorSpec:
        rank = max(1, len(spec.shape))
        return replace(spec, shape=(*(1,) * (rank - 1), values.size))

    specs = [None if s is None else s if s.data is not None else stretched(s) for s in site.inputs]
    output = stretched(site.outputs[0])
    step = site.step
    kernel: Any = step.entry.kernel.prepare(
        step.entry.operands(specs), [output], step.options, step.rule
    )
    arrays = [
        None if s is None else s.data if s.data is not None else values.reshape(s.shape)
        for s in specs
    ]
    (found,) = call(Prepared(step.entry, kernel), arrays, [output])
    return found.reshape(-1).astype(STORAGE[output.dtype])
