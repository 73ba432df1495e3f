"""Custom operators that are another processor's code, or another framework's operators.

A model that went through such a compiler is whole: its file says which operators are left to the
CPU and what its memory is planned to be, but not what the compiled ones compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refinterp.graph.model import OPTIONAL, Operator, Subgraph


@dataclass(frozen=True, slots=True)
class Compiled:
    """What an operator is instead of arithmetic that the file shows.

    what: to stand behind "it is". remedy: what to do about it.
    """

    what: str
    remedy: str


def _code(processor: str, compiler: str) -> Compiled:
    return Compiled(
        f"code for {processor}, made by {compiler}, which nothing else can run",
        f"run, debug and explain the model as it was before {compiler}",
    )


_NAMES: Final[Mapping[str, Compiled]] = MappingProxyType(
    {
        "ethos-u": _code("an Arm Ethos-U NPU", "the Vela compiler"),
        "edgetpu-custom-op": _code("a Coral Edge TPU", "edgetpu_compiler"),
        "NeutronGraph": _code("an NXP Neutron NPU", "NXP's neutron-converter"),
    }
)
_BEGINNINGS: Final[Mapping[str, Compiled]] = MappingProxyType(
    {
        "DISPATCH_OP": _code(
            "an NPU that LiteRT dispatches to (Qualcomm, MediaTek, Google Tensor, …)",
            "LiteRT's compiler for it",
        ),
        "XC_": _code("an XMOS xcore", "XMOS's xformer"),
        "MTKEXT_": Compiled(
            "MediaTek's own operator, which only MediaTek's runtime has",
            "convert the model with TensorFlow's converter, without MediaTek's",
        ),
        "Flex": Compiled(
            "an operator of TensorFlow itself, which needs TensorFlow's Flex delegate",
            "convert without tf.lite.OpsSet.SELECT_TF_OPS; the converter then names what has to be "
            "written otherwise",
        ),
    }
)


def compiled(name: str) -> Compiled | None:
    """Return what a custom operator of that name is, None for all others."""
    if name in _NAMES:
        return _NAMES[name]
    return next((what for start, what in _BEGINNINGS.items() if name.startswith(start)), None)


def compiled_operators(operators: Sequence[Operator]) -> dict[int, Compiled]:
    """Return the operators of a subgraph that are compiled, by their place."""
    found = {}
    for place, operator in enumerate(operators):
        if operator.code is not None and operator.code.builtin == "CUSTOM":
            what = compiled(operator.name)
            if what is not None:
                found[place] = what
    return found


def own_memory(graph: Subgraph) -> frozenset[int]:
    """Return the tensors that are memory of compiled operators: read by them, written by none.

    Vela gives its operators such a tensor for all they need; it lies over what they read and write.
    """
    compiled_ones = compiled_operators(graph.operators)
    if not compiled_ones:
        return frozenset()
    written = {i for operator in graph.operators for i in operator.outputs} | set(graph.inputs)
    read = {i for place in compiled_ones for i in graph.operators[place].inputs if i != OPTIONAL}
    return frozenset(read - written)
