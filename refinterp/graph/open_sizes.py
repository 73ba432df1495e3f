"""Sizes that a model's inputs leave open: -1 in a tensor's `shape_signature`."""

from __future__ import annotations

from dataclasses import dataclass

from refinterp.graph.model import Model, Shape


@dataclass(frozen=True, slots=True)
class OpenInput:
    """An input of the main subgraph whose signature leaves sizes open.

    shape: the sizes in the file, which runtimes take until somebody resizes the input (TFLM always
    does). signature: the same with -1 for what is open. axes: those that are.
    """

    tensor: int
    name: str
    shape: Shape
    signature: Shape
    axes: tuple[int, ...]

    @property
    def batch_only(self) -> bool:
        """Whether only the number of samples is open: the first of several axes, stored as 1."""
        return self.axes == (0,) and len(self.shape) > 1 and self.shape[0] == 1

    def __str__(self) -> str:
        """Say in a sentence what is open and what size the file has."""
        if self.batch_only:
            return f"input {self.name!r}: its batch size is open; the file's 1 is taken"
        axes = ", ".join(map(str, self.axes))
        which = f"sizes of axes {axes} are" if len(self.axes) > 1 else f"size of axis {axes} is"
        return (
            f"input {self.name!r} is {list(self.signature)}: the {which} open; the file's "
            f"{list(self.shape)} is taken"
        )


def open_inputs(model: Model) -> tuple[OpenInput, ...]:
    """Return the inputs of the main subgraph that have open sizes, in their order."""
    if not model.subgraphs:
        return ()
    graph = model.subgraphs[0]
    found = []
    for index in graph.inputs:
        if not 0 <= index < len(graph.tensors):
            continue
        tensor = graph.tensors[index]
        signature = tensor.shape_signature
        if signature is None or len(signature) != len(tensor.shape):
            continue
        axes = tuple(axis for axis, size in enumerate(signature) if size < 0)
        if axes:
            found.append(OpenInput(index, tensor.name, tensor.shape, signature, axes))
    return tuple(found)
