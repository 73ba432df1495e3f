"""Where an oracle is wrong: what it does, and what our results are held against instead.

    python -m conformance.known_differences        writes docs/known-differences.md

Each row is a claim that is tried out: models drawn for it, run by the runtime named, show the
defect, and our results on the same models are equal to those of a second oracle: another runtime,
the same runtime on a model that means the same, or a definition in `conformance.definitions`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conformance import definitions
from conformance.case import Case
from conformance.cases import load_all
from conformance.cases.arithmetic import draw_shapes, power_of_two_marks
from conformance.cases.movement import single
from conformance.compare import compare, run_ours
from conformance.draw import ACTIVATIONS, Draw, RandomDraw, chance, choice, codes, inputs, scale
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Model, Operator, Tensor
from refinterp.kernels.registry import find
from refinterp.modelfile.writer import write_model
from refinterp.numerics.flavours import DEFAULT_FLAVOUR
from refinterp.run.prepare import tensor_specs
from refinterp.runtimes import Runtime, open_runtime
from refinterp.runtimes.outcome import Case as RuntimeCase
from refinterp.runtimes.outcome import Died, Outcome, Ran

PAGE = Path(__file__).resolve().parent.parent / "docs" / "known-differences.md"
LITERT, OPTIMIZED, TFLM = "runtime:litert-reference", "runtime:litert-optimized", "runtime:tflm"

Definition = Callable[[Case], list[list[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class KnownDifference:
    """One defect of one oracle.

    models: of which models of the operator and type it is true. defect: what the oracle does.
    draw: such a model. second: the runtime that our results are held against, or "" where it is
    `definition`. twin: the model the second oracle runs, where it is another that means the same;
    meaning: in words. flavour: whose arithmetic is held against it. whole: the operator's usual
    models are all of this kind, so that the matrix holds the whole cell against the second oracle.
    dies: the runtime's process ends. concerns: whether a model of the operator and type is of this
    kind; all are if the row is whole.
    """

    operator: str
    dtype: str
    oracle: str
    models: str
    defect: str
    draw: Callable[[Draw], Case]
    second: str = ""
    flavour: str = DEFAULT_FLAVOUR
    twin: Callable[[Case], Case] | None = None
    meaning: str = ""
    definition: Definition | None = None
    whole: bool = False
    dies: bool = False
    concerns: Callable[[Case], bool] | None = None

    @property
    def against(self) -> str:
        """The second oracle, in words."""
        if self.definition is not None:
            return f"`definitions.{self.definition.__name__}`"
        return f"{short(self.second)}{', ' + self.meaning if self.meaning else ''}"

    def request(self, case: Case) -> RuntimeCase:
        """What to ask of the second oracle, if it is a runtime."""
        asked = self.twin(case) if self.twin else case
        return RuntimeCase(write_model(asked.model), asked.samples)

    def expected(self, case: Case, outcome: Ran) -> Ran:
        """Name the second oracle's outputs after those of the case: the models may differ."""
        return replace(outcome, outputs_at=case.model.subgraphs[0].outputs, tensors=[])

    def defined(self, case: Case) -> Ran:
        """What the definition makes of a case."""
        assert self.definition is not None
        graph = case.model.subgraphs[0]
        return Ran(self.definition(case), [], {}, graph.inputs, graph.outputs)


@dataclass(slots=True)
class Evidence:
    """What trying a row came to. wrong, died: cases on which the oracle differs from us, or died.

    held: cases run by the second oracle; elements, differing: of our outputs against it.
    """

    cases: int = 0
    wrong: int = 0
    died: int = 0
    held: int = 0
    elements: int = 0
    differing: int = 0


def try_out(row: KnownDifference, runtimes: Runtimes, count: int, seed: int = 2026) -> Evidence:
    """Draw cases of a row, run them by its oracle and by the second one, and compare."""
    evidence = Evidence()
    for index in range(count):
        case = row.draw(RandomDraw((seed, index)))
        mine = run_ours(case.model, case.samples, flavour=row.flavour)
        first = runtimes[row.oracle].run(write_model(case.model), case.samples)
        evidence.cases += 1
        evidence.died += isinstance(first, Died)
        evidence.wrong += isinstance(first, Ran) and compare(case, mine, first).differing > 0
        second: Outcome = (
            row.defined(case)
            if row.definition
            else runtimes[row.second].run(row.request(case).model, row.request(case).samples)
        )
        if isinstance(second, Ran):
            result = compare(case, mine, row.expected(case, second))
            evidence.held += 1
            evidence.elements += result.elements + result.float_elements
            evidence.differing += result.differing
    return evidence


class Runtimes:
    """Installed runtimes by name, each started when it is first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[str, Runtime] = {}

    def __enter__(self) -> Runtimes:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Runtime:
        if name not in self._open:
            self._open[name] = self._stack.enter_context(open_runtime(name))
        return self._open[name]


def short(runtime: str) -> str:
    """A runtime's name as the pages have it."""
    return runtime.removeprefix("runtime:")


@cache
def whole_cells() -> Mapping[tuple[str, str, str], KnownDifference]:
    """(operator, dtype key, oracle) → the row that says why another oracle is asked."""
    return MappingProxyType({(r.operator, r.dtype, r.oracle): r for r in ROWS if r.whole})


def row_of(model: Model, oracle: str) -> KnownDifference | None:
    """The row that a one-operator model falls under, if there is one."""
    graph = model.subgraphs[0]
    if len(model.subgraphs) > 1 or len(graph.operators) != 1:
        return None
    (operator,) = graph.operators
    specs = tensor_specs(model, 0, values=False)
    entry = find(operator.name, [specs[i] if i >= 0 else None for i in operator.inputs])
    if entry is None:
        return None
    cell = (entry.operator, entry.dtype, oracle)
    for row in ROWS:
        known = row.whole or (row.concerns is not None and row.concerns(Case(model, [])))
        if (row.operator, row.dtype, row.oracle) == cell and known:
            return row
    return None


# Models --------------------------------------------------------------------------------------


def usual(operator: str, dtype: str, wanted: Callable[[Case], bool] | None = None) -> Any:
    """Models of the operator's generator, drawn until one is as wanted."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, dtype](d)
            if wanted is None or wanted(case):
                return case
        raise ValueError(f"{operator} {dtype}: no model as wanted in 1000")

    return draw


def _operator(case: Case) -> Operator:
    return case.model.subgraphs[0].operators[0]


def _tensor(case: Case, position: int) -> Tensor | None:
    at = _operator(case).inputs[position : position + 1]
    return case.model.subgraphs[0].tensors[at[0]] if at and at[0] >= 0 else None


def _changed(case: Case, operator: Operator, tensors: Sequence[Tensor] | None = None) -> Case:
    graph = case.model.subgraphs[0]
    changed = replace(graph, operators=(operator,), tensors=tuple(tensors or graph.tensors))
    return replace(case, model=replace(case.model, subgraphs=(changed,)))


def with_options(case: Case, **options: Any) -> Case:
    """The same model with other options."""
    operator = _operator(case)
    return _changed(case, replace(operator, options={**operator.options, **options}))


def _narrow_bias(case: Case, position: int) -> bool:
    bias = _tensor(case, position)
    return bias is not None and bias.dtype == "int32" and bias.buffer > 0


def _has_blocks(case: Case) -> bool:
    weights = _tensor(case, 1)
    details = weights.quantization.details if weights and weights.quantization else None
    return details is not None


def _short_bias(d: Draw) -> Case:
    """DEPTHWISE_CONV_2D of int16 data with an int32 bias."""

    def small(case: Case) -> bool:
        bias = _tensor(case, 2)
        value = None if bias is None else constant(case.model, bias)
        return value is not None and bool(np.all(np.abs(value) < 2**31))

    case: Case = usual("DEPTHWISE_CONV_2D", "int16x8", small)(d)
    return _retyped(case, _operator(case).inputs[2], "int32")


def _long_bias(case: Case) -> Case:
    """The same model with an int64 bias, its last operand."""
    long = _retyped(case, _operator(case).inputs[-1], "int64")
    named = "quantized_bias_type" in _operator(case).options
    return with_options(long, quantized_bias_type="int64") if named else long


def _unnamed_bias(operator: str, position: int) -> Any:
    """Models with an int32 bias and without the option that says so."""
    draw = usual(operator, "int16x8", lambda case: _narrow_bias(case, position))
    return lambda d: with_options(draw(d), quantized_bias_type="float32")


def _unnamed(position: int) -> Callable[[Case], bool]:
    """Whether a model has such a bias."""

    def concerns(case: Case) -> bool:
        named = _operator(case).options.get("quantized_bias_type") == "int32"
        return _narrow_bias(case, position) and not named

    return concerns


def _named_bias(case: Case) -> Case:
    return with_options(case, quantized_bias_type="int32")


def _without_bias(d: Draw) -> Case:
    """FULLY_CONNECTED from uint8 to int16."""
    depth, units, rows = d.integer(1, 20), d.integer(1, 8), d.integer(1, 4)
    g = GraphBuilder()
    x = g.input("x", (rows, depth), "uint8", scale=scale(d), zero_point=d.integer(0, 255))
    w = g.constant("w", codes(d, (units, depth), "uint8"), scale=scale(d), zero_point=128)
    y = g.tensor("y", (rows, units), "int16", scale=scale(d), zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return Case(g.build(outputs=[y]), [[inputs(d, (rows, depth), "uint8")]])


def _zero_bias(case: Case) -> Case:
    """The same model with a bias of zeros."""
    model, operator = case.model, _operator(case)
    graph = model.subgraphs[0]
    units = graph.tensors[operator.inputs[1]].shape[0]
    zeros = np.zeros(4 * units, np.uint8)
    bias = Tensor("b", (units,), "int32", len(model.buffers))
    changed = _changed(
        case, replace(operator, inputs=(*operator.inputs[:2], len(graph.tensors))),
        (*graph.tensors, bias),
    )  # fmt: skip
    return replace(changed, model=replace(changed.model, buffers=(*model.buffers, Buffer(zeros))))


def _padded(case: Case) -> bool:
    """Whether a SPACE_TO_BATCH_ND adds anything."""
    graph = case.model.subgraphs[0]
    before, after = (graph.tensors[i[0]].shape for i in (_operator(case).inputs, graph.outputs))
    return bool(np.prod(after) > np.prod(before))


def _six_axes(dtype: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        whole = [d.integer(1, 3) for _ in range(6)]
        sizes = [d.integer(1, size) for size in whole]
        begin = [d.integer(0, a - b) for a, b in zip(whole, sizes, strict=True)]
        rest = [("begin", np.array(begin, np.int32)), ("size", np.array(sizes, np.int32))]
        return single(d, "SLICE", dtype, tuple(whole), [sizes], rest)

    return draw


def _shifted_sum(d: Draw) -> Case:
    """ADD of int16 codes at powers of two, where one operand repeats."""
    while True:
        first, second, whole = draw_shapes(d)
        if first != second:
            break
    marks = power_of_two_marks(d)
    g = GraphBuilder()
    a = g.input("a", first, "int16", **marks[0])
    b = g.input("b", second, "int16", **marks[1])
    y = g.tensor("y", whole, "int16", **marks[2])
    activation = choice(d, ACTIVATIONS)
    g.operator("ADD", [a, b], [y], {"pot_scale_int16": True,
                                    "fused_activation_function": activation})  # fmt: skip
    samples = [[inputs(d, first, "int16"), inputs(d, second, "int16")] for _ in range(2)]
    return Case(g.build(outputs=[y]), samples)


def _scaled_up(d: Draw) -> Case:
    """SUB of int8 codes whose output steps are far finer than the inputs'."""
    dims = tuple(d.integer(1, 6) for _ in range(d.integer(1, 3)))
    steps = [scale(d, 2.0**-6, 1.0) for _ in range(2)]
    fine = 2 * max(steps) / 2**20 / scale(d, 1.5, 200.0)
    g = GraphBuilder()
    a, b = (
        g.input(name, dims, "int8", scale=step, zero_point=d.integer(-128, 127))
        for name, step in zip("ab", steps, strict=True)
    )
    y = g.tensor("y", dims, "int8", scale=fine, zero_point=d.integer(-128, 127))
    g.operator("SUB", [a, b], [y])
    return Case(g.build(outputs=[y]), [[codes(d, dims), codes(d, dims)] for _ in range(2)])


def _finer_than_its_inputs(case: Case) -> bool:
    graph = case.model.subgraphs[0]
    operator = graph.operators[0]
    marks = [graph.tensors[i].quantization for i in (*operator.inputs, *operator.outputs)]
    steps = [float(q.scale[0]) for q in marks if q is not None and q.scale.size]
    return len(steps) == 3 and 2 * max(steps[:2]) >= 2**20 * steps[2]


def _repeated(case: Case) -> Case:
    """The same sum of operands that have been repeated beforehand."""
    graph = case.model.subgraphs[0]
    whole = graph.tensors[graph.outputs[0]].shape
    tensors = [replace(tensor, shape=whole) for tensor in graph.tensors]
    samples = [[np.broadcast_to(a, whole).copy() for a in sample] for sample in case.samples]
    return replace(_changed(case, _operator(case), tensors), samples=samples)


def _bare_starts(d: Draw) -> Case:
    """STABLEHLO_GATHER of starts that are plain numbers, one per box."""
    x_shape = tuple(d.integer(2, 5) for _ in range(d.integer(1, 3)))
    axis = d.integer(0, len(x_shape) - 1)
    lead = tuple(d.integer(1, 4) for _ in range(d.integer(1, 2)))
    box = [1 if a == axis else n for a, n in enumerate(x_shape)]
    kept = [n for a, n in enumerate(box) if a != axis]
    g = GraphBuilder()
    x = g.input("x", x_shape, "int32")
    start = g.input("start", lead, "int32")
    y = g.tensor("y", (*lead, *kept), "int32")
    g.operator("STABLEHLO_GATHER", [x, start], [y], {
        "offset_dims": [len(lead) + i for i in range(len(kept))],
        "collapsed_slice_dims": [axis], "start_index_map": [axis],
        "index_vector_dim": len(lead), "slice_sizes": box,
    })  # fmt: skip
    data = codes(d, x_shape, "int32")
    starts = d.rng.integers(0, x_shape[axis], lead).astype(np.int32)
    return Case(g.build(outputs=[y]), [[data, starts]])


def _wrapped_starts(case: Case) -> Case:
    """The same boxes by starts with an axis of one coordinate."""
    graph = case.model.subgraphs[0]
    tensors = list(graph.tensors)
    at = _operator(case).inputs[1]
    tensors[at] = replace(tensors[at], shape=(*tensors[at].shape, 1))
    samples = [[x, start[..., None]] for x, start in case.samples]
    return replace(_changed(case, _operator(case), tensors), samples=samples)


def _odd_slices(d: Draw) -> Case:
    """GATHER of int4 slices of an odd number of elements."""
    x_shape = (d.integer(2, 5), choice(d, [1, 3, 5]))
    g = GraphBuilder()
    x = g.constant("x", codes(d, x_shape, "int4"), "int4", scale=0.5)
    index = g.input("index", (4,), "int32")
    y = g.tensor("y", (4, x_shape[1]), "int4", scale=0.5)
    g.operator("GATHER", [x, index], [y])
    samples = [[d.rng.integers(0, x_shape[0], 4).astype(np.int32)] for _ in range(3)]
    return Case(g.build(outputs=[y]), samples)


def _as_bytes(case: Case) -> Case:
    """The same model of int8."""
    graph = case.model.subgraphs[0]
    for index, tensor in enumerate(graph.tensors):
        if tensor.dtype == "int4":
            case = _retyped(case, index, "int8")
    return case


def _retyped(case: Case, index: int, dtype: str) -> Case:
    """The same model with one tensor of another type, its constant converted."""
    model = case.model
    tensors = list(model.subgraphs[0].tensors)
    value = constant(model, tensors[index])
    tensors[index] = replace(tensors[index], dtype=dtype)
    if value is not None:
        data = np.frombuffer(value.astype(dtype).tobytes(), np.uint8)
        tensors[index] = replace(tensors[index], buffer=len(model.buffers))
        model = replace(model, buffers=(*model.buffers, Buffer(data)))
    return _changed(replace(case, model=model), _operator(case), tensors)


def _large_rows(dtype: str) -> Callable[[Draw], Case]:
    """SOFTMAX of rows of so many like values that the exponentials add up to 512 and more."""

    def draw(d: Draw) -> Case:
        depth = d.integer(600, 900)
        shape = (d.integer(1, 2), depth)
        low = -128 if dtype == "int8" else 0
        g = GraphBuilder()
        x = g.input("x", shape, dtype, scale=scale(d, 2.0**-9, 2.0**-7), zero_point=low)
        y = g.tensor("y", shape, dtype, scale=1 / 256, zero_point=low)
        g.operator("SOFTMAX", [x], [y], {"beta": 1.0})
        data = d.rng.integers(low + 100, low + 106, shape).astype(dtype)
        return Case(g.build(outputs=[y]), [[data]])

    return draw


def _plain_cell(case: Case) -> bool:
    """Whether an LSTM has all four gates, and none of what TFLM refuses."""
    given = [i >= 0 for i in _operator(case).inputs]
    rare = (9, 10, 11, 16, 17, 20, 21, 22, 23)
    return all(given[:9]) and not any(given[i] for i in rare if i < len(given))


def _wide_scales(operator: str) -> Callable[[Draw], Case]:
    """Comparisons of int8 codes that stand for wide steps."""

    def draw(d: Draw) -> Case:
        shape = tuple(d.integer(1, 5) for _ in range(2))
        g = GraphBuilder()
        a = g.input("a", shape, "int8", scale=scale(d, 1.25, 3.9), zero_point=d.integer(-9, 9))
        b = g.input("b", shape, "int8", scale=scale(d, 0.25, 0.9), zero_point=d.integer(-9, 9))
        y = g.tensor("y", shape, "bool")
        g.operator(operator, [a, b], [y])
        return Case(g.build(outputs=[y]), [[codes(d, shape), codes(d, shape)] for _ in range(2)])

    return draw


def _plain_int16(operator: str) -> Callable[[Draw], Case]:
    """Comparisons of int16 numbers."""

    def draw(d: Draw) -> Case:
        shape = tuple(d.integer(1, 5) for _ in range(2))
        g = GraphBuilder()
        a, b = (g.input(name, shape, "int16") for name in "ab")
        y = g.tensor("y", shape, "bool")
        g.operator(operator, [a, b], [y])
        data = [[d.rng.integers(-300, 300, shape, np.int16) for _ in "ab"] for _ in range(2)]
        return Case(g.build(outputs=[y]), data)

    return draw


def _enlarged(dtype: str) -> Callable[[Draw], Case]:
    """RESIZE_BILINEAR to more columns than positions in 1/1024 can tell apart."""

    def draw(d: Draw) -> Case:
        height, width, columns = d.integer(1, 2), d.integer(2, 5), d.integer(2500, 4000)
        options = {"half_pixel_centers": chance(d, 30)}
        if (columns - 1) * ((width * 1024 + columns // 2) // columns) <= 1024 * width:
            return draw(d)  # the positions stay inside
        g = GraphBuilder()
        x = g.input("x", (1, height, width, 1), dtype, scale=0.5, zero_point=0)
        size = g.constant("size", np.array([height, columns], np.int32))
        y = g.tensor("y", (1, height, columns, 1), dtype, scale=0.5, zero_point=0)
        g.operator("RESIZE_BILINEAR", [x, size], [y], options)
        return Case(g.build(outputs=[y]), [[codes(d, (1, height, width, 1), dtype)]])

    return draw


_READS_WIDE = (
    "takes the type of the bias from the option alone, and without it reads an int32 bias as "
    "int64: two values as one, and then past the end"
)

ROWS: tuple[KnownDifference, ...] = (
    KnownDifference(
        "SUM", "int8", LITERT, "all",
        "adds the codes up as uint8 ones, and clips and stores the result as uint8",
        usual("SUM", "int8"), TFLM, whole=True,
    ),
    KnownDifference(
        "SUM", "int16", LITERT, "all",
        "adds bytes instead of int16 codes, and writes the first half of its output only",
        usual("SUM", "int16"), TFLM, whole=True,
    ),
    KnownDifference(
        "CONV_2D", "int16x8", LITERT, "an int32 bias, `quantized_bias_type` at its default",
        _READS_WIDE, _unnamed_bias("CONV_2D", 2), TFLM, concerns=_unnamed(2),
    ),
    KnownDifference(
        "FULLY_CONNECTED", "int16x8", LITERT,
        "an int32 bias, `quantized_bias_type` at its default",
        _READS_WIDE, _unnamed_bias("FULLY_CONNECTED", 2), LITERT,
        twin=_named_bias, meaning="the option set to INT32", concerns=_unnamed(2),
    ),
    KnownDifference(
        "TRANSPOSE_CONV", "int16x8", LITERT,
        "an int32 bias, `quantized_bias_type` at its default",
        _READS_WIDE, _unnamed_bias("TRANSPOSE_CONV", 3), LITERT,
        twin=_named_bias, meaning="the option set to INT32", concerns=_unnamed(3),
    ),
    KnownDifference(
        "FULLY_CONNECTED", "uint8", LITERT, "an int16 output and no bias",
        "reads the bias that is not there (SIGSEGV)", _without_bias, LITERT,
        twin=_zero_bias, meaning="a bias of zeros added", dies=True,
    ),
    KnownDifference(
        "SVDF", "int8", LITERT, "a state of int8 (keyword_scrambled_8bit is one)",
        "takes the state for int16: reads and writes beyond it, and corrupts its heap",
        usual("SVDF", "int8"), TFLM, "tflm", whole=True,
    ),
    KnownDifference(
        "ADD", "int16", LITERT, "scales that are powers of two (`pot_scale_int16`) and operands of "
        "unlike shape", "aborts: the shifting kernel asserts that the shapes are equal",
        _shifted_sum, LITERT, twin=_repeated, meaning="the operand repeated beforehand",
        dies=True,
    ),
    KnownDifference(
        "SUB", "int8", LITERT, "an output scale at or below twice the larger input scale / 2**20",
        "shifts by a negative number of bits: the result depends on how a compiler vectorized it",
        _scaled_up, definition=definitions.difference, concerns=_finer_than_its_inputs,
    ),
    KnownDifference(
        "STABLEHLO_GATHER", "int32", LITERT, "starts without an axis of coordinates "
        "(`index_vector_dim` is their rank)", "reads out of bounds", _bare_starts, LITERT,
        twin=_wrapped_starts, meaning="an axis of size one added to the starts", dies=True,
    ),
    KnownDifference(
        "GATHER", "int4", LITERT, "slices of an odd number of elements",
        "addresses two codes at a time: slices come out shifted by half a byte", _odd_slices,
        LITERT, twin=_as_bytes, meaning="the same codes as int8",
    ),
    KnownDifference(
        "FULLY_CONNECTED", "float32x4", LITERT, "weights with a scale per block",
        "knows no blocks and takes their scale for 0: the output is the bias",
        usual("FULLY_CONNECTED", "float32x4", _has_blocks), OPTIMIZED,
    ),
    KnownDifference(
        "DEPTHWISE_CONV_2D", "int16x8", TFLM, "an int32 bias",
        "reads it as int64: two values as one, and then past the end",
        _short_bias, TFLM, "tflm", twin=_long_bias, meaning="the bias as int64",
    ),
    KnownDifference(
        "TRANSPOSE_CONV", "int16x8", TFLM, "an int32 bias",
        "reads it as int64: two values as one, and then past the end",
        usual("TRANSPOSE_CONV", "int16x8", lambda case: _narrow_bias(case, 3)), TFLM, "tflm",
        twin=_long_bias, meaning="the bias as int64",
    ),
    *(
        KnownDifference(
            "SOFTMAX", dtype, oracle, "rows whose exponentials add up to 512 or more (from 512 "
            "like values on)", "shifts by a negative number of bits, and aborts",
            _large_rows(dtype), definition=definitions.softmax, flavour=short(oracle),
            dies=True,
        )
        for dtype, oracle in (("int8", LITERT), ("uint8", LITERT), ("int8", TFLM))
    ),
    *(
        KnownDifference(
            "RESIZE_BILINEAR", "int8", oracle, "enlarged so far that positions in 1/1024, each "
            "rounded up, lead past the last element", "reads beyond the row",
            _enlarged("int8"), definition=definitions.resize_bilinear, flavour=short(oracle),
        )
        for oracle in (LITERT, TFLM)
    ),
    KnownDifference(
        "SPACE_TO_BATCH_ND", "int8", TFLM, "paddings that are not all zero",
        "fills the padding with whatever its stack holds (float32 too, where that is mostly 0)",
        usual("SPACE_TO_BATCH_ND", "int8", _padded), LITERT, "tflm",
    ),
    *(
        KnownDifference(
            "SLICE", dtype, TFLM, "six axes", "aborts",
            _six_axes(dtype), LITERT, "tflm", dies=True,
        )
        for dtype in ("int8", "float32")
    ),
    *(
        KnownDifference(
            operator, "int8", TFLM, "an operand's scale above 1", "aborts",
            _wide_scales(operator), LITERT, "tflm", dies=True,
        )
        for operator in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    ),
    KnownDifference(
        "GREATER", "int16", TFLM, "all",
        "compares as if quantized, by parameters it never set",
        _plain_int16("GREATER"), LITERT, "tflm", whole=True,
    ),
    KnownDifference(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", "float32x8", TFLM, "all",
        "reads the int8 weights as float32, beyond their end",
        usual("UNIDIRECTIONAL_SEQUENCE_LSTM", "float32x8", _plain_cell), LITERT, "tflm", whole=True,
    ),
)  # fmt: skip
"""All known defects of the oracles."""


def page(rows: Sequence[KnownDifference] = ROWS) -> str:
    """The page, from the rows alone."""
    lines = [
        "# Known differences",
        "",
        "Written by `python -m conformance.known_differences`; do not edit.",
        "",
        "Models on which an installed runtime is wrong: it reads or writes out of bounds, aborts,",
        "or does what nobody can have meant. refinterp computes what is meant. Each row names the",
        "second oracle against which our results are equal (integers bit for bit, floats within",
        "the bound of their operator); `tests/test_known_differences.py` draws such models, shows",
        "the defect and the equality. *whole*: all models of the operator and type are concerned,",
        "and [the operator matrix](operators.md) holds them against the second oracle.",
        "",
        "| operator | type | runtime | models | what it does | held against |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.operator} | {row.dtype} | {short(row.oracle)} | {row.models}"
        f"{' (*whole*)' if row.whole else ''} | {row.defect} | {row.against} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
