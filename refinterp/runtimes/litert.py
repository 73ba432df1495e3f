"""LiteRT (ai-edge-litert) behind the adapter; imported in its worker process only."""

from __future__ import annotations

import importlib.metadata
import warnings
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from refinterp.runtimes.outcome import Array, Detail, Ran, RuntimeCase
from refinterp.runtimes.reading import check_sample, share_unchanged

# Asking the default resolver to preserve tensors warns each time that it costs memory.
warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")


class LiteRT:
    """One set of LiteRT's kernels, by the name of its OpResolverType; single-threaded."""

    def __init__(self, resolver: str) -> None:
        self.version = importlib.metadata.version("ai-edge-litert")
        self._resolver = OpResolverType[resolver]

    def healthy(self) -> bool:
        """Nothing is known to leak."""
        return True

    def run(self, case: RuntimeCase) -> Ran:
        """Run the samples in a fresh interpreter; raises what the interpreter raises."""
        if case.allocations:
            raise ValueError("LiteRT has no record of arena allocations; ask runtime:tflm")
        interpreter = Interpreter(
            model_content=case.model,
            num_threads=1,
            experimental_op_resolver_type=self._resolver,
            experimental_preserve_all_tensors=case.preserve,
        )
        if case.resize:
            at = [detail["index"] for detail in interpreter.get_input_details()]
            for position, shape in case.resize.items():
                interpreter.resize_tensor_input(at[position], list(shape))
        interpreter.allocate_tensors()
        inputs = tuple(int(detail["index"]) for detail in interpreter.get_input_details())
        outputs_at = tuple(int(detail["index"]) for detail in interpreter.get_output_details())
        details = {
            int(detail["index"]): Detail(
                detail["name"], tuple(map(int, detail["shape"])), np.dtype(detail["dtype"])
            )
            for detail in interpreter.get_tensor_details()
            if detail["dtype"] not in (np.bytes_, np.object_)  # strings, variants
        }
        outputs: list[list[Array]] = []
        tensors: list[dict[int, Array]] = []
        for number, sample in enumerate(case.samples):
            check_sample(sample, len(inputs))
            if number and case.reset_between:
                interpreter.reset_all_variables()
            for index, value in zip(inputs, sample, strict=True):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            outputs.append([interpreter.get_tensor(index) for index in outputs_at])
            if case.preserve:
                now = _readable(interpreter, details)
                tensors.append(share_unchanged(now, tensors[-1] if tensors else {}))
        return Ran(outputs, tensors, details, inputs, outputs_at)


def _readable(interpreter: Any, details: dict[int, Detail]) -> dict[int, Array]:
    found: dict[int, Array] = {}
    for index in details:
        try:
            found[index] = interpreter.get_tensor(index)
        except ValueError:  # it has no memory: no operator uses it, or a delegate keeps it
            continue
    return found
