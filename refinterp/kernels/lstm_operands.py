"""What the LSTM operators share: the order of their inputs, their checks, their sequences.

A full LSTM has 24 inputs (20 in old files, which lack the last four). Those of one gate stand four
apart from each other's kin: input, forget, cell and output gate. A cell without an input gate
(CIFG) uses 1 - forget instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import FullLstm
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array

WEIGHTS: Final = 1  # four: data to each gate
RECURRENT: Final = 5  # four: previous output to each gate
PEEPHOLE: Final = 9  # three: cell state to the input, forget and output gate
BIAS: Final = 12  # four
PROJECTION: Final = 16
PROJECTION_BIAS: Final = 17
OUTPUT_STATE: Final = 18
CELL_STATE: Final = 19
NORM: Final = 20  # four: layer normalization

T = TypeVar("T")


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


def at(given: Sequence[T | None], index: int) -> T | None:
    """An operand by its place, None where it is left out or the file is older than it."""
    return given[index] if index < len(given) else None


def present(given: Sequence[T | None], index: int) -> T:
    """An operand that must be there; raises ModelError."""
    found = at(given, index)
    if found is None:
        raise ModelError(f"operand {FullLstm.name_of(index)} must not be left out")
    return found


def peephole(operands: FullLstm[TensorSpec], gate: int) -> int | None:
    """The place of a gate's peephole weights, or None: the cell gate has none."""
    place = {0: 0, 1: 1, 3: 2}.get(gate)
    return None if place is None or at(operands, PEEPHOLE + place) is None else PEEPHOLE + place


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
    allowed: dict[int, tuple[Shape, ...]] = {}
    square = ((size.cells, size.outputs), *([(size.cells,)] if size.cells == size.outputs else []))
    for gate in range(4):
        allowed[WEIGHTS + gate] = ((size.cells, size.data),)
        allowed[RECURRENT + gate] = square
        allowed[BIAS + gate] = ((size.cells,),)
        allowed[NORM + gate] = ((size.cells,),)
        allowed[PEEPHOLE + min(gate, 2)] = ((size.cells,),)
    allowed[PROJECTION] = ((size.outputs, size.cells),)
    allowed[PROJECTION_BIAS] = ((size.outputs,),)
    for index, shapes in allowed.items():
        spec = at(operands, index)
        if spec is not None and spec.shape not in shapes:
            raise ModelError(
                f"input {index} ({spec.name!r}) has shape {list(spec.shape)}; allowed: "
                + " or ".join(str(list(shape)) for shape in shapes)
            )
    _check_states(operands, size)
    given = [at(operands, index) is not None for index in (WEIGHTS, RECURRENT, BIAS)]
    if any(given) != all(given):
        raise ModelError(
            "the input gate needs weights, recurrent weights and bias, or none of them"
        )
    if operands.projection_weights is None and size.cells != size.outputs:
        raise ModelError(
            f"{size.cells} cells give {size.outputs} outputs without projection weights"
        )
    holes = [at(operands, PEEPHOLE + i) is not None for i in (0, 1, 2)]
    if holes[1] != holes[2] or (holes[0] and not holes[1]):
        raise ModelError("peephole weights must be there for all gates or for none")


def _check_states(operands: FullLstm[TensorSpec], size: Sizes) -> None:
    """The two states must be variables of the right size, whatever their rank."""
    for state, width in (
        (operands.output_state, size.outputs),
        (operands.cell_state, size.cells),
    ):
        if not state.is_variable or state.size != size.batch * width:
            raise ModelError(
                f"state {state.name!r} must be a variable of {size.batch * width} elements; it has "
                f"{state.size}{'' if state.is_variable else ' and is no variable'}"
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
