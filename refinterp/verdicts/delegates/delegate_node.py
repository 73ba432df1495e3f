"""What a delegate sees of one operator."""

from __future__ import annotations

from dataclasses import dataclass

from refinterp.graph.model import Options
from refinterp.graph.spec import TensorSpec


@dataclass(frozen=True, slots=True, eq=False)
class DelegateNode:
    """One operator as a delegate sees it; None stands for an operand left out."""

    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    options: Options

    @property
    def given(self) -> list[TensorSpec]:
        """The operands that are there."""
        return [spec for spec in self.inputs if spec is not None]

    @property
    def stride(self) -> tuple[int, int]:
        """Rows and columns that a window moves by; 1 where the operator has none."""
        return int(self.options.get("stride_h", 1)), int(self.options.get("stride_w", 1))

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of a pooling window; 1 where the operator has none."""
        return int(self.options.get("filter_height", 1)), int(self.options.get("filter_width", 1))

    def constant(self, place: int) -> bool:
        """Whether an operand is left out, or its value is in the file."""
        spec = self.inputs[place] if place < len(self.inputs) else None
        return spec is None or spec.data is not None
