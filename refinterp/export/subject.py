"""All that an export is made from: plain facts, gathered once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from refinterp.export.golden import Golden
from refinterp.export.port import Port
from refinterp.graph.model import Model
from refinterp.graph.operators import facts
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.resolver import adder


@dataclass(frozen=True, slots=True)
class Exported:
    """A model on its way into a project.

    name: what all files and the namespace are called, ends in `_model`.
    model: as it was read.
    content: the .tflite file's bytes.
    title: the file's name.
    ledger: what its arena holds.
    inputs, outputs: in the order of the file.
    golden: data, and what the model makes of them.
    unreachable: signatures that TFLM cannot run, by key.
    """

    name: str
    model: Model
    content: bytes
    title: str
    ledger: Ledger
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    golden: Golden
    unreachable: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def adders(self) -> tuple[str, ...]:
        """The resolver's methods for them."""
        return tuple(map(adder, self.model.operator_names))

    @property
    def variables(self) -> int:
        """How many resource variables the operators name."""
        names = {
            (op.options.get("container"), op.options.get("shared_name"))
            for graph in self.model.subgraphs
            for op in graph.operators
            if facts(op.name).names_resource
        }
        return len(names)
