"""What the LSTM operators share: options, sizes, checks of their operands, their sequences.

A full LSTM has 24 operands (20 in old files, which lack the last four). A cell without an input
gate (CIFG) uses 1 - forget instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import LSTM_GATES, FullLstm, Operands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.weighted import product_scale

FED: Final = frozenset(("input", "output_state", "cell_state"))
"""Operands that are never constants."""

T = TypeVar("T")
AnyOperands = TypeVar("AnyOperands", bound=Operands[Any])


@dataclass(frozen=True, slots=True)
class LstmOptions:
    """Schema tables LSTMOptions and UnidirectionalSequenceLSTMOptions; and the intermediates."""

    fused_activation_function: str | int = "NONE"
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    kernel_type: str | int = "FULL"
    time_major: bool = False
    asymmetric_quantize_inputs: bool = False
    intermediates: tuple[TensorSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of one LSTM: data per step, cells, and outputs (cells, unless projected)."""

    batch: int
    time: int
    data: int
    cells: int
    outputs: int


def values(operands: Operands[TensorSpec], fed: Collection[str]) -> Any:
    """The constants under the same names; None where one is missing that is not `fed` always."""
    given = [spec for name, spec in zip(operands.names, operands, strict=False) if name not in fed]
    if any(spec is not None and spec.data is None for spec in given):
        return None
    return type(operands)(None if spec is None else spec.data for spec in operands)


def first_sample(operands: AnyOperands) -> AnyOperands:
    """Arrays (S, *shape) as the weights of a cell (*shape): samples share them."""
    return type(operands)(None if array is None else array[0] for array in operands)


def addressed(arrays: FullLstm[Any]) -> FullLstm[Any]:
    """A cell's operands as LiteRT takes them: weights without elements have no address.

    Those of the input gate then count as left out, so that a cell of data without elements
    computes 1 - forget instead of that gate.
    """
    first = arrays.input_to_input_weights
    if first is None or first.size:
        return arrays
    return FullLstm(None if array is first else array for array in arrays)


class DynamicOptions(Protocol):
    """Options of layers that multiply codes made as the data come."""

    @property
    def asymmetric_quantize_inputs(self) -> bool:
        """Whether these codes have a zero point."""
        ...


def zero_points(weights: TensorSpec, options: DynamicOptions) -> bool | None:
    """What `Kernel.zero_points` is for weights that are float32, or codes."""
    return None if weights.dtype == "float32" else options.asymmetric_quantize_inputs


def present(found: T | None, name: str) -> T:
    """An operand that must be there; raises ModelError."""
    if found is None:
        raise ModelError(f"operand {name} must not be left out")
    return found


def check_scales(operands: FullLstm[TensorSpec]) -> None:
    """Weights must be float32, or int8 with a scale; raises ModelError."""
    gates = [operands.gate(name) for name in LSTM_GATES]
    own = [(gate.weights, gate.recurrent_weights, gate.peephole_weights) for gate in gates]
    for spec in (*chain(*own), operands.projection_weights):
        if spec is not None:
            product_scale(spec)


def sizes(operands: FullLstm[TensorSpec], *, time_major: bool) -> Sizes:
    """Check what is there and how it fits together; raises ModelError."""
    if len(operands) not in (20, 24):
        raise ModelError(f"an LSTM has 20 or 24 operands, not {len(operands)}")
    x = operands.input
    steps: Shape = (1, x.shape[0]) if len(x.shape) == 2 else x.shape[:2]
    time, batch = steps if time_major or len(x.shape) == 2 else steps[::-1]
    weights, recurrent = operands.input_to_output_weights, operands.recurrent_to_output_weights
    cells, outputs = weights.shape[0], recurrent.shape[-1]
    size = Sizes(batch, time, x.shape[-1], cells, outputs)
    _check(operands, size)
    return size


def _check(operands: FullLstm[TensorSpec], size: Sizes) -> None:
    row = (size.cells,)
    square = ((size.cells, size.outputs), *([row] if size.cells == size.outputs else []))
    allowed: list[tuple[str, TensorSpec | None, tuple[Shape, ...]]] = [
        ("projection_weights", operands.projection_weights, ((size.outputs, size.cells),)),
        ("projection_bias", operands.projection_bias, ((size.outputs,),)),
    ]
    for name in LSTM_GATES:
        gate = operands.gate(name)
        allowed += [
            (f"input_to_{name}_weights", gate.weights, ((size.cells, size.data),)),
            (f"recurrent_to_{name}_weights", gate.recurrent_weights, square),
            (f"{name}_gate_bias", gate.bias, (row,)),
            (f"cell_to_{name}_weights", gate.peephole_weights, (row,)),
            (f"{name}_layer_norm", gate.layer_norm, (row,)),
        ]
    for what, spec, shapes in allowed:
        if spec is not None and spec.shape not in shapes:
            raise ModelError(
                f"operand {what} {spec.name!r}: found shape {list(spec.shape)}; allowed: "
                + " or ".join(str(list(shape)) for shape in shapes)
            )
    if size.cells == 0 and size.outputs:
        raise ModelError(
            f"operand input_to_output_weights {operands.input_to_output_weights.name!r}: found no "
            f"rows; allowed: a row for each cell, of which {size.outputs} outputs are projected"
        )
    _check_states(operands, size)
    first = operands.gate("input")
    given = [spec is not None for spec in (first.weights, first.recurrent_weights, first.bias)]
    if any(given) != all(given):
        raise ModelError(
            "the input gate needs weights, recurrent weights and bias, or none of them"
        )
    if operands.projection_weights is None and size.cells != size.outputs:
        raise ModelError(
            f"{size.cells} cells give {size.outputs} outputs without projection weights"
        )
    holes = [
        operands.gate(name).peephole_weights is not None for name in ("input", "forget", "output")
    ]
    if holes[1] != holes[2] or (holes[0] and not holes[1]):
        raise ModelError("peephole weights must be there for all gates or for none")


def _check_states(operands: FullLstm[TensorSpec], size: Sizes) -> None:
    """The two states must be variables of the right size, whatever their rank."""
    for name, state, width in (
        ("output_state", operands.output_state, size.outputs),
        ("cell_state", operands.cell_state, size.cells),
    ):
        if not state.is_variable or state.size != size.batch * width:
            raise ModelError(
                f"operand {name} {state.name!r}: found "
                f"{'a variable' if state.is_variable else 'no variable'} of {state.size} elements; "
                f"allowed: a variable of {size.batch * width}"
            )


def lstm_output_shapes(operands: FullLstm[TensorSpec], options: LstmOptions) -> tuple[Shape, ...]:
    """The data's shape, with the outputs for its last size."""
    size = sizes(operands, time_major=options.time_major)
    return ((*operands.input.shape[:-1], size.outputs),)


def steps(x: Array, y: Array, *, time_major: bool) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield every sample's data and result as (time, batch, n) views, in order.

    x, y: (S, batch, time, n), (S, time, batch, n) if time_major, or (S, batch, n) for one step.
    """
    for own_x, own_y in zip(x, y, strict=True):
        if own_x.ndim == 2:
            yield own_x[None], own_y[None]
        elif time_major:
            yield own_x, own_y
        else:
            yield own_x.swapaxes(0, 1), own_y.swapaxes(0, 1)


def spread(array: Array, samples: int) -> Array:
    """View data that all samples share as one array per sample."""
    return np.broadcast_to(array, (samples, *array.shape[1:]))
