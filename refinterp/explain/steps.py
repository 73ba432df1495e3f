"""How an element came about, as data: steps, taps, and the explanation that holds them."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

Number = int | float
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DerivationStep:
    """One value on the way: what it is called, how it is computed (in numbers), and what it is."""

    name: str
    formula: str
    value: Number


@dataclass(frozen=True, slots=True)
class Tap:
    """One input element that takes part.

    index: into the input, negative or too large where the window hangs over its edge (padding).
    code: the element, None in the padding; centred: code - zero point, None for floats.
    weight_index, weight, product: of a weighted sum, else None. The weight is less its zero point.
    """

    index: Index
    code: Number | None
    centred: int | None = None
    weight_index: Index | None = None
    weight: Number | None = None
    product: Number | None = None

    @property
    def padding(self) -> bool:
        """Whether the tap lies outside the input."""
        return self.code is None


@dataclass(frozen=True, slots=True)
class Approximate:
    """A float result: the exact value rounded once, and how far a sum in any order may be off."""

    value: float
    bound: float


Item = DerivationStep | Tap
Derivation = Generator[Item, None, Number | Approximate]
"""What a definition is: yields steps and taps, returns the element."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One element of an operator's first output, stored and derived.

    subgraph: its index in the model.
    operator: index in its subgraph.
    op_name: the operator's name.
    flavour: whose result it is.
    tensor: index of the output in the subgraph.
    name: the tensor's.
    dtype: its type.
    index: into the output.
    stored: what the run left there.
    derived: what the definition comes to.
    bound: the difference allowed; 0 for integers.
    steps: values on the way, in order.
    taps: input elements that take part, in order.
    """

    subgraph: int
    operator: int
    op_name: str
    flavour: str
    tensor: int
    name: str
    dtype: str
    index: Index
    stored: Number
    derived: Number
    bound: float
    steps: tuple[DerivationStep, ...]
    taps: tuple[Tap, ...]

    @property
    def agrees(self) -> bool:
        """Whether stored and derived are the same, for floats within the bound."""
        if self.stored == self.derived or (math.isnan(self.stored) and math.isnan(self.derived)):
            return True
        return abs(self.stored - self.derived) <= self.bound
