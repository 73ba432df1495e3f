"""Those who run a model in a measurement: our executor, and installed runtimes in this process.

Each is timed while it invokes, and no more: data are put in before, and nothing is taken out.
A runtime has no sample axis, so it is invoked once for every sample, on the same data each time;
its kernels take no longer for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Model
from refinterp.graph.specs import tensor_specs
from refinterp.modelfile.reader import read_model
from refinterp.run.batches import batch_size
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.runtimes.names import RUNTIMES, known
from refinterp.samples.source import random_samples
from refinterp.version import __version__

SEED = 42
Data = Sequence[Sequence[NDArray[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A model opened by somebody. side_by_side: samples of one `invoke`; executor: ours only."""

    name: str
    version: str
    side_by_side: int
    invoke: Callable[[], Any]
    executor: Executor | None = None


def open_subject(
    name: str,
    model: bytes,
    *,
    batch: int = 1,
    threads: int = 1,
    plain: bool = False,
    samples: Data = (),
) -> Subject:
    """Open a model and put data in, random where there are none; raises what opening it raises."""
    parsed = read_model(model)
    if name not in RUNTIMES:
        return _ours(name, parsed, batch, plain, samples)
    (sample,) = _given(parsed, samples, 1)
    if known(name).resolver is None:
        return _tflm(name, model, sample)
    return _litert(name, model, sample, threads)


def _given(model: Model, samples: Data, count: int) -> Data:
    """So many of the samples, again from the first when they run out; random ones without any."""
    if samples:
        return [samples[i % len(samples)] for i in range(count)]
    specs = tensor_specs(model, 0, values=False)
    drawn = random_samples([specs[i] for i in model.subgraphs[0].inputs], count, SEED)
    return [drawn.get(i) for i in range(count)]


def _ours(name: str, model: Model, batch: int, plain: bool, samples: Data) -> Subject:
    program = prepare(model, flavour=name, plain=plain)
    executor = Executor(program, samples=batch_size(program, batch))
    for place, sample in enumerate(_given(model, samples, executor.samples)):
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[place] = values
    return Subject(name, __version__, executor.samples, executor.invoke, executor)


def _litert(name: str, model: bytes, sample: Sequence[NDArray[Any]], threads: int) -> Subject:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from refinterp.runtimes.litert import LiteRT

    resolver = known(name).resolver
    assert resolver is not None
    interpreter = Interpreter(
        model_content=model,
        num_threads=threads,
        experimental_op_resolver_type=OpResolverType[resolver],
    )
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), sample, strict=True):
        interpreter.set_tensor(detail["index"], np.asarray(values))
    return Subject(name, LiteRT(resolver).version, 1, interpreter.invoke)


def _tflm(name: str, model: bytes, sample: Sequence[NDArray[Any]]) -> Subject:
    from refinterp.runtimes.tflm import TFLM, load

    interpreter = load(model)
    for position, values in enumerate(sample):
        interpreter.set_input(values, position)
    return Subject(name, TFLM().version, 1, interpreter.invoke)
