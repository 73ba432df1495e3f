"""What a runtime refuses as it opens a file, before it looks at an operator."""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.graph.constants import missing_bytes
from refinterp.graph.model import Model, Tensor
from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN, TFLM, Answer, Verdict


def verdicts(model: Model, runtime: str) -> Iterator[Verdict]:
    """Yield what stops the runtime, or goes wrong without a word: the first fault of each subgraph.

    TFLM checks nothing of all this; of a constant that is too short it reads what lies behind.
    """
    unchecked = runtime in (TFLM, CMSIS_NN_MVE, ESP_NN)
    answer: Answer = "differs" if unchecked else "refuses"
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            rule, why = "quantization", "" if unchecked else _quantization(tensor)
            if not why and (missing := missing_bytes(model, tensor)):
                size = f"{missing} byte{'s' * (missing > 1)}"
                rule, why = "storage", f"is {size} shorter than its shape takes"
                why += ": what lies behind it is read instead" if unchecked else ""
            if why:
                text = f"tensor {index} ({tensor.name!r}) {why}"
                yield Verdict(runtime, subgraph, None, "", answer, text, rule, "open")
                break


def _quantization(tensor: Tensor) -> str:
    """What LiteRT finds wrong with a tensor as it opens the file, "" if nothing."""
    if tensor.is_variable and tensor.dtype in ("string", "resource", "variant"):
        return f"is a variable of {tensor.dtype}; allowed: other types"
    q = tensor.quantization
    if q is None or not q.scale.size:
        return ""
    if q.scale.size != q.zero_point.size:
        return (
            f"has {q.scale.size} scales and {q.zero_point.size} zero points; allowed: as many of "
            "the one as of the other"
        )
    rank = len(tensor.shape)
    if q.quantized_dimension < 0 or (rank and q.quantized_dimension >= rank):
        return (
            f"has quantized_dimension {q.quantized_dimension}; allowed: 0 to {max(rank - 1, 0)}, "
            "the tensor's dimensions"
        )
    if q.scale.size != 1 and rank and q.scale.size != tensor.shape[q.quantized_dimension]:
        return (
            f"has {q.scale.size} scales along dimension {q.quantized_dimension}, which has "
            f"{tensor.shape[q.quantized_dimension]} elements; allowed: 1, or as many"
        )
    return ""
