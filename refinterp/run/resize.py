"""A model whose inputs have other sizes, as if it had been converted with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from refinterp.graph.model import Model, Shape
from refinterp.run.prepare import prepare


def resized(model: Model, shapes: Mapping[int, Shape]) -> Model:
    """Give inputs of the main subgraph new shapes, and all other tensors what follows from them.

    shapes: by tensor index; the inputs' sizes are then no longer open. Tensors whose shape is known
    only during a run keep the file's. Returns the model itself where nothing changes. Raises what
    `prepare` does where an operator cannot take the new sizes.
    """
    graph = model.subgraphs[0]
    changed = {i: tuple(s) for i, s in shapes.items() if graph.tensors[i].shape != tuple(s)}
    if not changed:
        return model
    prepared = prepare(model, shapes=changed).graphs
    subgraphs = []
    for number, old in enumerate(model.subgraphs):
        specs = prepared[number].specs if number in prepared else None
        tensors = [
            tensor if specs is None else replace(tensor, shape=specs[index].shape)
            for index, tensor in enumerate(old.tensors)
        ]
        for index in changed if number == 0 else ():
            tensors[index] = replace(tensors[index], shape_signature=None)
        subgraphs.append(replace(old, tensors=tuple(tensors)))
    return replace(model, subgraphs=tuple(subgraphs))
