"""Work by operator, from shapes alone: what a sample costs wherever it runs.

Kinds of work, each counted where it arises:

==========  ====================================================================================
conv        products of convolutions whose window is larger than one place
pointwise   products of convolutions of one place
depthwise   products of depthwise convolutions
dense       products of all else that adds products up: dense layers, recurrent ones, matrices
outputs     values that convolutions write: each is requantized
elements    values that operators without products write or read, whichever are more; where the
            result is a probability, tenfold
operators   how many there are
gathered    values that a window larger than one place gathers before it is multiplied
==========  ====================================================================================

Some runtimes drop channels that are dead: all weights that make them are 0, also once the dead
channels of what they read are left out. `dead=False` counts without those.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.channels import unweighted
from refinterp.graph.macs import macs
from refinterp.graph.model import OPTIONAL, Model, Operator
from refinterp.graph.operators import OPERATORS
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs

KINDS: Final = (
    "conv", "pointwise", "depthwise", "dense", "outputs", "elements", "operators", "gathered",
)  # fmt: skip
_PROBABILITY: Final = 10  # elements that one probability counts as: an exponential, a division
_IMAGE: Final = 4  # axes of a convolution's weights

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class OperatorWork:
    """One operator's work.

    operator: its index. name: the schema's. macs: products that are added up. kinds: amounts by
    kind of work, in the order of `KINDS`. elements: values it writes. reads: values it reads that
    the file does not hold. dtype: of its first output.
    """

    operator: int
    name: str
    macs: int
    elements: int
    reads: int
    dtype: str
    kinds: tuple[float, ...] = (0.0,) * len(KINDS)


@lru_cache(maxsize=4)  # every board asks for that of the same model
def operator_work(
    model: Model, subgraph: int = 0, *, dead: bool = True
) -> tuple[OperatorWork, ...]:
    """Return the work of every operator of a subgraph, as the file gives its shapes.

    dead: also the work of channels that are dead. Sizes that the file leaves open count as it
    writes them; control flow counts once.
    """
    specs = tensor_specs(model, subgraph, values=not dead)
    tensors = model.subgraphs[subgraph].tensors
    constant = [
        0 < tensor.buffer < len(model.buffers) and model.buffers[tensor.buffer].data.size > 0
        for tensor in tensors
    ]
    found = []
    gone: dict[int, Flags] = {}
    for index, operator in enumerate(model.subgraphs[subgraph].operators):
        inputs = [_at(specs, i) for i in operator.inputs]
        outputs = [spec for i in operator.outputs if (spec := _at(specs, i)) is not None]
        shapes = [None if spec is None else spec.shape for spec in inputs]
        moving = [
            spec
            for i, spec in zip(operator.inputs, inputs, strict=True)
            if spec is not None and not constant[i]
        ]
        one = OperatorWork(
            index,
            operator.name,
            macs(operator.name, shapes, [spec.shape for spec in outputs]),
            sum(_size(spec) for spec in outputs),
            sum(_size(spec) for spec in moving),
            outputs[0].dtype if outputs else "none",
        )
        found.append(
            _with_kinds(one, inputs) if dead else _alive(one, operator, inputs, outputs, gone)
        )
    return tuple(found)


def model_macs(model: Model) -> int:
    """Products that are added up for one sample of a model's main graph."""
    return sum(work.macs for work in operator_work(model)) if model.subgraphs else 0


def amounts(work: Sequence[OperatorWork]) -> NDArray[np.float64]:
    """The sum of operators' work by kind: (kinds,)."""
    return np.sum([one.kinds for one in work], axis=0, dtype=np.float64) + np.zeros(len(KINDS))


def _with_kinds(
    work: OperatorWork, inputs: Sequence[TensorSpec | None], kept: float = 1.0, read: float = 1.0
) -> OperatorWork:
    """The same with its amounts; kept, read: parts of the channels, out and in, that live."""
    found = dict.fromkeys(KINDS, 0.0)
    found["operators"] = 1.0
    facts = OPERATORS.get(work.name)
    weights = inputs[1] if len(inputs) > 1 else None
    image = weights is not None and len(weights.shape) == _IMAGE
    products = work.macs * kept * read
    if work.macs and facts is not None and facts.depthwise:
        found["depthwise"], found["outputs"] = products, work.elements * kept
    elif (
        work.macs
        and image
        and weights is not None
        and facts is not None
        and facts.filter_axis is not None
    ):
        wide = math.prod(weights.shape[1:3]) > 1
        found["conv" if wide else "pointwise"] = products
        found["outputs"] = work.elements * kept
        if wide:
            found["gathered"] = work.macs * read / max(1, weights.shape[0])
    elif work.macs:
        found["dense"] = products
    elif facts is None or not facts.reshapes:
        each = _PROBABILITY if facts is not None and facts.probabilities else 1
        largest = max((_size(spec) for spec in inputs if spec is not None), default=0)
        found["elements"] = float(each * max(work.elements, largest if each == 1 else 0))
    return replace(work, macs=round(products), kinds=tuple(found[kind] for kind in KINDS))


def _alive(
    work: OperatorWork, operator: Operator, inputs: Sequence[TensorSpec | None],
    outputs: Sequence[TensorSpec], gone: dict[int, Flags],
) -> OperatorWork:  # fmt: skip
    """The work without dead channels. gone: tensor → which of its channels are dead; added to."""
    facts = OPERATORS.get(work.name)
    weights = inputs[1] if len(inputs) > 1 else None
    if (
        facts is None or not work.macs or weights is None or weights.data is None or not outputs
        or facts.filter_axis is None or len(weights.shape) != _IMAGE
    ):  # fmt: skip
        return _with_kinds(work, inputs)
    before = gone.get(operator.inputs[0])
    data, read = weights.data, 1.0
    if before is not None and not facts.depthwise and data.shape[-1] == before.size:
        data, read = (data != 0) & ~before, 1.0 - float(before.mean())
    lost = unweighted(data, facts.filter_axis)
    if before is not None and facts.depthwise and before.size == lost.size:
        lost |= before
    gone[operator.outputs[0]] = lost
    return _with_kinds(work, inputs, 1.0 - float(lost.mean()), read)


def drops_channels(model: Model) -> bool:
    """Whether leaving dead channels out changes a model's work by a twentieth or more."""
    if not model.subgraphs:
        return False
    whole = sum(one.macs for one in operator_work(model))
    return whole > 0 and sum(one.macs for one in operator_work(model, dead=False)) < 0.95 * whole


def int8_share(model: Model) -> float:
    """The part of a model's products whose operators write int8; 1 where there are no products."""
    work = operator_work(model)
    whole = sum(one.macs for one in work)
    return sum(one.macs for one in work if one.dtype == "int8") / whole if whole else 1.0


def by_kind(work: Mapping[str, float]) -> NDArray[np.float64]:
    """Amounts as an array, from a mapping by kind."""
    return np.array([work.get(kind, 0.0) for kind in KINDS], np.float64)


def _at(specs: Sequence[TensorSpec], index: int) -> TensorSpec | None:
    return specs[index] if OPTIONAL < index < len(specs) else None


def _size(spec: TensorSpec) -> int:
    return math.prod(max(1, size) for size in spec.shape)
