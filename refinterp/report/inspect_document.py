"""What a model holds and what each runtime does with it, as a document.

Its schema is `schema/inspect.schema.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from refinterp.errors import RefinterpError
from refinterp.evidence.matrix import LITERT, LITERT_OPTIMIZED, TFLM, runs
from refinterp.graph.finding import Finding
from refinterp.graph.model import Model
from refinterp.graph.open_sizes import OpenInput
from refinterp.report.machine import document, error_fields
from refinterp.run.support import Support
from refinterp.verdicts.answers import RuntimeAnswer


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """One model as `inspect` shows it.

    refused: why refinterp does not run it, "" if it does. kernels: in the order of the file.
    """

    model: Model
    refused: str
    kernels: tuple[Support, ...]
    runtimes: tuple[RuntimeAnswer, ...]
    open_inputs: tuple[OpenInput, ...]
    findings: tuple[Finding, ...]


def inspect_document(shown: Inspected) -> dict[str, Any]:
    """Return the document of one model."""
    return document(**_fields(shown))


def inspect_documents(shown: Sequence[Inspected | tuple[str, RefinterpError]]) -> dict[str, Any]:
    """Return the document of several models; of one that cannot be read, its error."""
    return document(
        results=[
            _fields(one)
            if isinstance(one, Inspected)
            else {"model": one[0], "error": error_fields(one[1])}
            for one in shown
        ]
    )


def _fields(shown: Inspected) -> dict[str, Any]:
    model = shown.model
    return {
        "model": model.source,
        "array": model.array,
        "version": model.version,
        "description": model.description,
        "constant_bytes": sum(buffer.data.size for buffer in model.buffers),
        "runs": not shown.refused,
        "why": shown.refused,
        "runtimes": {
            one.runtime: {
                "verdict": one.verdict,
                "why": one.why,
                "operators": [
                    {"subgraph": v.subgraph, "operator": v.operator}
                    for v in one.told
                    if v.operator is not None and v.verdict != "runs"
                ],
            }
            for one in shown.runtimes
        },
        "inputs": [_tensor(model, i) for i in main_tensors(model, "inputs")],
        "outputs": [_tensor(model, i) for i in main_tensors(model, "outputs")],
        "open_sizes": [
            {"tensor": o.tensor, "axes": list(o.axes), "said": str(o)} for o in shown.open_inputs
        ],
        "signatures": [
            {
                "key": s.key,
                "subgraph": s.subgraph,
                "inputs": dict(s.inputs),
                "outputs": dict(s.outputs),
            }
            for s in model.signatures
        ],
        "metadata": [entry.name for entry in model.metadata],
        "operators": [_operator(shown, kernel) for kernel in shown.kernels],
        "findings": [asdict(finding) for finding in shown.findings],
    }


def main_tensors(model: Model, side: str) -> tuple[int, ...]:
    """The inputs or outputs of the main subgraph that exist."""
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


def _operator(shown: Inspected, kernel: Support) -> dict[str, Any]:
    operator = shown.model.subgraphs[kernel.subgraph].operators[kernel.operator]
    verdicts = {
        one.runtime: one.operators[kernel.subgraph, kernel.operator] for one in shown.runtimes
    }
    return {
        "subgraph": kernel.subgraph,
        "operator": kernel.operator,
        "op_name": kernel.name,
        "version": kernel.version,
        "input_types": list(kernel.inputs),
        "kernel": kernel.dtype,
        "misfits": list(kernel.misfits),
        "litert": _ran(kernel, LITERT, LITERT_OPTIMIZED),
        "tflm": _ran(kernel, TFLM),
        "runtimes": {
            name: {"verdict": v.verdict, "why": v.why, "row": v.row or None}
            for name, v in verdicts.items()
        },
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
        "options": dict(operator.options),
    }


def _ran(kernel: Support, *oracles: str) -> bool | None:
    """Whether a runtime ran an operator in its type; None where that is not known."""
    return runs(kernel.name, kernel.dtype, oracles) if kernel.dtype else None
