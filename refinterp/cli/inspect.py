"""Show what a model holds: inputs, outputs, operators, sizes, and whether it runs.

Lists every operator with its types and shapes, and what is wrong with the file. L and T after
the kernel's type: LiteRT and TFLM run the operator in this type too (see `ops`).
"""

from __future__ import annotations

import argparse
from typing import Any

from refinterp.cli.common import add_model, open_model, print_document
from refinterp.graph.check import check
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, Model, Tensor
from refinterp.report.machine import document
from refinterp.report.terminal import Column, dims, print_table, print_text
from refinterp.report.words import shorten
from refinterp.run.matrix import LITERT, LITERT_OPTIMIZED, TFLM, runs
from refinterp.run.support import Support, support


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Print the summary or the document."""
    model = open_model(options.model)
    if options.json:
        print_document(describe(model))
    else:
        _print(model)
    return 0


def describe(model: Model) -> dict[str, Any]:
    """The document of one model."""
    kernels = support(model)
    return document(
        model=model.source,
        version=model.version,
        description=model.description,
        constant_bytes=sum(buffer.data.size for buffer in model.buffers),
        runs=all(s.dtype is not None for s in kernels),
        inputs=[_tensor(model, i) for i in _main(model, "inputs")],
        outputs=[_tensor(model, i) for i in _main(model, "outputs")],
        signatures=[
            {
                "key": s.key,
                "subgraph": s.subgraph,
                "inputs": dict(s.inputs),
                "outputs": dict(s.outputs),
            }
            for s in model.signatures
        ],
        metadata=[entry.name for entry in model.metadata],
        operators=[
            {
                "subgraph": s.subgraph,
                "operator": s.operator,
                "op_name": s.name,
                "version": s.version,
                "input_types": list(s.inputs),
                "kernel": s.dtype,
                "litert": _runs(s, LITERT, LITERT_OPTIMIZED),
                "tflm": _runs(s, TFLM),
                "inputs": list(model.subgraphs[s.subgraph].operators[s.operator].inputs),
                "outputs": list(model.subgraphs[s.subgraph].operators[s.operator].outputs),
                "options": dict(model.subgraphs[s.subgraph].operators[s.operator].options),
            }
            for s in kernels
        ],
        findings=[
            {
                "id": f.id,
                "severity": f.severity,
                "subgraph": f.subgraph,
                "operator": f.operator,
                "tensor": f.tensor,
                "evidence": f.evidence,
                "remedy": f.remedy,
            }
            for f in check(model)
        ],
    )


def _main(model: Model, side: str) -> tuple[int, ...]:
    indices: tuple[int, ...] = getattr(model.subgraphs[0], side) if model.subgraphs else ()
    return tuple(i for i in indices if 0 <= i < len(model.subgraphs[0].tensors))


def _tensor(model: Model, index: int) -> dict[str, Any]:
    tensor = model.subgraphs[0].tensors[index]
    q = tensor.quantization
    return {
        "tensor": index,
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "shape_signature": None if tensor.shape_signature is None else list(tensor.shape_signature),
        "scale": [] if q is None else q.scale,
        "zero_point": [] if q is None else q.zero_point,
    }


def _print(model: Model) -> None:
    constants = sum(buffer.data.size for buffer in model.buffers)
    operators = sum(len(graph.operators) for graph in model.subgraphs)
    print_text(
        f"{model.source or 'model'}: schema version {model.version}, "
        f"{len(model.subgraphs)} subgraph(s), {operators} operators, {constants:,} bytes of "
        "constants"
    )
    if model.description:
        print_text(model.description)
    for side in ("inputs", "outputs"):
        for index in _main(model, side):
            tensor = model.subgraphs[0].tensors[index]
            print_text(f"  {side[:-1]:6} {index:4} {tensor.name}: {_type(tensor)}")
    kernels = support(model)
    for number, graph in enumerate(model.subgraphs):
        rows = []
        for kernel in (k for k in kernels if k.subgraph == number):
            operator = graph.operators[kernel.operator]
            data = [
                graph.tensors[i]
                for i in operator.inputs
                if OPTIONAL < i < len(graph.tensors) and not has_constant(model, graph.tensors[i])
            ]
            made = [graph.tensors[i] for i in operator.outputs if 0 <= i < len(graph.tensors)]
            rows.append(
                (
                    kernel.operator,
                    kernel.name,
                    kernel.version,
                    _kernel(kernel),
                    " ".join(dims(t.shape) for t in data),
                    " ".join(dims(t.shape) for t in made),
                    " ".join(shorten(t.name, 24) for t in made),
                )
            )
        print_table(
            [
                Column("op", "right"),
                Column("operator"),
                Column("v", "right"),
                Column("kernel"),
                Column("in", cut=True),
                Column("out"),
                Column("output", cut=True),
            ],
            rows,
            title=f"subgraph {number}" + (f" ({graph.name})" if graph.name else ""),
        )
    for finding in check(model):
        print_text(str(finding))


def _runs(kernel: Support, *oracles: str) -> bool | None:
    """Whether a runtime runs an operator in its type; None where that is not known."""
    return runs(kernel.name, kernel.dtype, oracles) if kernel.dtype else None


def _kernel(kernel: Support) -> str:
    """The kernel's type, and the runtimes that run it too: L for LiteRT, T for TFLM."""
    if kernel.dtype is None:
        return "not supported"
    also = "L" * bool(_runs(kernel, LITERT, LITERT_OPTIMIZED)) + "T" * bool(_runs(kernel, TFLM))
    return f"{kernel.dtype} {also}".rstrip()


def _type(tensor: Tensor) -> str:
    text = f"{tensor.dtype} {dims(tensor.shape)}"
    q = tensor.quantization
    if q is not None and q.scale.size == 1:
        zero = int(q.zero_point[0]) if q.zero_point.size else 0
        text += f", scale {float(q.scale[0]):.6g}, zero point {zero}"
    elif q is not None and q.scale.size:
        text += f", {q.scale.size} scales along axis {q.quantized_dimension}"
    return text
