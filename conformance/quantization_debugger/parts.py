"""What each layer would report if it were handed the codes that another runtime handed it.

    python -m conformance.quantization_debugger.parts WORK

WORK is what `quantization_debugger_tf models` wrote. For each layer of int8.tflite its operator is
run by itself, on reference arithmetic, on the codes that the layers before it had in TensorFlow's
run, and compared with its float operator on the same: RMSE/scale. Where that is not what
TensorFlow reports, the layer's own kernel rounds otherwise; where it is not what refinterp reports,
other codes have come in. Prints JSON: by tensor name `rmse_over_scale`, and how far apart both
sides are on equal inputs: `codes_differing` (share of the layer's int8 outputs), `float_steps`
(largest difference of the float outputs, in steps of the int8 scale).
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.quantization_debugger.match import match
from refinterp.debug.compare import Comparison
from refinterp.debug.reference.local import LocalOperator, as_real
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import facts
from refinterp.kernels.workspace import Workspace
from refinterp.modelfile.reader import read_model
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.executor import Executor
from refinterp.run.observe import Keeper
from refinterp.run.program import Program, Step
from refinterp.samples.convert import fit_input

Array = NDArray[Any]


def alone(program: Program, step: Step) -> LocalOperator:
    """An int8 operator that reads codes by tensor index."""
    operands: list[Array | int | None] = []
    for tensor in step.inputs:
        data = None if tensor == OPTIONAL else program.specs[tensor].data
        operands.append(None if tensor == OPTIONAL else tensor if data is None else data[None])
    results = tuple(
        np.zeros((1, *program.specs[i].shape), STORAGE[program.specs[i].dtype])
        for i in step.outputs
    )
    assert step.kernel is not None
    return LocalOperator(step.kernel, tuple(operands), results)


@one_blas_thread()
def parts(work: Path) -> dict[str, dict[str, float]]:
    """As the module says."""
    comparison = Comparison(
        read_model(str(work / "int8.tflite")), read_model(str(work / "float.tflite"))
    )
    program = comparison.setup.quantized
    with (work / "tensorflow.csv").open() as table:
        rows = list(csv.DictReader(table))
    layers = [
        {"tensor_name": program.specs[s.outputs[0]].name, "op_name": s.name, "step": s}
        for s in program.steps
        if s.operator in comparison.setup.local
    ]
    given, floats = np.load(work / "codes.npz"), np.load(work / "float.npz")
    pairs, _, _ = match(rows, layers)
    codes: dict[int, Array] = {}
    reals: dict[int, Array] = {}
    for a, b in pairs:
        tensor = layers[b]["step"].outputs[0]
        for arrays, file in ((codes, given), (reals, floats)):
            arrays[tensor] = file[f"S{a}"].reshape(-1, *program.specs[tensor].shape)
    operators = {layers[b]["step"]: alone(program, layers[b]["step"]) for _, b in pairs}
    sums = {step.outputs[0]: np.zeros(3) for step in operators}
    quantizing = {step.operator for step in program.steps if facts(step.name).conversion}
    data = np.load(work / "samples.npy")
    executor, wide, narrow = Executor(program), Workspace(), Workspace()
    for index, sample in enumerate(data):
        (entry,) = program.graph.inputs
        executor.input(entry)[0] = fit_input(sample, program.specs[entry])[0]
        first = Keeper(quantizing)  # what no layer with codes writes: the quantized input
        executor.invoke([first])

        def read(tensor: int, kept: Keeper = first, place: int = index) -> Array:
            value: Array = codes[tensor][place] if tensor in codes else kept.tensors[tensor][0]
            return value

        for step, operator in operators.items():
            tensor = step.outputs[0]
            spec = program.specs[tensor]
            own = operator.run(read, narrow)[0]
            reference = comparison.setup.local[step.operator].operator.run(
                lambda t: as_real(read(t), program.specs[t]), wide
            )[0]
            error = (own.astype(np.float64) - spec.zero) - reference.astype(np.float64) / spec.step
            apart = np.abs(reference - reals[tensor][index]).max() / spec.step
            sums[tensor][0] += np.mean(error**2)
            sums[tensor][1] += np.mean(own != codes[tensor][index])
            sums[tensor][2] = max(sums[tensor][2], float(apart))
    return {
        program.specs[tensor].name: {
            "rmse_over_scale": math.sqrt(squares / len(data)),
            "codes_differing": differing / len(data),
            "float_steps": apart,
        }
        for tensor, (squares, differing, apart) in sums.items()
    }


if __name__ == "__main__":
    print(json.dumps(parts(Path(sys.argv[1]))))
