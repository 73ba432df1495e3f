"""The TFLM wheel (tflite-micro) behind the adapter; imported in its worker process only.

What the wheel does (python/tflite_micro/interpreter_wrapper.cc): GetTensor needs the interpreter
that preserves all tensors (linear planner), print_allocations the one that records allocations
(greedy planner, as on a device). GetTensor copies from whatever address the tensor has, so only
tensors that surely have memory may be asked for; types narrower than a byte come out packed and
overrun; and each array it returns has one reference too many and is never freed.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.python.tflite_micro.runtime import Interpreter, InterpreterConfig, schema_fb

from refinterp.graph.model import PACKED_BITS, STORAGE
from refinterp.runtimes.outcome import Allocation, Allocations, Array, Detail, Ran, RuntimeCase
from refinterp.runtimes.printed import printed
from refinterp.runtimes.reading import check_sample, share_unchanged

ARENA_SMALLEST: Final = 1 << 20  # bytes; the wheel crashes, rather than refuses, on tiny arenas
ARENA_LARGEST: Final = 1 << 26
LEAK_LARGEST: Final = 1 << 28  # bytes leaked before the process is replaced

# Enumerations are class attributes of the generated schema: FLOAT32 -> "float32".
_TYPES: Final[Mapping[int, str]] = {
    value: name.lower() for name, value in vars(schema_fb.TensorType).items() if name.isupper()
}
_READABLE: Final = frozenset(STORAGE) - frozenset(PACKED_BITS) - {"resource"}

_SECTION = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_CATEGORY = re.compile(
    r"'([^']+)' used (\d+) bytes with alignment overhead \(requested (\d+) bytes for (\d+) "
)


_count_by_unpacking = runtime.count_resource_variables


def _count_resource_variables(model: bytes) -> int:
    root = schema_fb.Model.GetRootAs(model, 0)
    codes = (root.OperatorCodes(i).BuiltinCode() for i in range(root.OperatorCodesLength()))
    if schema_fb.BuiltinOperator.VAR_HANDLE not in codes:
        return 0
    return int(_count_by_unpacking(model))


# The wheel turns the whole file into Python objects to count the variables of each model it opens,
# which takes several times as long as all the rest for a small one; most models have none.
runtime.count_resource_variables = _count_resource_variables


class TFLM:
    """The kernels of the installed TFLM wheel."""

    def __init__(self) -> None:
        self.version = importlib.metadata.version("tflite-micro")
        self._leaked = 0

    def healthy(self) -> bool:
        """Whether GetTensor has not leaked too much yet."""
        return self._leaked < LEAK_LARGEST

    def run(self, case: RuntimeCase) -> Ran:
        """Run the samples in a fresh interpreter; raises what the interpreter raises."""
        if case.resize:
            raise ValueError("TFLM cannot resize an input: its shapes are those of the file")
        if case.allocations and case.preserve:
            raise ValueError("TFLM records allocations or preserves tensors, never both at once")
        graph = _Graph(case.model)
        interpreter = load(
            case.model,
            InterpreterConfig.kPreserveAllTensors
            if case.preserve
            else InterpreterConfig.kAllocationRecording,
        )
        outputs: list[list[Array]] = []
        tensors: list[dict[int, Array]] = []
        for number, sample in enumerate(case.samples):
            check_sample(sample, len(graph.inputs))
            if number and case.reset_between:
                interpreter.reset()
            for position, value in enumerate(sample):
                interpreter.set_input(value, position)
            interpreter.invoke()
            outputs.append([interpreter.get_output(i) for i in range(len(graph.outputs))])
            if case.preserve:
                now = {i: interpreter.GetTensor(i, 0)["tensor_data"] for i in graph.readable}
                self._leaked += sum(array.nbytes for array in now.values())
                tensors.append(share_unchanged(now, tensors[-1] if tensors else {}))
        allocations = None
        if case.allocations:
            interpreter.print_allocations()
            allocations = parse_allocations(printed())
        return Ran(outputs, tensors, graph.details, graph.inputs, graph.outputs, allocations)


def load(model: bytes, config: InterpreterConfig = InterpreterConfig.kAllocationRecording) -> Any:
    """Open the model, in a larger arena each time it does not fit.

    Whether it did not is told by what the wheel prints to stderr, which must be a file.
    """
    arena = max(ARENA_SMALLEST, 4 * len(model) // 16 * 16)
    while True:
        try:
            return Interpreter.from_bytes(model, arena_size=arena, intrepreter_config=config)
        except RuntimeError:
            if arena >= ARENA_LARGEST or "missing" not in printed():
                raise
        arena = min(4 * arena, ARENA_LARGEST)


class _Graph:
    """Subgraph 0 as the file states it, by the wheel's own generated schema."""

    def __init__(self, model: bytes) -> None:
        root = schema_fb.Model.GetRootAs(model, 0)
        subgraph = root.Subgraphs(0)
        self.inputs = _indices(subgraph.InputsAsNumpy())
        self.outputs = _indices(subgraph.OutputsAsNumpy())
        self.details: dict[int, Detail] = {}
        constant: set[int] = set()
        for index in range(subgraph.TensorsLength()):
            tensor = subgraph.Tensors(index)
            kind = _TYPES.get(tensor.Type(), "unknown")
            if kind in STORAGE:
                name = (tensor.Name() or b"").decode("utf-8", "replace")
                shape = _indices(tensor.ShapeAsNumpy())
                self.details[index] = Detail(name, shape, STORAGE[kind])
            buffer = root.Buffers(tensor.Buffer())
            if kind in _READABLE and (tensor.IsVariable() or buffer.DataLength()):
                constant.add(index)
        fed: set[int] = set()
        produced = set(self.inputs)
        for number in range(subgraph.OperatorsLength()):
            operator = subgraph.Operators(number)
            fed.update(_indices(operator.InputsAsNumpy()))
            produced.update(_indices(operator.OutputsAsNumpy()))
        readable = {
            index
            for index in produced
            if index in self.details and _TYPES.get(subgraph.Tensors(index).Type()) in _READABLE
        }
        self.readable = sorted(readable | (fed & constant))


def _indices(array: Any) -> tuple[int, ...]:
    """Turn what the generated schema returns for a vector (0 when it is absent) into integers."""
    return tuple(map(int, array)) if isinstance(array, np.ndarray) else ()


def parse_allocations(text: str) -> Allocations:
    """Read what print_allocations writes. Raises ValueError when the three sums are not there."""
    sections = {name: int(size) for name, size in _SECTION.findall(text)}
    if len(sections) != 3:
        raise ValueError(f"no arena totals in what the runtime printed: {text!r}")
    return Allocations(
        sections["total"],
        sections["head"],
        sections["tail"],
        tuple(
            Allocation(category, int(requested), int(used), int(count))
            for category, used, requested, count in _CATEGORY.findall(text)
        ),
    )
