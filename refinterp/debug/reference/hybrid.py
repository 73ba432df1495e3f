"""Operators that compute reals from constants stored in fewer bits: dynamic range, weight-only.

What such a layer loses has two parts, each measured on the input that the layer has in the run:

activations   the kernel against the float operator on the dequantized constants: what it loses by
              quantizing its data at run time. Nothing, where it computes in float
weights       the float operator on the dequantized constants against the one on the float model's:
              what storing them in fewer bits has lost. Without a float model that is estimated: by
              constants moved at random by up to half a step, as rounding may have moved them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.fold import prepare_folded
from refinterp.debug.reference.local import LocalChain, LocalOperator, local_operator
from refinterp.debug.reference.shadow import Shadow, is_code
from refinterp.debug.reference.units import Units
from refinterp.debug.reference.weights import STORED_CODES
from refinterp.graph.model import OPTIONAL, Buffer, element_bits
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Program, Step

Granularity = Literal["tensor", "channel", "block", "element"]
_SEED: Final = 17


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a model is quantized. bits: of the weights.

    static: integers throughout. dynamic: weights in integers, data at run time. weight_only,
    float16: weights in fewer bits, arithmetic in float.
    """

    kind: Literal["static", "dynamic", "weight_only", "float16"]
    bits: int = 8


STATIC: Final = Scheme("static")


@dataclass(frozen=True, slots=True)
class Stored:
    """A constant in fewer bits. place: among the operator's inputs; tensor: what it reads there.

    source: the tensor of the file that holds it, another one where it is unpacked on the way.
    """

    place: int
    tensor: int
    source: int


@dataclass(frozen=True, slots=True, eq=False)
class Hybrid:
    """A hybrid operator. constants: the weights first.

    units: how its data are quantized at run time; None where it computes in float.
    """

    operator: int
    constants: tuple[Stored, ...]
    units: Units | None

    @property
    def weights(self) -> Stored:
        """The first constant: the weights."""
        return self.constants[0]


@dataclass(frozen=True, slots=True, eq=False)
class LossOperators:
    """The float operators that tell the two parts of a layer's loss.

    dequantized: on the layer's own constants. moved: on these, moved at random; None where the
    float model has the constants themselves.
    """

    dequantized: LocalOperator | LocalChain
    moved: LocalOperator | None


def hybrids(program: Program, origins: Mapping[int, int]) -> dict[int, Hybrid]:
    """Find the hybrid operators, by index. origins: as `fold` gives them."""
    found = {}
    for step in program.steps:
        if facts(step.name).conversion or step.entry.kernel.controls:
            continue
        written = [program.specs[i].dtype for i in step.outputs if i != OPTIONAL]
        if not written or written[0] != "float32":
            continue
        constants = _constants(step, program.specs, origins)
        if constants:
            found[step.operator] = Hybrid(
                step.operator, constants, Units.of(step, program.specs, constants[0].place)
            )
    return found


def _constants(
    step: Step, specs: Sequence[TensorSpec], origins: Mapping[int, int]
) -> tuple[Stored, ...]:
    found = []
    for place, tensor in enumerate(step.inputs):
        if tensor == OPTIONAL or specs[tensor].data is None:
            continue
        source = origins.get(tensor, tensor)
        spec = specs[source]
        if spec.dtype == "float16" or (is_code(spec) and spec.dtype in STORED_CODES):
            found.append(Stored(place, tensor, source))
    weights = step.entry.weights
    return tuple(sorted(found, key=lambda one: (one.place != weights, one.place)))


def granularity(spec: TensorSpec) -> Granularity:
    """What has a step of its own."""
    if spec.dtype == "float16":
        return "element"
    if spec.block_size:
        return "block"
    return "tensor" if spec.scale.size == 1 else "channel"


def step_sizes(spec: TensorSpec) -> NDArray[np.float64]:
    """The step of each element of a stored constant: (*shape), or what broadcasts to it."""
    if spec.dtype == "float16":
        assert spec.data is not None
        return np.asarray(np.spacing(np.abs(spec.data)), np.float64)
    scale = spec.scale.astype(np.float64)
    if spec.block_size:
        return np.repeat(scale.reshape(*spec.shape[:-1], -1), spec.block_size, axis=-1)
    if scale.size == 1:
        return scale.reshape([1] * len(spec.shape))
    shape = [1] * len(spec.shape)
    shape[spec.quantized_dimension] = -1
    return scale.reshape(shape)


def moved_program(shadow: Shadow, program: Program, layers: Mapping[int, Hybrid]) -> Program:
    """The shadow with every stored constant moved at random by up to half of its steps."""
    model = shadow.model
    graph = model.subgraphs[program.subgraph]
    buffers = list(model.buffers)
    for one in layers.values():
        for stored in one.constants:
            place = graph.tensors[stored.tensor].buffer
            reals = model.buffers[place].data.view("<f4").astype(np.float64)
            steps = np.broadcast_to(
                step_sizes(program.specs[stored.source]), program.specs[stored.tensor].shape
            )
            rng = np.random.default_rng((_SEED, stored.tensor))
            moved = reals + steps.reshape(-1) * rng.uniform(-0.5, 0.5, reals.size)
            buffers[place] = Buffer(moved.astype("<f4").view(np.uint8))
    return prepare_folded(replace(model, buffers=tuple(buffers)), program.subgraph)


def loss_operators(
    program: Program,
    step: Step,
    shadow: Shadow,
    shadowed: Program,
    moved: Program | None,
) -> LossOperators:
    """Set up the float operators of one layer. Raises LookupError as `local_operator` does.

    shadowed: the shadow, prepared; moved: `moved_program`, None where it is not needed.
    """
    place = shadow.operators[step.operator]

    def own(other: Program) -> LocalOperator:
        partner = next(one for one in other.steps if one.operator == place)
        return local_operator(program, step, other, partner)

    return LossOperators(own(shadowed), None if moved is None else own(moved))


def codes_of(spec: TensorSpec) -> NDArray[Any] | None:
    """A stored constant's codes less their zero point, (*shape); None for reals."""
    if spec.data is None or not is_code(spec):
        return None
    return spec.data.astype(np.int32) - (spec.zero if spec.scale.size == 1 else 0)


def scheme_of(program: Program, hybrids: Mapping[int, Hybrid], *, coded: bool) -> Scheme:
    """How most of a model is quantized. coded: whether operators write codes."""
    if coded or not hybrids:
        return STATIC
    found = [_scheme(program, one) for one in hybrids.values()]
    return max(found, key=lambda one: (found.count(one), -found.index(one)))


def _scheme(program: Program, one: Hybrid) -> Scheme:
    dtype = program.specs[one.weights.source].dtype
    if dtype == "float16":
        return Scheme("float16", 16)
    bits = element_bits(dtype)
    return Scheme("weight_only" if one.units is None else "dynamic", bits)
