"""One model whose operators run in different precisions, for the ordinary executor.

Some operators keep their integer kernels, others run in float32 or on 16-bit activations. Between
them stand QUANTIZE and DEQUANTIZE. Two views of the same choice:

simulated   what a float operator writes is not quantized at all. An integer operator that reads it
            computes on reals with its own dequantized weights, and quantizes only its result. So
            the effect is that of this layer's weights and output alone. Operators that lose nothing
            (they only move values) pass reals on; those whose integer kernel does something else
            than float arithmetic and rounding (overflow, tables) read the reals quantized.
deployed    every integer operator reads integers, quantized with the ranges that the file has: what
            a runtime would run. Model outputs that a float operator writes are float, as the
            quantizers leave them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.shadow import Shadow, is_code
from refinterp.debug.study.wide import wide_bias, wide_constant, wide_tensor
from refinterp.errors import UnsupportedError
from refinterp.graph.constants import with_constant
from refinterp.graph.model import (
    NO_OPTIONS,
    OPTIONAL,
    Buffer,
    Model,
    Operator,
    OperatorCode,
    Subgraph,
    Tensor,
)
from refinterp.graph.operators import facts
from refinterp.kernels.registry import find
from refinterp.run.program import Program

Precision = Literal["float", "int16"]
Form = Literal["codes", "reals", "wide"]
"""How a tensor's values are there: as the file has them, as float32, or as 16-bit codes."""

_NARROW: Final = frozenset({"int8", "uint8", "int16"})


@dataclass(frozen=True, slots=True, eq=False)
class Mixer:
    """Makes mixed models of one quantized program.

    constants: per operator, by place, the float twin's constants; others are dequantized.
    lossless: operators that only move values. simulable: those whose integers are float arithmetic
    and rounding.
    """

    program: Program
    shadow: Shadow
    constants: Mapping[int, Mapping[int, Buffer]]
    lossless: Set[int]
    simulable: Set[int]

    def mix(self, kept: Mapping[int, Precision], *, deployed: bool = False) -> Model:
        """Return the model in which the operators of `kept` run in another precision.

        Raises UnsupportedError for an operator that has no kernel on 16-bit activations.
        """
        return _MixedModel(self, kept, deployed).model()

    def with_integers(self, operator: int) -> Mixer:
        """The mixer that runs this operator with its integer kernel, whoever feeds it."""
        own = frozenset({operator})
        return replace(self, lossless=self.lossless - own, simulable=self.simulable - own)


class _MixedModel:
    """One walk over the operators in order; forms[f][t] is the tensor that holds t in form f."""

    def __init__(self, mixer: Mixer, kept: Mapping[int, Precision], deployed: bool) -> None:
        self.mixer, self.kept, self.deployed = mixer, kept, deployed
        self.graph = mixer.program.graph
        self.specs = mixer.program.specs
        self.model_ = mixer.shadow.model
        self.floats = self.model_.subgraphs[mixer.program.subgraph]
        self.tensors: list[Tensor] = list(self.graph.tensors)
        self.buffers: list[Buffer] = list(self.model_.buffers)
        self.codes: list[OperatorCode] = list(self.model_.operator_codes)
        self.operators: list[Operator] = []
        self.forms: dict[Form, dict[int, int]] = {"codes": {}, "reals": {}, "wide": {}}
        self.native: dict[int, Form] = {}
        for index, operator in enumerate(self.graph.operators):
            self._operator(index, operator)

    def model(self) -> Model:
        """The finished model; its outputs are in the form their operators write."""
        outputs = tuple(self._want(i, self.native.get(i, "codes")) for i in self.graph.outputs)
        graph = Subgraph(
            tensors=tuple(self.tensors),
            inputs=self.graph.inputs,
            outputs=outputs,
            operators=tuple(self.operators),
            name=self.graph.name,
        )
        place = self.mixer.program.subgraph
        graphs = self.model_.subgraphs
        return replace(
            self.model_,
            subgraphs=(*graphs[:place], graph, *graphs[place + 1 :]),
            operator_codes=tuple(self.codes),
            buffers=tuple(self.buffers),
        )

    def _operator(self, index: int, operator: Operator) -> None:
        other = any(self.native.get(i, "codes") != "codes" for i in operator.inputs)
        foreign = other and not self.deployed
        if index in self.kept and facts(operator.name).conversion:
            self._pass_on(index, operator)
        elif index in self.kept and self.kept[index] == "int16":
            self._wide(index, operator)
        elif index in self.kept:
            self._float(index, operator, self.mixer.constants.get(index, {}))
        elif facts(operator.name).conversion and (
            foreign or (other and not is_code(self.specs[operator.outputs[0]]))
        ):  # deployed, what is there as reals needs no DEQUANTIZE
            self._conversion(operator)
        elif foreign and index in self.mixer.lossless:
            self._float(index, operator, {})
        elif foreign and index in self.mixer.simulable:
            self._float(index, operator, {})
            for tensor in operator.outputs:
                if self.native.get(tensor) == "reals":
                    self._want(tensor, "codes")
                    self.native[tensor] = "codes"
                    del self.forms["reals"][tensor]  # who reads reals reads those of the codes
        else:
            inputs = tuple(self._want(i, "codes") for i in operator.inputs)
            self.operators.append(replace(operator, inputs=inputs))

    def _pass_on(self, index: int, operator: Operator) -> None:
        """A change of scale that is left out: what it reads goes on as it is."""
        if self.kept[index] != "float":
            raise UnsupportedError(f"operator {index} ({operator.name}): no 16-bit form of it")
        result = operator.outputs[0]
        self.forms["reals"][result] = self._want(operator.inputs[0], "reals")
        self.native[result] = "reals"

    def _conversion(self, operator: Operator) -> None:
        """QUANTIZE or DEQUANTIZE of what is there as reals."""
        result = operator.outputs[0]
        spec = self.specs[result]
        if not is_code(spec):
            self.forms["codes"][result] = self._want(operator.inputs[0], "reals")
        elif spec.dtype in _NARROW:
            self._emit("QUANTIZE", self._want(operator.inputs[0], "reals"), result)
        else:  # no kernel quantizes reals to 32 bits
            self._emit("QUANTIZE", self._want(operator.inputs[0], "codes"), result)

    def _float(self, index: int, operator: Operator, constants: Mapping[int, Buffer]) -> None:
        inputs = []
        for place, tensor in enumerate(operator.inputs):
            if place in constants:
                own = with_constant(
                    self.floats.tensors[tensor], self._buffer(constants[place]), "float32"
                )
                inputs.append(self._tensor(own))
            else:
                inputs.append(self._want(tensor, "reals"))
        outputs = []
        for tensor in operator.outputs:
            if tensor != OPTIONAL and is_code(self.specs[tensor]):
                made = self._tensor(self.floats.tensors[tensor])
                self.forms["reals"][tensor] = made
                self.native[tensor] = "reals"
                outputs.append(made)
            else:
                outputs.append(tensor)
        self.operators.append(replace(operator, inputs=tuple(inputs), outputs=tuple(outputs)))

    def _wide(self, index: int, operator: Operator) -> None:
        """The operator on 16-bit activations: weights as they are, bias to the new scale."""
        where = f"operator {index} ({operator.name})"
        if not any(i != OPTIONAL and is_code(self.specs[i]) for i in operator.outputs):
            raise UnsupportedError(f"{where} writes reals: it has no 16-bit form; keep it in float")
        operands = [None if i == OPTIONAL else self.specs[i] for i in operator.inputs]
        entry = find(operator.name, operands)
        inputs: list[int] = []
        for place, tensor in enumerate(operator.inputs):
            spec = operands[place]
            if spec is None or not is_code(spec) or (entry and place == entry.weights):
                inputs.append(self._want(tensor, "codes"))
            elif spec.data is not None and spec.dtype in ("int32", "int64"):
                if entry is None or entry.weights is None:
                    raise UnsupportedError(f"{where}: no 16-bit form of its {spec.dtype} operand")
                step = self.tensors[inputs[entry.data]].quantization
                weights = operands[entry.weights]
                assert step is not None
                assert weights is not None
                scale = step.scale.astype(np.float64) * weights.scale.astype(np.float64)
                inputs.append(self._bias(tensor, scale))
            else:
                inputs.append(self._want(tensor, "wide"))
        outputs = []
        for tensor in operator.outputs:
            if tensor != OPTIONAL and is_code(self.specs[tensor]):
                fixed = facts(operator.name).fixed.get(("int16", "int16"))
                own = wide_tensor(self.graph.tensors[tensor], self.specs[tensor], fixed)
                made = self._tensor(own)
                self.forms["wide"][tensor] = made
                self.native[tensor] = "wide"
                outputs.append(made)
            else:
                outputs.append(tensor)
        given = [
            None if i == OPTIONAL else replace(self.specs[old], dtype=str(self.tensors[i].dtype))
            for i, old in zip(inputs, operator.inputs, strict=True)
        ]
        if find(operator.name, given) is None:
            raise UnsupportedError(f"{where} has no kernel on 16-bit activations")
        self.operators.append(replace(operator, inputs=tuple(inputs), outputs=tuple(outputs)))

    def _want(self, tensor: int, form: Form) -> int:
        """The tensor that holds this one in a form, made if it is not there yet."""
        if tensor == OPTIONAL:
            return tensor
        spec = self.specs[tensor]
        bias = spec.dtype in ("int32", "int64") and self.floats.tensors[tensor].dtype == "float32"
        if not is_code(spec) and not (bias and form == "reals"):
            return self.forms["codes"].get(tensor, tensor)
        held = self.forms[form].get(tensor)
        if held is None:
            held = self.forms[form][tensor] = self._made(tensor, form)
        return held

    def _made(self, tensor: int, form: Form) -> int:
        spec = self.specs[tensor]
        source = self.native.get(tensor, "codes")
        if form == source == "codes":
            return tensor
        if spec.is_variable or spec.data is not None:
            if form == "reals":
                return self._tensor(self.floats.tensors[tensor])
            if spec.is_variable:
                raise UnsupportedError(f"variable {spec.name!r} has no 16-bit form")
            return self._wide_constant(tensor)
        held = self._want(tensor, source)
        if form == "reals":
            made = self._tensor(self.floats.tensors[tensor])
            self._emit("DEQUANTIZE", held, made)
        elif form == "wide":
            made = self._tensor(wide_tensor(self.graph.tensors[tensor], spec, None))
            self._emit("QUANTIZE", held, made)
        else:
            made = tensor
            self._emit("QUANTIZE", held, made)
        return made

    def _wide_constant(self, tensor: int) -> int:
        made, codes = wide_constant(self.graph.tensors[tensor], self.specs[tensor])
        return self._tensor(with_constant(made, self._buffer(codes)))

    def _bias(self, tensor: int, scale: NDArray[np.float64]) -> int:
        reals = self.buffers[self.floats.tensors[tensor].buffer].data.view("<f4")
        own, codes = wide_bias(reals, scale)
        buffer = self._buffer(codes)
        return self._tensor(with_constant(self.graph.tensors[tensor], buffer, "int64", own))

    def _tensor(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _buffer(self, buffer: Buffer) -> int:
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def _emit(self, name: str, source: int, target: int) -> None:
        code = OperatorCode(name)
        if code not in self.codes:
            self.codes.append(code)
        operator = Operator(self.codes.index(code), code, (source,), (target,), NO_OPTIONS)
        self.operators.append(operator)
