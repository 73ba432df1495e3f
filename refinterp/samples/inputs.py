"""What data must know of a model's inputs: shape, open sizes, names, and the reals they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from refinterp.errors import UsageError
from refinterp.graph.model import STORAGE, Model, Shape, code_limits
from refinterp.graph.open_sizes import open_inputs
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec

Pattern = tuple[int | None, ...]

_SERVING: Final = "serving_default_"


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of a model.

    pattern: its shape, None for each size that is open. grid: the tensor whose scale and zero point
    say which reals the input takes: itself, or what the one QUANTIZE that reads it writes; None
    where nothing says it. names: what an array for it may be called, the tensor's name first.
    """

    spec: TensorSpec
    pattern: Pattern
    grid: TensorSpec | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, spec: TensorSpec) -> ModelInput:
        """An input known by its spec alone: no size is open."""
        names = dict.fromkeys((spec.name, _short(spec.name)))
        return cls(spec, spec.shape, spec if spec.quantized else None, tuple(names))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of its elements; raises UsageError where there is none."""
        if self.spec.dtype not in STORAGE:
            raise UsageError(f"input {self.spec.name!r} is {self.spec.dtype}: no file can give it")
        return STORAGE[self.spec.dtype]

    @property
    def is_open(self) -> bool:
        """Whether a size is open."""
        return None in self.pattern

    def sized(self, shape: Shape) -> ModelInput:
        """The input with all its sizes settled."""
        return replace(self, spec=replace(self.spec, shape=tuple(shape)), pattern=tuple(shape))

    @property
    def allowed(self) -> str:
        """Its shape for a message, ? for what is open."""
        return "[" + ", ".join("?" if n is None else str(n) for n in self.pattern) + "]"

    @property
    def reals(self) -> tuple[float, float] | None:
        """The smallest and the largest real its codes stand for, None where nothing says it."""
        grid = self.grid
        if grid is None or grid.scale.size != 1 or STORAGE[grid.dtype].kind not in "iu":
            return None
        lowest, highest = code_limits(grid.dtype)
        return (lowest - grid.zero) * grid.step, (highest - grid.zero) * grid.step


def model_inputs(
    model: Model, specs: Sequence[TensorSpec], shapes: Mapping[str | None, Shape] | None = None
) -> tuple[ModelInput, ...]:
    """Describe the inputs of the main subgraph; specs: of its tensors, by index.

    shapes: sizes that were asked for, by any of an input's names (None: the only input). Raises
    UsageError for a name that no input has, and for a shape of another rank.
    """
    if not model.subgraphs:
        return ()
    graph = model.subgraphs[0]
    axes = {}
    for one in open_inputs(model):
        counts = len(one.shape) > 1 and one.shape[0] == 1  # samples are counted by themselves
        axes[one.tensor] = tuple(axis for axis in one.axes if axis or not counts)
    inputs = []
    for index in graph.inputs:
        spec = replace(specs[index], data=None)
        pattern = tuple(
            None if i in axes.get(index, ()) else size for i, size in enumerate(spec.shape)
        )
        inputs.append(ModelInput(spec, pattern, _grid(model, specs, index), _names(model, index)))
    return _asked(inputs, shapes or {})


def _asked(inputs: list[ModelInput], shapes: Mapping[str | None, Shape]) -> tuple[ModelInput, ...]:
    """Settle the sizes that were asked for."""
    for name, shape in shapes.items():
        places = [i for i, one in enumerate(inputs) if name is None or name in one.names]
        known = ", ".join(repr(one.names[-1]) for one in inputs)
        if len(places) != 1:
            wrong = f"{name!r} is no input." if name is not None else "which input?"
            raise UsageError(f"--shape: {wrong} The model has {known}; write NAME=1,24,24,3")
        one = inputs[places[0]]
        if len(shape) != len(one.pattern):
            raise UsageError(
                f"--shape {list(shape)}: input {one.spec.name!r} has {len(one.pattern)} axes, "
                f"{one.allowed}"
            )
        inputs[places[0]] = one.sized(shape)
    return tuple(inputs)


def _grid(model: Model, specs: Sequence[TensorSpec], index: int) -> TensorSpec | None:
    if specs[index].quantized:
        return specs[index]
    readers = [op for op in model.subgraphs[0].operators if index in op.inputs]
    if len(readers) == 1 and facts(readers[0].name).makes_codes and readers[0].outputs:
        made = readers[0].outputs[0]
        if 0 <= made < len(specs) and specs[made].quantized:
            return specs[made]
    return None


def _names(model: Model, index: int) -> tuple[str, ...]:
    tensor = model.subgraphs[0].tensors[index].name
    signatures = [
        name
        for signature in model.signatures
        if signature.subgraph == 0
        for name, at in signature.inputs
        if at == index
    ]
    names = dict.fromkeys(name for name in (tensor, _short(tensor), *signatures) if name)
    return tuple(names) or (f"input {model.subgraphs[0].inputs.index(index)}",)


def _short(name: str) -> str:
    return name.split(":")[0].removeprefix(_SERVING)
