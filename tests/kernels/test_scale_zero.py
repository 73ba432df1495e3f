"""Operands whose scale is 0, as converters write it for constants of zeros.

Runtimes run them wherever they only multiply by the scale; each of these operators gives their
bytes. Where the scale is divided by, or has to be a power of two, ours refuse by name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conformance.operators.case import Case
from conformance.operators.compare import run_ours
from conformance.operators.run import draw_case
from refinterp.errors import ModelError
from refinterp.graph.model import Model, Quantization
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Runtime
from refinterp.runtimes.outcome import Ran

TAKEN = [
    *[("MUL", dtype, side) for dtype in ("int8", "uint8", "int16") for side in (0, 1)],
    ("DIV", "int8", 0), ("PRELU", "int8", 0), ("PRELU", "int8", 1), ("PRELU", "int16x8", 1),
    *[("BATCH_MATMUL", dtype, side) for dtype in ("int8", "int16") for side in (0, 1)],
    *[("DEQUANTIZE", dtype, 0) for dtype in ("int8", "uint8", "int16", "int4")],
    *[("QUANTIZE", dtype, 0) for dtype in ("int8", "uint8", "int16")],
    ("ABS", "int8", 0), ("EXP", "int8", 0), ("EXP", "int16", 0), ("GELU", "int8", 0),
    ("HARD_SWISH", "int8", 0), ("LEAKY_RELU", "int8", 0), ("LEAKY_RELU", "int16", 0),
    ("LOG", "int8", 0), ("LOGISTIC", "int8", 0), ("TANH", "int8", 0), ("RELU", "int8", 0),
    ("RELU", "int16", 0), ("RELU6", "int8", 0), ("SQRT", "int8", 0), ("SOFTMAX", "int16", 0),
    ("CONV_2D", "int8", 0), ("CONV_2D", "int8", 1), ("FULLY_CONNECTED", "int8", 1),
]  # fmt: skip
NOT_IN_TFLM = {("GELU", "int8"), ("EXP", "int8"), ("EXP", "int16"), ("LOG", "int8"),
               ("SQRT", "int8"), ("MUL", "uint8"), ("DEQUANTIZE", "int4")}  # fmt: skip
DEPARTS_IN_TFLM = {("RELU6", "int8")}  # clamps at 6 / scale
REFUSED = [
    ("ADD", "int8", 0), ("SUB", "int8", 1), ("SOFTMAX", "int8", 0), ("LOGISTIC", "int16", 0),
    ("TANH", "int16", 0), ("DIV", "int8", 1), ("SQUARED_DIFFERENCE", "int8", 0),
]  # fmt: skip


def unscaled(model: Model, operand: int) -> Model:
    """The model with scale 0 for every channel of one operand of its operator."""
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    place = graph.operators[0].inputs[operand]
    own = tensors[place].quantization
    assert own is not None
    none = Quantization(np.zeros_like(own.scale), own.zero_point, own.quantized_dimension)
    tensors[place] = replace(tensors[place], quantization=none)
    return replace(model, subgraphs=(replace(graph, tensors=tuple(tensors)),))


def drawn(operator: str, dtype: str, operand: int) -> list[Case]:
    """Three cases of the operator's generator, with scale 0."""
    found = [draw_case(5, operator, dtype, index) for index in range(3)]
    return [replace(one, model=unscaled(one.model, operand)) for one in found]


@pytest.mark.parametrize(("operator", "dtype", "operand"), TAKEN)
def test_results_are_those_of_the_runtimes(
    litert: Runtime, tflm: Runtime, operator: str, dtype: str, operand: int
) -> None:
    """Byte for byte, in both flavours."""
    ran = 0
    for case in drawn(operator, dtype, operand):
        for runtime, flavour in ((litert, "litert-reference"), (tflm, "tflm")):
            if flavour == "tflm" and (operator, dtype) in NOT_IN_TFLM | DEPARTS_IN_TFLM:
                continue
            outcome = runtime.run(write_model(case.model), case.samples)
            if not isinstance(outcome, Ran):
                continue  # TFLM lacks some forms of an operator
            mine = run_ours(case.model, case.samples, flavour=flavour)
            for position, tensor in enumerate(case.model.subgraphs[0].outputs):
                for own, their in zip(mine, outcome.outputs, strict=True):
                    np.testing.assert_array_equal(own[tensor], their[position])
            ran += 1
    assert ran >= 2, f"{operator} {dtype}: the runtimes ran {ran} of them"


@pytest.mark.parametrize(("operator", "dtype", "operand"), REFUSED)
def test_where_the_scale_is_divided_by_it_is_refused(
    operator: str, dtype: str, operand: int
) -> None:
    """LiteRT and TFLM abort there, or compute what no definition gives."""
    for case in drawn(operator, dtype, operand):
        with pytest.raises(ModelError, match="scale"):
            run_ours(case.model, case.samples, flavour="litert-reference")
