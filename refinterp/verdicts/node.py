"""An operator as a runtime sees it when it prepares it, and the checks that rules are made of.

A check returns nothing when it is met, and raises `Refusal` with the value found and what is
allowed when it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.flexbuffer import read_map
from refinterp.graph.model import OPTIONAL, Model, Operator, Shape, Subgraph, Tensor
from refinterp.verdicts.verdict import Refusal, Stage

_LONGEST = 44
"""Signs of a tensor's name that sentences show: names of fused layers have hundreds."""


def _short(name: str) -> str:
    """A name, without its middle if it is long: its end tells most."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST // 3]}…{name[-(2 * _LONGEST // 3) :]}"


class Operand:
    """One tensor that an operator reads or writes.

    place: side and position. shape, dtype: as the runtime knows them by then.
    constant: the file gives its value. variable: it keeps its value between runs.
    """

    def __init__(
        self, model: Model, tensor: Tensor, place: tuple[str, int], shape: Shape, dtype: str
    ) -> None:
        self._model = model
        self._place = place
        self.tensor = tensor
        self.shape = shape
        self.dtype = dtype
        self.constant = has_constant(model, tensor)
        self.variable = tensor.is_variable

    @cached_property
    def label(self) -> str:
        """How sentences call it ("input 0 'x'")."""
        side, position = self._place
        return f"{side} {position} ({_short(self.tensor.name)!r})"

    @property
    def empty(self) -> bool:
        """Whether neither the file nor an earlier run gives it a value."""
        return not (self.constant or self.variable or self.tensor.external_buffer)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def extent(self, axis: int) -> int:
        """A size; -1 for a dimension that it does not have, where C reads anything."""
        return self.shape[axis] if 0 <= axis < len(self.shape) else -1

    @property
    def size(self) -> int:
        """Number of elements."""
        total = 1
        for extent in self.shape:
            total *= extent
        return total

    @property
    def scales(self) -> NDArray[np.float32]:
        """The scales, none if it is not quantized."""
        q = self.tensor.quantization
        return np.empty(0, np.float32) if q is None else q.scale

    @property
    def zeros(self) -> NDArray[np.int64]:
        """The zero points as the file has them."""
        q = self.tensor.quantization
        return np.empty(0, np.int64) if q is None else q.zero_point

    @property
    def quantized(self) -> bool:
        """Whether there is a scale."""
        return self.scales.size > 0

    @property
    def affine(self) -> bool:
        """Whether there is a scale and a zero point."""
        return self.scales.size > 0 and self.zeros.size > 0

    @property
    def axis(self) -> int:
        """The dimension the scales run along."""
        q = self.tensor.quantization
        return 0 if q is None else q.quantized_dimension

    @property
    def blocks(self) -> Mapping[str, Any] | None:
        """The details of blockwise quantization, if the tensor has them."""
        q = self.tensor.quantization
        if q is None or q.details is None or q.details[0] != "BlockwiseQuantization":
            return None
        return q.details[1]

    @property
    def scale(self) -> float:
        """The one scale of the tensor; 0 where there is none or there are several."""
        return float(self.scales[0]) if self.scales.size == 1 else 0.0

    @property
    def zero(self) -> int:
        """The one zero point of the tensor; 0 where there is none or there are several."""
        return int(self.zeros[0]) if self.scales.size == 1 and self.zeros.size else 0

    @property
    def first_scale(self) -> float:
        """The first scale, which TFLM takes for that of the tensor; 0 where there is none."""
        return float(self.scales[0]) if self.scales.size else 0.0

    @property
    def first_zero(self) -> int:
        """The first zero point; 0 where there is none."""
        return int(self.zeros[0]) if self.scales.size and self.zeros.size else 0

    @property
    def raw(self) -> NDArray[np.uint8] | None:
        """The constant's bytes as the file has them; None if it is none."""
        return self._model.buffers[self.tensor.buffer].data if self.constant else None

    @cached_property
    def value(self) -> NDArray[Any] | None:
        """The constant's value, None where there is none or its bytes do not fit."""
        try:
            return constant(self._model, self.tensor)
        except ModelError:
            return None

    def integers(self) -> list[int] | None:
        """The constant's values as integers, flat; None where they are not known."""
        value = self.value
        return None if value is None else [int(v) for v in value.reshape(-1)]


@dataclass(slots=True)
class KnownTensors:
    """Shapes and types of a subgraph's tensors, by index, where they are not the file's."""

    shapes: dict[int, Shape] = field(default_factory=dict)
    dtypes: dict[int, str] = field(default_factory=dict)

    def follow(self, node: Node) -> None:
        """Give an operator's result the shape and type of its first input."""
        x = node.inputs[0] if node.inputs else None
        if x is not None and node.operator.outputs:
            self.shapes[node.operator.outputs[0]] = x.shape
            self.dtypes[node.operator.outputs[0]] = x.dtype


class Node:
    """One operator. known: of tensors, where that differs from the file."""

    def __init__(
        self,
        model: Model,
        subgraph: int,
        index: int,
        known: KnownTensors | None = None,
    ) -> None:
        self.model = model
        self.subgraph = subgraph
        self.index = index
        self.graph: Subgraph = model.subgraphs[subgraph]
        self.operator: Operator = self.graph.operators[index]
        self.name = self.operator.name
        self.version = self.operator.code.version if self.operator.code else 1
        self.custom = self.operator.code is not None and self.operator.code.builtin == "CUSTOM"
        self._known = known or KnownTensors()
        self.inputs = self._operands(self.operator.inputs, "input")
        self.outputs = self._operands(self.operator.outputs, "output")

    def _operands(self, indices: Sequence[int], side: str) -> tuple[Operand | None, ...]:
        found: list[Operand | None] = []
        for position, index in enumerate(indices):
            if not OPTIONAL < index < len(self.graph.tensors):
                found.append(None)
                continue
            tensor = self.graph.tensors[index]
            shape = self._known.shapes.get(index, tensor.shape)
            dtype = self._known.dtypes.get(index, str(tensor.dtype))
            found.append(Operand(self.model, tensor, (side, position), shape, dtype))
        return tuple(found)

    @cached_property
    def intermediates(self) -> tuple[Operand | None, ...]:
        """Tensors that only the operator's definition names."""
        return self._operands(self.operator.intermediates, "intermediate")

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """The fields of the operator's options; a custom operator's map."""
        operator = self.operator
        if self.custom:
            try:
                return read_map(operator.custom_options.tobytes())
            except ModelError:
                return {}
        return operator.options or operator.options_2

    def option(self, name: str, default: Any = None) -> Any:
        """One option."""
        return self.options.get(name, default)

    def never_written(self, x: Operand) -> bool:
        """Whether a tensor is no input of the subgraph and no operator's output."""
        index = next((i for i in self.operator.inputs if i >= 0
                      and self.graph.tensors[i] is x.tensor), None)  # fmt: skip
        return index not in self.graph.inputs and not any(
            index in operator.outputs for operator in self.graph.operators
        )

    def has(self, position: int) -> bool:
        """Whether there is an input at a position, and it is not left out."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def x(self, position: int = 0, *, aborts: bool = False) -> Operand:
        """An input that must be there; aborts: the runtime does not look, and falls over it."""
        operand = self.inputs[position] if position < len(self.inputs) else None
        if operand is None:
            refuse("operands", f"input {position} is left out, and needed", aborts=aborts)
        return operand

    def y(self, position: int = 0, *, aborts: bool = False) -> Operand:
        """An output that must be there."""
        operand = self.outputs[position] if position < len(self.outputs) else None
        if operand is None:
            refuse("operands", f"output {position} is left out, and needed", aborts=aborts)
        return operand

    # Checks

    def counts(self, inputs: int | Collection[int], outputs: int | Collection[int] = 1) -> None:
        """So many inputs (left-out ones count) and outputs."""
        for what, found, allowed in (
            ("inputs", len(self.inputs), inputs),
            ("outputs", len(self.outputs), outputs),
        ):
            numbers = (allowed,) if isinstance(allowed, int) else allowed
            if found not in numbers:
                refuse("operands", f"it has {found} {what}; allowed: {_listed(numbers)}")


def refuse(rule: str, why: str, *, aborts: bool = False, stage: Stage = "prepare") -> NoReturn:
    """Raise the refusal."""
    raise Refusal(rule, why, aborts=aborts, stage=stage)


def need(met: bool, rule: str, why: str, *, aborts: bool = False, stage: Stage = "prepare") -> None:
    """Refuse unless a condition is met; why: what is found, and what is allowed."""
    if not met:
        raise Refusal(rule, why, aborts=aborts, stage=stage)


def types(operand: Operand, *allowed: str) -> None:
    """The operand is of one of these types."""
    if operand.dtype not in allowed:
        refuse("types", f"{operand.label} is of {operand.dtype}; allowed: {', '.join(allowed)}")


def runs_on(operand: Operand, *allowed: str) -> None:
    """The same, found out in a run only."""
    if operand.dtype not in allowed:
        refuse(
            "types",
            f"{operand.label} is of {operand.dtype}; allowed: {', '.join(allowed)}",
            stage="invoke",
        )


def same_type(a: Operand, b: Operand) -> None:
    """Two operands are of one type."""
    if a.dtype != b.dtype:
        refuse("types", f"{a.label} is of {a.dtype} and {b.label} of {b.dtype}; allowed: the same")


def rank(operand: Operand, least: int, most: int | None = None) -> None:
    """The operand has so many dimensions."""
    most = least if most is None else most
    if not least <= operand.rank <= most:
        allowed = str(least) if least == most else f"{least} to {most}"
        refuse("rank", f"{operand.label} has {operand.rank} dimensions; allowed: {allowed}")


def same_shape(a: Operand, b: Operand) -> None:
    """Two operands have one shape."""
    if a.shape != b.shape:
        refuse(
            "shapes",
            f"{a.label} has shape {list(a.shape)} and {b.label} {list(b.shape)}; allowed: the same",
        )


def same_scale(a: Operand, b: Operand) -> None:
    """Two operands have the same scale."""
    if a.scale != b.scale:
        refuse(
            "scales",
            f"{a.label} has scale {a.scale:.9g} and {b.label} {b.scale:.9g}; allowed: the same",
        )


def same_zero(a: Operand, b: Operand) -> None:
    """Two operands have the same zero point."""
    if a.zero != b.zero:
        refuse(
            "zero points",
            f"{a.label} has zero point {a.zero} and {b.label} {b.zero}; allowed: the same",
        )


def zero_is(operand: Operand, *allowed: int) -> None:
    """The zero point is one of these."""
    if operand.zero not in allowed:
        refuse(
            "zero points",
            f"{operand.label} has zero point {operand.zero}; allowed: {_listed(allowed)}",
        )


def is_constant(operand: Operand) -> None:
    """The file gives the operand's value."""
    if not operand.constant:
        refuse("constants", f"{operand.label} is computed at run time; it must be a constant")


def _listed(numbers: Collection[int]) -> str:
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return " or ".join(map(str, ordered))


# Scales


def per_tensor(operand: Operand) -> None:
    """It has one scale."""
    if operand.scales.size != 1:
        refuse("scales", f"{operand.label} has {operand.scales.size} scales; allowed: 1")


def is_quantized(operand: Operand) -> None:
    """It has scales and zero points."""
    if not operand.affine:
        refuse("quantization", f"{operand.label} is not quantized; it must be")


def not_quantized(operand: Operand) -> None:
    """It has no scales."""
    if operand.affine:
        refuse("quantization", f"{operand.label} is quantized; it must not be")


def below_one(real: float, what: str) -> None:
    """A multiplier between 0 and 1, without which a runtime aborts."""
    if not 0 < real < 1:
        refuse(
            "multiplier",
            f"{what} is {real:.9g}; allowed: more than 0 and less than 1",
            aborts=True,
        )


def clamp_fits(operand: Operand, activation: str, scale: float) -> None:
    """The bounds of a fused activation can be written in the result's codes."""
    bounds = {"RELU": (0.0,), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
    with np.errstate(all="ignore"):
        for bound in bounds.get(activation, ()):
            code = float(np.float32(bound) / np.float32(scale))
            if not -(2.0**31) <= code <= 2.0**31 - 1:
                refuse(
                    "scales",
                    f"{operand.label} has scale {scale:.9g}, of which the bound {bound:g} of "
                    f"{activation} is no 32-bit multiple",
                )
