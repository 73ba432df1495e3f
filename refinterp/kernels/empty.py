"""What stands for a kernel whose results have no elements.

No kernel is asked to compute nothing: most count blocks and rows by dividing by sizes, which here
may be 0. The C kernels' loops over a result without elements do nothing either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, Steady
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.tape import Do


@dataclass(frozen=True, slots=True)
class NoElements(Steady):
    """Writes results of no elements."""

    def record(self, operands: Any, outputs: Sequence[Array], work: Workspace, do: Do) -> bool:
        """There are no calls."""
        return True


def unless_empty(
    kernel: Kernel, operands: Sequence[TensorSpec | None], results: Sequence[TensorSpec]
) -> Kernel:
    """The kernel, or what stands for it where every result has no elements.

    Not where more comes of it than its results: a state, a variable with elements, a refusal.
    """
    if any(spec.size for spec in results) or not results:
        return kernel
    if kernel.remembers or kernel.checks_data:
        return kernel
    if any(spec is not None and spec.is_variable and spec.size for spec in operands):
        return kernel
    return NoElements()
