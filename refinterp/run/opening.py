"""A model together with its data: sizes that the model leaves open are settled by the data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from refinterp.graph.model import Model, Shape
from refinterp.graph.open_sizes import open_inputs
from refinterp.graph.specs import tensor_specs
from refinterp.run.resize import resized
from refinterp.samples.finite import settled
from refinterp.samples.inputs import ModelInput, model_inputs
from refinterp.samples.labels import labelled, with_labels, with_model_names
from refinterp.samples.request import DataRequest, split_name
from refinterp.samples.samples import Samples
from refinterp.samples.source import open_samples, random_samples
from refinterp.samples.table import TABLES


def with_data(model: Model, request: DataRequest) -> tuple[Model, Samples]:
    """Open the data that a request names for a model, and settle the model's open sizes by them.

    Without a path the samples are random, and sizes that nobody said are the file's. Raises
    UsageError, naming the file, for data that the model cannot take.
    """
    graph = model.subgraphs[0] if model.subgraphs else None
    if graph is None or not all(0 <= i < len(graph.tensors) for i in graph.inputs):
        return model, random_samples((), request.count, request.seed)  # `prepare` refuses it
    specs = tensor_specs(model, 0, values=False)
    inputs = model_inputs(model, specs, dict(request.shapes))
    if request.path is None:
        free = [one for one in inputs if one.is_open]
        inputs = tuple(one.sized(one.spec.shape) for one in inputs)
        samples = random_samples(inputs, request.count, request.seed)
        samples = replace(samples, notes=tuple(_open_note(one) for one in free))
    else:
        path, column, labels = _places(request)
        samples = open_samples(
            path,
            inputs,
            image_range=request.image_range,
            window_stride=request.window_stride,
            label_column=column,
            keep_non_finite=request.non_finite != "error",
        )
        if labels is not None:
            samples = with_labels(samples, labels)
        elif samples.labels is not None:
            samples = labelled(samples, samples.labels, samples.labels_origin)
            samples = with_model_names(samples, model)
        if request.non_finite != "error":
            samples = settled(samples, request.non_finite)
    shapes = {
        tensor: one.spec.shape for tensor, one in zip(graph.inputs, samples.inputs, strict=True)
    }
    new = resized(model, shapes)
    if new is not model:
        sizes = ", ".join(f"{one.names[-1]!r} {list(one.spec.shape)}" for one in samples.inputs)
        samples = replace(samples, notes=(*samples.notes, f"the model runs at {sizes}"))
    return new, samples


def _open_note(one: ModelInput) -> str:
    return (
        f"input {one.names[-1]!r} {one.allowed} leaves sizes open; the file's "
        f"{list(one.spec.shape)} are taken (--shape {one.names[-1]}=1,… says others)"
    )


def at_shapes(model: Model, shapes: Mapping[str | None, Shape]) -> Model:
    """The model at sizes that were asked for, by input name; UsageError where none is meant."""
    if not shapes:
        return model
    inputs = model_inputs(model, tensor_specs(model, 0, values=False), shapes)
    places = zip(model.subgraphs[0].inputs, inputs, strict=True)
    return resized(model, {tensor: one.spec.shape for tensor, one in places})


def twin_of(twin: Model, model: Model) -> Model:
    """Give a float twin the model's input sizes where its own are open."""
    mine, theirs = model.subgraphs[0], twin.subgraphs[0]
    if len(mine.inputs) != len(theirs.inputs):
        return twin
    names = {theirs.tensors[i].name: i for i in theirs.inputs}
    shapes = {}
    for place, tensor in enumerate(mine.inputs):
        shape = mine.tensors[tensor].shape
        other = names.get(mine.tensors[tensor].name, theirs.inputs[place])
        free = {one.tensor: one for one in open_inputs(twin)}.get(other)
        if free is not None and len(shape) == len(free.shape):
            shapes[other] = shape
    return resized(twin, shapes)


def _places(request: DataRequest) -> tuple[str, str | None, str | None]:
    """The data's path, the column of labels inside it, and the file of labels."""
    assert request.path is not None
    labels = request.labels
    if labels is None:
        return request.path, None, None
    data = split_name(request.path)[0]
    table = Path(data).suffix.lower() in TABLES
    name, inside = split_name(labels)
    if table and inside is not None and os.path.exists(name) and os.path.samefile(name, data):
        return request.path, inside, None
    if table and not os.path.exists(name):
        return request.path, labels, None
    return request.path, None, labels
