"""A model's inputs and outputs as a C++ program sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from refinterp.errors import ModelError, UnsupportedError
from refinterp.export.cpp import TYPES, quoted
from refinterp.graph.model import OPTIONAL, STORAGE, Model, Shape
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs

_MOST_ZERO = 1 << 20  # codes of 16 bits less such a zero point are whole numbers of a float32


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of the graph that TFLM runs.

    role: "Input" or "Output". index: its place among them. alias: the name that a signature gives
    it, or "". spec: its tensor.
    """

    role: str
    index: int
    alias: str
    spec: TensorSpec

    @property
    def label(self) -> str:
        """What the sources call it: Input0, Output1."""
        return f"{self.role}{self.index}"

    @property
    def shape(self) -> Shape:
        """Its sizes, as in the file."""
        return self.spec.shape

    @property
    def ctype(self) -> str:
        """The C++ type of an element."""
        return TYPES[self.spec.dtype]

    @property
    def bytes(self) -> int:
        """What its elements take."""
        return self.spec.size * STORAGE[self.spec.dtype].itemsize

    @property
    def converted(self) -> bool:
        """Whether its elements are codes that helpers turn into reals: one usable scale."""
        step = self.spec.step
        return (
            self.spec.scale.size == 1
            and math.isfinite(step)
            and step > 0
            and STORAGE[self.spec.dtype].kind in "iu"
            and STORAGE[self.spec.dtype].itemsize <= 4
            and abs(self.spec.zero) < _MOST_ZERO
        )

    @property
    def told(self) -> str:
        """Its names, type, sizes and grid in a line."""
        names = quoted(self.spec.name)
        if self.alias and self.alias != self.spec.name:
            names = f"{quoted(self.alias)} (tensor {names})"
        grid = ""
        if self.spec.scale.size > 1:
            grid = f", {self.spec.scale.size} scales along axis {self.spec.quantized_dimension}"
        elif self.spec.quantized:
            grid = f", scale {self.spec.step:.9g}, zero point {self.spec.zero}"
        return f"{names}: {self.spec.dtype} {list(self.shape)}{grid}"


def ports(model: Model, role: str) -> tuple[Port, ...]:
    """Return the model's inputs or outputs. role: "Input" or "Output".

    Raises ModelError for one that is no tensor, UnsupportedError for a type that has no C++ type,
    or more elements than a C++ array holds.
    """
    graph = model.subgraphs[0]
    specs = tensor_specs(model, 0, values=False)
    wanted = graph.inputs if role == "Input" else graph.outputs
    aliases = _aliases(model, role)
    found = []
    for index, tensor in enumerate(wanted):
        if tensor == OPTIONAL:
            raise ModelError(
                f"{role.lower()} {index} is no tensor (-1), so there is nothing to export"
            )
        port = Port(role, index, aliases.get(tensor, ""), specs[tensor])
        if port.spec.dtype not in TYPES:
            raise UnsupportedError(
                f"{role.lower()} {index} {quoted(port.spec.name)} is {port.spec.dtype}; exported "
                f"sources hold {', '.join(TYPES)}"
            )
        if port.spec.size < 1:
            raise UnsupportedError(
                f"{role.lower()} {index} {quoted(port.spec.name)} has sizes {list(port.shape)}: it "
                "holds no element, and C++ has no array of none"
            )
        found.append(port)
    return tuple(found)


def unreachable(model: Model) -> tuple[str, ...]:
    """Return the names of signatures that TFLM cannot run: it runs the first subgraph."""
    return tuple(signature.key for signature in model.signatures if signature.subgraph)


def _aliases(model: Model, role: str) -> dict[int, str]:
    """Tensor → the name that the first signature of the first subgraph gives it."""
    for signature in model.signatures:
        if signature.subgraph == 0:
            pairs = signature.inputs if role == "Input" else signature.outputs
            return {tensor: name for name, tensor in pairs}
    return {}
