"""Drawn models of one operator, and what they compute."""

from __future__ import annotations

import zlib

from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from refinterp.errors import UnsupportedError
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare

SEEDS = 3


def drawn_cases(operator, seeds=SEEDS):
    """Some of each of its types."""
    for (name, dtype), generator in sorted(load_all().items()):
        if name == operator:
            for seed in range(seeds):
                draw = RandomDraw([zlib.crc32(f"{name} {dtype}".encode()), seed])
                yield generator(draw)


def run_once(model, sample):
    """The values of a model's outputs."""
    executor = Executor(_prepared(model))
    graph = model.subgraphs[0]
    for tensor, array in zip(graph.inputs, sample, strict=True):
        executor.input(tensor)[0] = array
    executor.invoke()
    return [executor.read(tensor)[0].copy() for tensor in graph.outputs]


def _prepared(model):
    try:
        return prepare(model)
    except UnsupportedError:
        return prepare(model, flavour="tflm")


def same_bytes(first, second):
    """Whether two arrays are of one type and hold the same, in the same order."""
    return first.dtype == second.dtype and first.tobytes() == second.tobytes()


def coded(tensor):
    """Whether a tensor has codes of one scale."""
    q = tensor.quantization
    return tensor.dtype in ("int8", "uint8", "int16") and q is not None and q.scale.size == 1
