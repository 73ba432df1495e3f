"""STABLEHLO_COMPOSITE: a call of the subgraph that says what the composite is made of.

Shapes    the subgraph's
Raises    ModelError, from prepare only: no inputs, or other numbers than the subgraph has
Source    LiteRT kernels/stablehlo_composite.cc (f67457790)
Exact to  what the subgraph's operators are exact to
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.operands import Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, ControlKernel, Machine
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs, kernel


@dataclass(frozen=True, slots=True)
class CompositeOptions:
    """Schema table StableHLOCompositeOptions."""

    decomposition_subgraph_index: int = 0


@kernel("STABLEHLO_COMPOSITE", *STORAGE, options=CompositeOptions)
@dataclass(frozen=True, slots=True)
class StablehloComposite(ControlKernel):
    """The subgraph to call."""

    subgraph: int

    @staticmethod
    def calls(
        options: CompositeOptions, operands: Variadic[TensorSpec]
    ) -> Sequence[tuple[int, Inputs]]:
        """The decomposition, on all inputs."""
        return [(options.decomposition_subgraph_index, operands)]

    @staticmethod
    def control_shapes(
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """What the decomposition gives."""
        if len(called[0]) != len(outputs):
            raise ModelError(
                f"the decomposition has {len(called[0])} outputs, the operator {len(outputs)}"
            )
        return called[0]

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: CompositeOptions,
        rule: Rules,
    ) -> StablehloComposite:
        """Keep the subgraph's index."""
        return cls(options.decomposition_subgraph_index)

    def control(self, operands: Variadic[Array], machine: Machine) -> Sequence[Array]:
        """Call it."""
        return machine.call(self.subgraph, [array for array in operands if array is not None])
