"""The ledger of the wheel's profile against the wheel itself, in its worker process."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from conformance.operators.run import seed_of
from refinterp.arena.offline import METADATA_NAME
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import STORAGE, Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Ran, Runtime, RuntimeCase, open_runtime, unavailable
from refinterp.tflm.ledger import measure
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.targets import profile
from tests.corpus import corpus
from tests.tflm.graphs import draw_graph

REASON = unavailable("runtime:tflm")
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "installed")

WHEEL = profile(tflm="wheel-20261023")
GRAPHS = 60
CASES_EACH = 2
SMALLEST = 12  # models that are run in the smallest arena, and 16 bytes below

Drawn = tuple[str, Model, Sequence[Any]]


@pytest.fixture(scope="module")
def wheel() -> Iterator[Runtime]:
    """The wheel, in its process."""
    with open_runtime("runtime:tflm") as runtime:
        yield runtime


def zeros(model: Model) -> list[Any]:
    """An input of zeros."""
    graph = model.subgraphs[0]
    tensors = [graph.tensors[i] for i in graph.inputs]
    return [np.zeros(t.shape, STORAGE[str(t.dtype)]) for t in tensors]


def ledger_or_none(model: Model) -> Ledger | None:
    """The ledger, or None for a model that is refused."""
    try:
        return measure(model, WHEEL)
    except (UnsupportedError, ModelError):
        return None


def held(wheel: Runtime, drawn: Sequence[Drawn]) -> tuple[int, list[str]]:
    """How many models ran, and which of those differ."""
    cases = (RuntimeCase(write_model(m), [s], name, allocations=True) for name, m, s in drawn)
    ran, wrong = 0, []
    for (name, model, _), outcome in zip(drawn, wheel.run_many(cases), strict=True):
        if not isinstance(outcome, Ran):
            continue
        ran += 1
        ledger = ledger_or_none(model)
        if ledger is None:
            wrong.append(f"{name}: refused, but it runs")
            continue
        ours, theirs = ledger.recording, outcome.allocations
        printed = [
            (c.category, c.requested_bytes, c.used_bytes, c.count)
            for c in ours.allocations
            if c.requested_bytes or c.used_bytes
        ]
        same = (
            (ours.total_bytes, ours.head_bytes, ours.tail_bytes)
            == (theirs.total_bytes, theirs.head_bytes, theirs.tail_bytes)
        ) and printed == [
            (c.category, c.requested_bytes, c.used_bytes, c.count) for c in theirs.categories
        ]
        if not same:
            wrong.append(name)
    return ran, wrong


def test_random_graphs_print_what_we_say(wheel):
    """Branches, scratch, int4 weights, subgraphs, variables, offline plans: every category."""
    models = [(str(seed), draw_graph(seed)) for seed in range(GRAPHS)]
    ran, wrong = held(wheel, [(name, model, zeros(model)) for name, model in models])
    assert not wrong
    assert ran == GRAPHS


def test_every_operator_prints_what_we_say(wheel):
    """Models of one operator, of all generators: those that run agree, none is refused by us."""
    drawn = []
    for (operator, dtype), generate in sorted(load_all().items()):
        for index in range(CASES_EACH):
            case = generate(RandomDraw(seed_of(31, operator, dtype, index)))
            drawn.append((f"{operator}/{dtype}/{index}", case.model, case.samples[0]))
    ran, wrong = held(wheel, drawn)
    assert not wrong
    assert ran > len(drawn) // 4


def test_the_corpus_prints_what_we_say(wheel):
    """Whole models, one-operator models and random graphs that were measured elsewhere too."""
    folder = corpus()
    paths = [p for name in ("models", "oneop", "random") for p in (folder / name).glob("*.tflite")]
    models = [(path.name, read_model(path)) for path in sorted(paths)]
    ran, wrong = held(wheel, [(name, model, zeros(model)) for name, model in models])
    assert not wrong
    assert ran > 290


def run_in(data: bytes, samples: Sequence[Any], size: int) -> None:
    """Run a model in an arena of this size; ends the process when it does not work, in silence."""
    faulthandler.disable()  # pytest's would print a dump of a death that is expected
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    from tflite_micro.python.tflite_micro.runtime import Interpreter, InterpreterConfig

    config = InterpreterConfig.kAllocationRecording
    interpreter = Interpreter.from_bytes(data, arena_size=size, intrepreter_config=config)
    for position, value in enumerate(samples):
        interpreter.set_input(value, position)
    interpreter.invoke()


def works(data: bytes, samples: Sequence[Any], size: int) -> bool:
    """Whether the wheel runs the model in an arena of this size; it may die on small ones."""
    process = multiprocessing.get_context("fork").Process(target=run_in, args=(data, samples, size))
    process.start()
    process.join(60)
    return process.exitcode == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(1000, 1000 + SMALLEST))
def test_the_smallest_arena_runs_and_16_bytes_less_do_not(seed, capfd):
    """The wheel runs at recording.minimum_arena_bytes and fails 16 below."""
    model = draw_graph(seed)
    data, samples = write_model(model), zeros(model)
    least = measure(model, WHEEL).recording.minimum_arena_bytes
    assert works(data, samples, least)
    assert not works(data, samples, least - 16)


def test_bundled_models_run_in_their_smallest_arena(capfd):
    """The same on trained models, whose peaks lie elsewhere."""
    folder = Path(measure.__code__.co_filename).parents[1] / "data"
    for name in ("digits_int8", "shapes_int8", "digits_float"):
        model = read_model(folder / f"{name}.tflite")
        data = write_model(model)
        least = measure(model, WHEEL).recording.minimum_arena_bytes
        assert works(data, zeros(model), least)
        assert not works(data, zeros(model), least - 16)


def stateful_branch(offsets: Sequence[int]) -> Model:
    """Run x through IF to y; tensor 1 of the branch, an SVDF, is a variable, the model's is y."""
    g = GraphBuilder()
    codes = {"scale": 0.05, "zero_point": 0}
    x, y = g.input("x", (1, 4), "int8", **codes), g.tensor("y", (1, 4), "int8", **codes)
    yes = g.constant("yes", np.array([True]))
    branch = g.subgraph()
    a = branch.input("a", (1, 4), "int8", **codes)
    state = branch.variable("state", (1, 40), "int16", scale=0.001, zero_point=0)
    feature = branch.constant("feature", np.ones((8, 4), np.int8), scale=0.01, zero_point=0)
    time = branch.constant("time", np.ones((8, 5), np.int16), scale=0.01, zero_point=0)
    bias = branch.constant("bias", np.zeros(4, np.int32), scale=1e-5, zero_point=0)
    b = branch.tensor("b", (1, 4), "int8", **codes)
    options = {"rank": 2, "fused_activation_function": "RELU"}
    branch.operator("SVDF", [a, feature, time, bias, state], [b], options)
    branch.output(b)
    g.operator("IF", [yes, x], [y], {"then_subgraph_index": 1, "else_subgraph_index": 1})
    g.metadata(METADATA_NAME, np.array([1, 0, len(offsets), *offsets], "<i4").tobytes())
    return g.build(outputs=[y])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("of_y", "of_state", "runs"), [(-1, -1, True), (0, -1, False), (16, 96, True), (-1, 96, True)]
)
def test_a_variable_that_takes_anothers_offset_for_its_own(of_y, of_state, runs, capfd):
    """TFLM leaves it without bytes and dies, so it is refused by name; with its own it runs."""
    model = stateful_branch([-1, of_y, -1, -1, of_state, *[-1] * 4])
    data, samples = write_model(model), zeros(model)
    assert works(data, samples, 100_000) == runs
    if runs:
        least = measure(model, WHEEL).recording.minimum_arena_bytes
        assert works(data, samples, least)
        assert not works(data, samples, least - 16)
        return
    for where in (WHEEL, profile(), profile("generic-32"), profile("x86-64")):
        with pytest.raises(UnsupportedError, match=r"subgraphs\[1\].tensors\[1\] \('state'\)"):
            measure(model, where)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("dtype", "index"), [("int8", 8), ("uint8", 2), ("uint8", 7)])
def test_a_decoder_of_tables_does_not_look_at_zero_points(dtype, index, capfd):
    """Its state may lie on the zero points of an output with many: 16 bytes less are enough."""
    case = load_all()["TFLM_DECODE", dtype](RandomDraw(seed_of(77, "TFLM_DECODE", dtype, index)))
    data, least = write_model(case.model), measure(case.model, WHEEL).recording.minimum_arena_bytes
    assert works(data, case.samples[0], least)
    assert not works(data, case.samples[0], least - 16)
