"""The operands of an operator, by name: what stands at which place of its list of inputs.

One class for each list of names; many operators share one. An instance is a tuple of what the
operands are at the time (specs while an operator is prepared, arrays while it runs) that is as long
as the operator's list in the file. An annotation says what an operand is:

    name: T              required
    name: T | None       may be left out, by -1 in the file or by a shorter list; it reads as None
    rest: tuple[T, ...]  any number, at the end
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import get_annotations
from operator import itemgetter
from typing import Any, ClassVar, Final, Generic, TypeVar

T = TypeVar("T")

LSTM_GATES: Final = ("input", "forget", "cell", "output")
DIRECTIONS: Final = ("fw", "bw")
"""What the names of operands begin with where there are two layers, of which one runs backward."""


class Operands(tuple[Any, ...], Generic[T]):
    """Operands by place. Subclasses name them.

    required: for each name, in order, whether it must be there; fewest: how many operands there
    are at least, up to the last required one; many: what takes all that remain, or None.
    """

    __slots__ = ()
    names: ClassVar[tuple[str, ...]] = ()
    required: ClassVar[tuple[bool, ...]] = ()
    fewest: ClassVar[int] = 0
    many: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, annotation in get_annotations(cls).items():
            place = len(cls.names)
            if annotation == "tuple[T, ...]":
                cls.many = name
                setattr(cls, name, property(_from(place)))
                continue
            needed = annotation == "T"
            cls.names = (*cls.names, name)
            cls.required = (*cls.required, needed)
            cls.fewest = place + 1 if needed else cls.fewest
            setattr(cls, name, property(itemgetter(place) if needed else _if_given(place)))

    @property
    def state(self) -> tuple[T, ...]:
        """What an operator that remembers is given after its operands, which are all required."""
        return self[len(self.names) :]

    @classmethod
    def most(cls) -> int | None:
        """How many operands there are at most, or None for any number."""
        return None if cls.many else len(cls.names)

    @classmethod
    def kind_of(cls, place: int) -> str:
        """The name that the operand at a place has, alone or with all the rest."""
        return cls.names[place] if place < len(cls.names) else cls.many or ""

    @classmethod
    def name_of(cls, place: int) -> str:
        """What the operand at a place is called: its name, or that of the rest and its number."""
        kind = cls.kind_of(place)
        return kind if place < len(cls.names) else f"{kind}[{place - len(cls.names)}]"


def _from(place: int) -> Callable[[Any], Any]:
    return lambda operands: tuple(operands[place:])


def _if_given(place: int) -> Callable[[Any], Any]:
    return lambda operands: operands[place] if place < len(operands) else None


class Nothing(Operands[T]):
    """An operator without operands."""


class Unary(Operands[T]):
    """One operand."""

    input: T


class Binary(Operands[T]):
    """Two operands, which mostly broadcast."""

    left: T
    right: T


class Variadic(Operands[T]):
    """Any number of operands of one kind."""

    rest: tuple[T, ...]


class Conditional(Operands[T]):
    """A condition, and what is handed to its branches."""

    condition: T
    rest: tuple[T, ...]


class Weighted(Operands[T]):
    """Data, and the filter they are multiplied with."""

    input: T
    filter: T
    bias: T | None


class TransposedWeighted(Operands[T]):
    """A transposed convolution, whose output's shape is given first."""

    output_shape: T
    filter: T
    input: T
    bias: T | None


class Reduced(Operands[T]):
    """What is reduced, or reversed, along which axes."""

    input: T
    axes: T


class AlongAxis(Operands[T]):
    """What is worked on along one axis."""

    input: T
    axis: T


class Reshaped(Operands[T]):
    """What gets another shape, which may also stand in the options."""

    input: T
    shape: T | None


class Expanded(Operands[T]):
    """What is repeated to fill a shape."""

    input: T
    shape: T


class Tiled(Operands[T]):
    """What is repeated, and how often along each axis."""

    input: T
    multiples: T


class Permuted(Operands[T]):
    """What gets its axes in another order."""

    input: T
    permutation: T


class Padded(Operands[T]):
    """What gets margins, and what is written into them."""

    input: T
    paddings: T
    value: T | None


class Mirrored(Operands[T]):
    """What gets margins that mirror it."""

    input: T
    paddings: T


class Blocks(Operands[T]):
    """Space and batches, moved into each other; margins: paddings or crops."""

    input: T
    block_shape: T
    margins: T


class Resized(Operands[T]):
    """An image and the size it gets."""

    input: T
    size: T


class Sliced(Operands[T]):
    """What a part is taken of."""

    input: T
    begin: T
    size: T


class Strided(Operands[T]):
    """What every so many elements are taken of."""

    input: T
    begin: T
    end: T
    strides: T


class Gathered(Operands[T]):
    """What elements are taken of, by index."""

    input: T
    indices: T


class Scattered(Operands[T]):
    """Values for some places of an array of a shape; others are 0."""

    indices: T
    updates: T
    shape: T


class ScatteredInto(Operands[T]):
    """Values for some places of a given array."""

    input: T
    indices: T
    updates: T


class Sparse(Operands[T]):
    """Values for some places of an array of a shape, and one for the others."""

    indices: T
    shape: T
    values: T
    default: T


class Updated(Operands[T]):
    """What a part of is replaced, by what, from where."""

    input: T
    update: T
    start: T


class Selected(Operands[T]):
    """A condition, and the values where it is true and where it is not."""

    condition: T
    when_true: T
    when_false: T


class EvenSplit(Operands[T]):
    """What is cut into equal parts."""

    axis: T
    input: T


class SplitBySizes(Operands[T]):
    """What is cut into parts of given sizes."""

    input: T
    sizes: T
    axis: T


class OneHotValues(Operands[T]):
    """Which of `depth` places gets one value, and which value the others get."""

    indices: T
    depth: T
    on_value: T
    off_value: T


class Span(Operands[T]):
    """Numbers from start up to limit, by delta."""

    start: T
    limit: T
    delta: T


class Filled(Operands[T]):
    """A shape, and the value that fills it."""

    shape: T
    value: T


class Top(Operands[T]):
    """Rows, and how many of each are kept."""

    input: T
    k: T


class Embedded(Operands[T]):
    """Rows of a table, by index."""

    indices: T
    table: T


class Looked(Operands[T]):
    """Rows of a table, by key."""

    lookup: T
    keys: T
    values: T


class Sloped(Operands[T]):
    """Data, and the slopes of their negative side."""

    input: T
    alpha: T


class Sequences(Operands[T]):
    """Sequences, and their lengths."""

    input: T
    lengths: T


class Segmented(Operands[T]):
    """Rows, and the segment each belongs to, in order."""

    input: T
    segments: T


class SegmentedAnyhow(Segmented[T]):
    """As `Segmented`, in any order; and how many segments there are."""

    count_of_segments: T


class Diagonal(Operands[T]):
    """Matrices, and the diagonal they get."""

    input: T
    diagonal: T


class Windowed(Operands[T]):
    """What windows are reduced of, the value each starts from, and the windows."""

    input: T
    initial: T
    window: T
    strides: T
    dilations: T


class Started(Operands[T]):
    """What is reduced or padded, and the one value that this starts from or is filled with."""

    input: T
    initial: T


class Dilated(Operands[T]):
    """What is spread out, by how much, and what lies between."""

    input: T
    dilations: T
    value: T


class Suppressed(Operands[T]):
    """Boxes of which those are dropped that a better one covers."""

    boxes: T
    scores: T
    max_outputs: T
    iou_threshold: T
    score_threshold: T


class SoftlySuppressed(Suppressed[T]):
    """As `Suppressed`; sigma: how softly."""

    sigma: T


class Detections(Operands[T]):
    """Encoded boxes, their scores, and the anchors they are encoded against."""

    boxes: T
    scores: T
    anchors: T


class Handle(Operands[T]):
    """A resource variable."""

    handle: T


class Assigned(Operands[T]):
    """A resource variable and its new value."""

    handle: T
    value: T


class SingularFilter(Operands[T]):
    """SVDF: data, the two factors of the filter, and the last activations."""

    input: T
    feature_weights: T
    time_weights: T
    bias: T | None
    activations: T


class SingleMatrixLstm(Operands[T]):
    """The LSTM of one matrix; the gates stand one after the other in it."""

    input: T
    output_state: T
    weights: T
    bias: T
    cell_state: T


@dataclass(frozen=True, slots=True)
class GateOperands(Generic[T]):
    """What belongs to one gate of an LSTM.

    The first three are there together, or, of a cell without an input gate, none of them.
    """

    weights: T
    recurrent_weights: T
    bias: T
    peephole_weights: T | None
    layer_norm: T | None


class FullLstm(Operands[T]):
    """The LSTM of a matrix per gate; what belongs to the input gate may be left out (CIFG)."""

    input: T
    input_to_input_weights: T | None
    input_to_forget_weights: T
    input_to_cell_weights: T
    input_to_output_weights: T
    recurrent_to_input_weights: T | None
    recurrent_to_forget_weights: T
    recurrent_to_cell_weights: T
    recurrent_to_output_weights: T
    cell_to_input_weights: T | None
    cell_to_forget_weights: T | None
    cell_to_output_weights: T | None
    input_gate_bias: T | None
    forget_gate_bias: T
    cell_gate_bias: T
    output_gate_bias: T
    projection_weights: T | None
    projection_bias: T | None
    output_state: T
    cell_state: T
    input_layer_norm: T | None
    forget_layer_norm: T | None
    cell_layer_norm: T | None
    output_layer_norm: T | None

    def gate(self, gate: str) -> GateOperands[T]:
        """What belongs to one of `LSTM_GATES`; there are no peephole weights of the cell gate."""
        return GateOperands(
            getattr(self, f"input_to_{gate}_weights"),
            getattr(self, f"recurrent_to_{gate}_weights"),
            getattr(self, f"{gate}_gate_bias"),
            None if gate == "cell" else getattr(self, f"cell_to_{gate}_weights"),
            getattr(self, f"{gate}_layer_norm"),
        )


class BidirectionalLstm(Operands[T]):
    """Two LSTMs, forward and backward in time, and auxiliary data for both."""

    input: T
    fw_input_to_input_weights: T | None
    fw_input_to_forget_weights: T
    fw_input_to_cell_weights: T
    fw_input_to_output_weights: T
    fw_recurrent_to_input_weights: T | None
    fw_recurrent_to_forget_weights: T
    fw_recurrent_to_cell_weights: T
    fw_recurrent_to_output_weights: T
    fw_cell_to_input_weights: T | None
    fw_cell_to_forget_weights: T | None
    fw_cell_to_output_weights: T | None
    fw_input_gate_bias: T | None
    fw_forget_gate_bias: T
    fw_cell_gate_bias: T
    fw_output_gate_bias: T
    fw_projection_weights: T | None
    fw_projection_bias: T | None
    bw_input_to_input_weights: T | None
    bw_input_to_forget_weights: T
    bw_input_to_cell_weights: T
    bw_input_to_output_weights: T
    bw_recurrent_to_input_weights: T | None
    bw_recurrent_to_forget_weights: T
    bw_recurrent_to_cell_weights: T
    bw_recurrent_to_output_weights: T
    bw_cell_to_input_weights: T | None
    bw_cell_to_forget_weights: T | None
    bw_cell_to_output_weights: T | None
    bw_input_gate_bias: T | None
    bw_forget_gate_bias: T
    bw_cell_gate_bias: T
    bw_output_gate_bias: T
    bw_projection_weights: T | None
    bw_projection_bias: T | None
    fw_output_state: T
    fw_cell_state: T
    bw_output_state: T
    bw_cell_state: T
    auxiliary_input: T | None
    fw_auxiliary_to_input_weights: T | None
    fw_auxiliary_to_forget_weights: T | None
    fw_auxiliary_to_cell_weights: T | None
    fw_auxiliary_to_output_weights: T | None
    bw_auxiliary_to_input_weights: T | None
    bw_auxiliary_to_forget_weights: T | None
    bw_auxiliary_to_cell_weights: T | None
    bw_auxiliary_to_output_weights: T | None

    def direction(self, way: str) -> FullLstm[T]:
        """The LSTM of one of `DIRECTIONS`, without layer normalization."""
        own = (getattr(self, f"{way}_{name}", None) for name in FullLstm.names[1:])
        return FullLstm((self.input, *own))

    def auxiliary_weights(self, way: str) -> dict[str, T | None]:
        """The weights of the auxiliary data in one of `DIRECTIONS`, by gate."""
        return {gate: getattr(self, f"{way}_auxiliary_to_{gate}_weights") for gate in LSTM_GATES}


class Recurrent(Operands[T]):
    """A simple recurrent layer; hidden_state: a variable, the last output."""

    input: T
    weights: T
    recurrent_weights: T
    bias: T
    hidden_state: T


class BidirectionalRecurrent(Operands[T]):
    """Two simple recurrent layers, forward and backward in time."""

    input: T
    fw_weights: T
    fw_recurrent_weights: T
    fw_bias: T
    fw_hidden_state: T
    bw_weights: T
    bw_recurrent_weights: T
    bw_bias: T
    bw_hidden_state: T
    auxiliary_input: T | None
    fw_auxiliary_weights: T | None
    bw_auxiliary_weights: T | None

    def direction(self, way: str) -> Recurrent[T]:
        """The layer of one of `DIRECTIONS`, without auxiliary data."""
        own = (getattr(self, f"{way}_{name}") for name in Recurrent.names[1:])
        return Recurrent((self.input, *own))


class Tapered(Operands[T]):
    """Frames, and the window they are multiplied with."""

    input: T
    weights: T


class FilterBank(Operands[T]):
    """Frequencies, and the triangles they are summed up in."""

    input: T
    weights: T
    unweights: T
    channel_frequency_starts: T
    channel_weight_starts: T
    channel_widths: T


class ShiftedRoot(Operands[T]):
    """Numbers, and by how many bits their roots are shifted."""

    input: T
    scale_bits: T


class GainControlled(Operands[T]):
    """Channels, their noise, and the table of gains."""

    input: T
    noise_estimate: T
    gain_table: T
