"""What an operator is: its operands and results, and what kind of operation it is.

One row for each operator that has a kernel, by its name in the schema or its custom name. Whoever
needs to know such a thing reads it here; there is no other list of operators. `graph.misfits` holds
the operators of a model against their rows before a kernel sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from refinterp.graph import operands as o
from refinterp.graph.operands import Operands

Grid = tuple[float, int]
"""A scale and a zero point."""

Ranks = tuple[int, int | None]
"""The lowest and the highest rank; None: any."""


@dataclass(frozen=True, slots=True)
class By:
    """Types by the type of an operand; any type where that is not listed."""

    operand: str
    types: Mapping[str, tuple[str, ...]]


Types = str | tuple[str, ...] | By
"""The types of an operand or result: those of the operand of this name, one of these, or `By`."""

CODES: Final = ("int8", "uint8", "int16", "int4", "int2", "uint4")
"""Types whose elements stand for reals by a scale, where an operator does arithmetic with them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatorFacts:
    """One operator.

    operands: their names, and which may be left out.
    few_operands: the names where there are as few operands as these have, for old forms.
    fewest_operands: how many there are at least where more are than the required ones.
    data: the operand whose type says which kernel runs; the first by default. Old forms have it at
        the same place, and the weights.
    weights: the operand whose type says so, too, where it is not that of the data.
    results: their names; None where the model says how many there are: all are called "output".
    fewest_results: how many of them there are at least; all by default.
    ranks: of operands, where not every rank is right.
    one_shape: operands that have the same shape.
    types: of operands and results; what is not listed may be of any type that has a kernel.
    scaled: operands and results that need a scale when they are of `scaled_types`.
    filter_axis: of a weighted operator, the filter's axis of output channels, which may have a
        scale each; else None.
    depthwise: a weighted operator each of whose channels reads one channel of the data.
    adds, multiplies: element by element, operands of grids of their own.
    fixed: by the types of operand and result, the grid the result is defined on.
    calls: the options that say which subgraphs it calls.
    conversion: the result says the same in other numbers.
    makes_codes, makes_reals: conversions to codes, from codes or reals, and to reals.
    reshapes: the result has the same elements in the same order.
    keeps_grid: codes stand for reals as they did: elements are moved, chosen, or averaged as codes.
    joins: the results are the operands, side by side.
    commutative: the operands may change places.
    by_channel: channels, along the last axis, stay apart: number j of the result depends on number
        j % n alone of an operand that has n, where the result's are a multiple of n.
    along: an operand with axes, or margins of axes; `by_channel` holds where the last is not among
        them (`graph.channels`).
    probabilities: the result is a probability.
    unpacks: a constant becomes one that is written out in full.
    shape_only: the result follows from the operand's shape.
    stateful: it leaves, or depends on, more than its tensors, as far as anyone knows.
    names_resource: its result stands for a resource variable.
    """

    operands: type[Operands[Any]]
    few_operands: type[Operands[Any]] | None = None
    fewest_operands: int = 0
    data: str = ""
    weights: str = ""
    results: tuple[str, ...] | None = ("output",)
    fewest_results: int | None = None
    ranks: Mapping[str, Ranks] = field(default_factory=dict)
    one_shape: tuple[str, ...] = ()
    types: Mapping[str, Types] = field(default_factory=dict)
    scaled: tuple[str, ...] = ()
    scaled_types: tuple[str, ...] = CODES
    filter_axis: int | None = None
    depthwise: bool = False
    adds: bool = False
    multiplies: bool = False
    fixed: Mapping[tuple[str, str], Grid] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    conversion: bool = False
    makes_codes: bool = False
    makes_reals: bool = False
    reshapes: bool = False
    keeps_grid: bool = False
    joins: bool = False
    commutative: bool = False
    by_channel: bool = False
    along: str = ""
    probabilities: bool = False
    unpacks: bool = False
    shape_only: bool = False
    stateful: bool = False
    names_resource: bool = False

    @property
    def densifies(self) -> bool:
        """Whether a sparse constant becomes a dense one, of the same type."""
        return self.unpacks and not self.conversion

    @property
    def data_place(self) -> int:
        """Where the data stand among the operands."""
        return self.operands.names.index(self.data) if self.data else 0

    @property
    def weights_place(self) -> int | None:
        """Where the weights stand among the operands; None where there are none."""
        return self.operands.names.index(self.weights) if self.weights else None

    def signature(self, count: int) -> type[Operands[Any]]:
        """The names of so many operands."""
        few = self.few_operands
        return few if few is not None and count <= len(few.names) else self.operands


_PROBABILITY: Final = {
    ("int8", "int8"): (1 / 256, -128),
    ("uint8", "uint8"): (1 / 256, 0),
    ("int16", "int16"): (1 / 32768, 0),
}
_SIGNED: Final = {("int8", "int8"): (1 / 128, 0), ("uint8", "uint8"): (1 / 128, 128)}

_INDEX: Final = ("int32", "int64")
_AS_INT32: Final = ("int32", "int64", "uint32")
"""Where runtimes read 32 bits whatever the type is: those of which this gives the right number."""
_MARGINS: Final = ("int8", "int16", "int32", "int64", "bool")
_BIAS: Final = By(
    "input",
    {
        "float32": ("float32",),
        "int8": ("int32",),
        "uint8": ("int32",),
        "int16": ("int32", "int64"),
    },
)
_SAME: Final[Mapping[str, Types]] = {"output": "input"}
_SAME_PAIR: Final[Mapping[str, Types]] = {"right": "left", "output": "left"}
_TRUTH: Final[Mapping[str, Types]] = {"right": "left", "output": ("bool",)}
_RATHER: Final = ("int8", "uint8")

_REQUANTIZED: Final = ("int8", "uint8", "int16", "int32")

_LSTM_WEIGHTS: Final = tuple(
    f"{kind}_to_{gate}_weights"
    for kind in ("input", "recurrent")
    for gate in ("input", "forget", "cell", "output")
)
_PEEPHOLES: Final = tuple(f"cell_to_{gate}_weights" for gate in ("input", "forget", "output"))
_BIASES: Final = tuple(
    f"{gate}_bias" for gate in ("input_gate", "forget_gate", "cell_gate", "output_gate")
)
_NORMS: Final = tuple(f"{gate}_layer_norm" for gate in ("input", "forget", "cell", "output"))
_AUXILIARY: Final = tuple(
    f"auxiliary_to_{gate}_weights" for gate in ("input", "forget", "cell", "output")
)
_OF_LSTM_BIAS: Final = By("input", {**_BIAS.types, "int16": ("int64",)})
_OF_LSTM_WEIGHTS: Final = By(
    "input", {"float32": ("float32", "int8", "uint8"), "int8": ("int8",), "int16": ("int8",)}
)
_WIDE: Final = By(
    "input",
    {"float32": ("float32",), "int8": ("int16",), "uint8": ("int16",), "int16": ("int16",)},
)
_LSTM_TYPES: Final[Mapping[str, Types]] = {
    **dict.fromkeys((*_LSTM_WEIGHTS, "projection_weights"), _OF_LSTM_WEIGHTS),
    **dict.fromkeys(
        _PEEPHOLES,
        By(
            "input",
            {"float32": ("float32", "int8", "uint8"), "int8": ("int16",), "int16": ("int16",)},
        ),
    ),
    **dict.fromkeys((*_BIASES, "projection_bias"), _OF_LSTM_BIAS),
    **dict.fromkeys((*_NORMS, "cell_state"), _WIDE),
    "output_state": "input",
}
_LSTM_RANKS: Final[Mapping[str, Ranks]] = {
    "input": (2, 3),
    **dict.fromkeys(_LSTM_WEIGHTS[:4], (2, 2)),
    **dict.fromkeys(_LSTM_WEIGHTS[4:], (1, 2)),
    **dict.fromkeys((*_PEEPHOLES, *_BIASES, *_NORMS, "projection_bias"), (1, 1)),
    "projection_weights": (2, 2),
}
_LSTM_SCALED: Final = (
    "input",
    *_LSTM_WEIGHTS,
    *_PEEPHOLES,
    *_NORMS,
    "projection_weights",
    "output_state",
    "cell_state",
)
_ONE_WAY: Final = (*_LSTM_WEIGHTS, *_PEEPHOLES, *_BIASES, "projection_weights", "projection_bias")
_BOTH_LSTM_TYPES: Final[Mapping[str, Types]] = {
    **{f"{way}_{name}": _LSTM_TYPES[name] for way in ("fw", "bw") for name in _ONE_WAY},
    **{
        f"{way}_{name}": ("float32",)
        for way in ("fw", "bw")
        for name in ("output_state", "cell_state", "output")
    },
    **{f"{way}_{name}": _OF_LSTM_WEIGHTS for way in ("fw", "bw") for name in _AUXILIARY},
    "auxiliary_input": "input",
}
_BOTH_LSTM_RANKS: Final[Mapping[str, Ranks]] = {
    "input": (3, 3),
    **{f"{way}_{name}": _LSTM_RANKS[name] for way in ("fw", "bw") for name in _ONE_WAY},
    **{f"{way}_{name}": (2, 2) for way in ("fw", "bw") for name in _AUXILIARY},
    "auxiliary_input": (3, 3),
}
_BOTH_LSTM_SCALED: Final = tuple(
    f"{way}_{name}"
    for way in ("fw", "bw")
    for name in (*_LSTM_WEIGHTS, *_PEEPHOLES, "projection_weights", *_AUXILIARY)
)

_RNN: Final = OperatorFacts(
    operands=o.Recurrent,
    weights="weights",
    ranks={
        "input": (2, 3),
        "weights": (2, 2),
        "recurrent_weights": (2, 2),
        "bias": (1, 1),
        "hidden_state": (2, 2),
    },
    types={
        "recurrent_weights": "weights",
        "bias": ("float32",),
        "hidden_state": ("float32",),
        "output": ("float32",),
    },
    scaled=("weights", "recurrent_weights"),
)

OPERATORS: Final[Mapping[str, OperatorFacts]] = MappingProxyType(
    {
        "ABS": OperatorFacts(
            operands=o.Unary,
            types=_SAME,
            scaled=("input", "output"),
            scaled_types=("int8",),
            by_channel=True,
        ),
        "ADD": OperatorFacts(
            operands=o.Binary,
            types=_SAME_PAIR,
            scaled=("left", "right", "output"),
            scaled_types=_RATHER,
            adds=True,
            commutative=True,
            by_channel=True,
        ),
        "ADD_N": OperatorFacts(
            operands=o.Variadic,
            one_shape=("rest",),
            fewest_operands=1,
            types={"rest": "rest", "output": "rest"},
            scaled=("rest", "output"),
            scaled_types=("int8",),
            commutative=True,
            by_channel=True,
        ),
        "ARG_MAX": OperatorFacts(
            operands=o.AlongAxis,
            ranks={"input": (1, None)},
            types={"axis": _INDEX, "output": _INDEX},
        ),
        "ARG_MIN": OperatorFacts(
            operands=o.AlongAxis,
            ranks={"input": (1, None)},
            types={"axis": _INDEX, "output": _INDEX},
        ),
        "ASSIGN_VARIABLE": OperatorFacts(operands=o.Assigned, results=(), stateful=True),
        "ATAN2": OperatorFacts(
            operands=o.Binary, one_shape=("left", "right"), types=_SAME_PAIR, by_channel=True
        ),
        "AVERAGE_POOL_2D": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, by_channel=True, keeps_grid=True
        ),
        "BATCH_MATMUL": OperatorFacts(
            operands=o.Binary,
            weights="right",
            ranks={"left": (2, None), "right": (2, None)},
            types={
                "right": By(
                    "left",
                    {"float32": ("float32", "int8"), "int8": ("int8",), "int16": ("int8", "int16")},
                ),
                "output": By(
                    "left",
                    {"float32": ("float32",), "int8": ("int8", "int32"), "int16": ("int16",)},
                ),
            },
            scaled=("left", "right", "output"),
            scaled_types=("int16",),
        ),
        "BATCH_TO_SPACE_ND": OperatorFacts(
            operands=o.Blocks,
            ranks={"input": (3, 4), "block_shape": (1, 1), "margins": (2, 2)},
            types={"block_shape": _AS_INT32, "margins": _AS_INT32, "output": "input"},
            by_channel=True,
            keeps_grid=True,
        ),
        "BIDIRECTIONAL_SEQUENCE_LSTM": OperatorFacts(
            operands=o.BidirectionalLstm,
            weights="fw_input_to_forget_weights",
            fewest_operands=48,
            results=("fw_output", "bw_output"),
            fewest_results=1,
            ranks=_BOTH_LSTM_RANKS,
            types=_BOTH_LSTM_TYPES,
            scaled=_BOTH_LSTM_SCALED,
        ),
        "BIDIRECTIONAL_SEQUENCE_RNN": OperatorFacts(
            operands=o.BidirectionalRecurrent,
            weights="fw_weights",
            fewest_operands=12,
            results=("fw_output", "bw_output"),
            fewest_results=1,
            ranks={
                "input": (3, 3),
                "fw_weights": (2, 2),
                "fw_recurrent_weights": (2, 2),
                "fw_bias": (1, 1),
                "fw_hidden_state": (2, 2),
                "bw_weights": (2, 2),
                "bw_recurrent_weights": (2, 2),
                "bw_bias": (1, 1),
                "bw_hidden_state": (2, 2),
                "auxiliary_input": (3, 3),
                "fw_auxiliary_weights": (2, 2),
                "bw_auxiliary_weights": (2, 2),
            },
            types={
                "fw_recurrent_weights": "fw_weights",
                "fw_bias": ("float32",),
                "fw_hidden_state": ("float32",),
                "bw_recurrent_weights": "bw_weights",
                "bw_bias": ("float32",),
                "bw_hidden_state": ("float32",),
                "auxiliary_input": "input",
                "fw_output": ("float32",),
                "bw_output": ("float32",),
            },
            scaled=(
                "fw_weights",
                "fw_recurrent_weights",
                "fw_auxiliary_weights",
                "bw_weights",
                "bw_recurrent_weights",
                "bw_auxiliary_weights",
            ),
        ),
        "BITCAST": OperatorFacts(operands=o.Unary),
        "BITWISE_XOR": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, commutative=True, by_channel=True
        ),
        "BROADCAST_ARGS": OperatorFacts(
            operands=o.Binary,
            ranks={"left": (1, 1), "right": (1, 1)},
            types=_SAME_PAIR,
            commutative=True,
        ),
        "BROADCAST_TO": OperatorFacts(
            operands=o.Expanded,
            ranks={"shape": (1, 1)},
            types={"shape": _INDEX, "output": "input"},
            keeps_grid=True,
            by_channel=True,
        ),
        "BUCKETIZE": OperatorFacts(operands=o.Unary, types={"output": ("int32",)}, by_channel=True),
        "CALL_ONCE": OperatorFacts(
            operands=o.Nothing, results=(), calls=("init_subgraph_index",), stateful=True
        ),
        "CAST": OperatorFacts(operands=o.Unary, by_channel=True),
        "CEIL": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "CIRCULAR_BUFFER": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, stateful=True, keeps_grid=True
        ),
        "CONCATENATION": OperatorFacts(
            operands=o.Variadic,
            fewest_operands=1,
            types={"rest": "rest", "output": "rest"},
            joins=True,
        ),
        "CONV_2D": OperatorFacts(
            operands=o.Weighted,
            weights="filter",
            ranks={"input": (4, 4), "filter": (4, 4)},
            types={"bias": _BIAS, "output": "input"},
            scaled=("input", "filter", "output"),
            filter_axis=0,
        ),
        "CONV_3D": OperatorFacts(
            operands=o.Weighted,
            weights="filter",
            ranks={"input": (5, 5), "filter": (5, 5)},
            types={"filter": "input", "bias": "input", "output": "input"},
            filter_axis=4,
        ),
        "CONV_3D_TRANSPOSE": OperatorFacts(
            operands=o.TransposedWeighted,
            data="input",
            weights="filter",
            ranks={"input": (5, 5), "filter": (5, 5), "bias": (1, 1), "output_shape": (1, 1)},
            types={
                "output_shape": ("int32",),
                "filter": "input",
                "bias": "input",
                "output": "input",
            },
            filter_axis=3,
        ),
        "COS": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "CUMSUM": OperatorFacts(
            operands=o.AlongAxis,
            ranks={"input": (1, None)},
            types={"axis": ("int32",), "output": "input"},
            scaled=("input", "output"),
            scaled_types=("int8",),
            by_channel=True,
            along="axis",
        ),
        "DENSIFY": OperatorFacts(operands=o.Unary, types=_SAME, unpacks=True),
        "DEPTHWISE_CONV_2D": OperatorFacts(
            operands=o.Weighted,
            weights="filter",
            ranks={"input": (4, 4), "filter": (4, 4)},
            types={"bias": _BIAS, "output": "input"},
            scaled=("input", "filter", "output"),
            filter_axis=3,
            depthwise=True,
        ),
        "DEPTH_TO_SPACE": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, keeps_grid=True, by_channel=True
        ),
        "DEQUANTIZE": OperatorFacts(
            operands=o.Unary,
            types={"output": ("float32",)},
            scaled=("input",),
            conversion=True,
            unpacks=True,
            makes_reals=True,
            by_channel=True,
        ),
        "DILATE": OperatorFacts(
            operands=o.Dilated,
            ranks={"input": (1, None), "dilations": (1, 1)},
            types={"dilations": ("int32",), "value": "input", "output": "input"},
            keeps_grid=True,
        ),
        "DIV": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, scaled=("left", "right", "output"), by_channel=True
        ),
        "DYNAMIC_UPDATE_SLICE": OperatorFacts(
            operands=o.Updated,
            ranks={"start": (1, 1)},
            types={"update": "input", "start": _INDEX, "output": "input"},
            keeps_grid=True,
        ),
        "ELU": OperatorFacts(
            operands=o.Unary,
            types=_SAME,
            scaled=("input", "output"),
            scaled_types=("int8",),
            by_channel=True,
        ),
        "EMBEDDING_LOOKUP": OperatorFacts(
            operands=o.Embedded,
            data="table",
            ranks={"indices": (1, 1), "table": (2, None)},
            types={
                "indices": ("int32",),
                "output": By(
                    "table",
                    {
                        "int8": ("int8", "float32", "float16"),
                        "uint8": ("uint8", "float32", "float16"),
                        "int4": ("int4", "float32", "float16"),
                        "int2": ("int2", "float32", "float16"),
                        "float32": ("float32",),
                        "float16": ("float16",),
                        "int16": ("int16",),
                        "int32": ("int32",),
                        "int64": ("int64",),
                        "bool": ("bool",),
                    },
                ),
            },
            scaled=("table",),
            scaled_types=("int4", "int2"),
        ),
        "EQUAL": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            commutative=True,
            by_channel=True,
        ),
        "EXP": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "EXPAND_DIMS": OperatorFacts(
            operands=o.AlongAxis,
            types={"axis": _INDEX, "output": "input"},
            reshapes=True,
            keeps_grid=True,
            by_channel=True,
        ),
        "FAKE_QUANT": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "FILL": OperatorFacts(
            operands=o.Filled,
            data="value",
            ranks={"shape": (1, 1), "value": (0, 0)},
            types={"shape": _INDEX, "output": "value"},
            keeps_grid=True,
        ),
        "FLOOR": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "FLOOR_DIV": OperatorFacts(operands=o.Binary, types=_SAME_PAIR, by_channel=True),
        "FLOOR_MOD": OperatorFacts(operands=o.Binary, types=_SAME_PAIR, by_channel=True),
        "FULLY_CONNECTED": OperatorFacts(
            operands=o.Weighted,
            weights="filter",
            results=("output", "shuffled_input"),
            fewest_results=1,
            ranks={"filter": (2, 2)},
            types={
                "bias": _BIAS,
                "output": By(
                    "input",
                    {
                        "float32": ("float32",),
                        "int8": ("int8",),
                        "int16": ("int16",),
                        "uint8": ("uint8", "int16"),
                    },
                ),
            },
            scaled=("input", "filter", "output"),
            filter_axis=0,
        ),
        "GATHER": OperatorFacts(
            operands=o.Gathered,
            ranks={"input": (1, None)},
            types={"indices": ("int16", *_INDEX), "output": "input"},
            keeps_grid=True,
        ),
        "GATHER_ND": OperatorFacts(
            operands=o.Gathered,
            ranks={"input": (1, None), "indices": (1, None)},
            types={"indices": ("int16", *_INDEX), "output": "input"},
            keeps_grid=True,
        ),
        "GELU": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "GREATER": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            by_channel=True,
        ),
        "GREATER_EQUAL": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            by_channel=True,
        ),
        "HARD_SWISH": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "HASHTABLE_LOOKUP": OperatorFacts(
            operands=o.Looked,
            results=("output", "hits"),
            ranks={"lookup": (1, 1), "keys": (1, 1), "values": (1, None)},
            types={"keys": ("int32",), "output": "values", "hits": ("uint8",)},
        ),
        "IF": OperatorFacts(
            operands=o.Conditional,
            results=None,
            calls=("then_subgraph_index", "else_subgraph_index"),
        ),
        "L2_NORMALIZATION": OperatorFacts(
            operands=o.Unary,
            ranks={"input": (1, None)},
            types=_SAME,
            scaled=("output",),
            fixed=_SIGNED,
        ),
        "L2_POOL_2D": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, by_channel=True
        ),
        "LEAKY_RELU": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "LESS": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            by_channel=True,
        ),
        "LESS_EQUAL": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            by_channel=True,
        ),
        "LOCAL_RESPONSE_NORMALIZATION": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME
        ),
        "LOG": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "LOGICAL_AND": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, commutative=True, by_channel=True
        ),
        "LOGICAL_NOT": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "LOGICAL_OR": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, commutative=True, by_channel=True
        ),
        "LOGISTIC": OperatorFacts(
            operands=o.Unary,
            types=_SAME,
            scaled=("input", "output"),
            fixed=_PROBABILITY,
            probabilities=True,
            by_channel=True,
        ),
        "LOG_SOFTMAX": OperatorFacts(
            operands=o.Unary,
            ranks={"input": (1, None)},
            types=_SAME,
            scaled=("input", "output"),
            fixed={("int8", "int8"): (16 / 256, 127), ("uint8", "uint8"): (16 / 256, 255)},
        ),
        "LSTM": OperatorFacts(
            operands=o.FullLstm,
            few_operands=o.SingleMatrixLstm,
            weights="input_to_forget_weights",
            results=None,
            ranks={**_LSTM_RANKS, "weights": (2, 2), "bias": (1, 1)},
            types={**_LSTM_TYPES, "bias": _OF_LSTM_BIAS},
            scaled=_LSTM_SCALED,
            scaled_types=("int8", "int16"),
        ),
        "MATRIX_DIAG": OperatorFacts(
            operands=o.Unary,
            ranks={"input": (1, None)},
            types=_SAME,
            by_channel=True,
            keeps_grid=True,
        ),
        "MATRIX_SET_DIAG": OperatorFacts(
            operands=o.Diagonal,
            ranks={"input": (2, None), "diagonal": (1, None)},
            types={"diagonal": "input", "output": "input"},
            keeps_grid=True,
        ),
        "MAXIMUM": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, commutative=True, by_channel=True, keeps_grid=True
        ),
        "MAX_POOL_2D": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, by_channel=True, keeps_grid=True
        ),
        "MEAN": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            scaled=("input", "output"),
            by_channel=True,
            along="axes",
        ),
        "MINIMUM": OperatorFacts(
            operands=o.Binary, types=_SAME_PAIR, commutative=True, by_channel=True, keeps_grid=True
        ),
        "MIRROR_PAD": OperatorFacts(
            operands=o.Mirrored,
            ranks={"paddings": (2, 2)},
            types={"paddings": _INDEX, "output": "input"},
            keeps_grid=True,
            by_channel=True,
            along="paddings",
        ),
        "MUL": OperatorFacts(
            operands=o.Binary,
            types={
                "right": "left",
                "output": By(
                    "left",
                    {
                        "float32": ("float32",),
                        "float16": ("float16",),
                        "int32": ("int32",),
                        "int64": ("int64",),
                        "uint32": ("uint32",),
                        "int8": ("int8",),
                        "uint8": ("uint8",),
                        "int16": ("int16", "int8", "uint8"),
                    },
                ),
            },
            scaled=("left", "right", "output"),
            scaled_types=_RATHER,
            multiplies=True,
            commutative=True,
            by_channel=True,
        ),
        "NEG": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "NON_MAX_SUPPRESSION_V4": OperatorFacts(
            operands=o.Suppressed,
            results=("indices", "valid"),
            ranks={
                "boxes": (2, 2),
                "scores": (1, 1),
                "max_outputs": (0, 0),
                "iou_threshold": (0, 0),
                "score_threshold": (0, 0),
            },
            types={
                "scores": ("float32",),
                "max_outputs": ("int32",),
                "iou_threshold": ("float32",),
                "score_threshold": ("float32",),
                "indices": ("int32",),
                "valid": ("int32",),
            },
        ),
        "NON_MAX_SUPPRESSION_V5": OperatorFacts(
            operands=o.SoftlySuppressed,
            results=("indices", "scores", "valid"),
            ranks={
                "boxes": (2, 2),
                "scores": (1, 1),
                "max_outputs": (0, 0),
                "iou_threshold": (0, 0),
                "score_threshold": (0, 0),
                "sigma": (0, 0),
            },
            types={
                "scores": ("float32",),
                "max_outputs": ("int32",),
                "iou_threshold": ("float32",),
                "score_threshold": ("float32",),
                "indices": ("int32",),
                "valid": ("int32",),
                "sigma": ("float32",),
            },
        ),
        "NOT_EQUAL": OperatorFacts(
            operands=o.Binary,
            types=_TRUTH,
            scaled=("left", "right"),
            scaled_types=_RATHER,
            commutative=True,
            by_channel=True,
        ),
        "ONE_HOT": OperatorFacts(
            operands=o.OneHotValues,
            data="on_value",
            types={
                "indices": _INDEX,
                "depth": _AS_INT32,
                "off_value": "on_value",
                "output": "on_value",
            },
            keeps_grid=True,
        ),
        "PACK": OperatorFacts(
            operands=o.Variadic,
            one_shape=("rest",),
            fewest_operands=1,
            types={"rest": "rest", "output": "rest"},
            joins=True,
            keeps_grid=True,
        ),
        "PAD": OperatorFacts(
            operands=o.Padded,
            ranks={"paddings": (2, 2)},
            types={"paddings": _MARGINS, "value": "input", "output": "input"},
            by_channel=True,
            along="paddings",
            keeps_grid=True,
        ),
        "PADV2": OperatorFacts(
            operands=o.Padded,
            ranks={"paddings": (2, 2)},
            types={"paddings": _MARGINS, "value": "input", "output": "input"},
            by_channel=True,
            along="paddings",
            keeps_grid=True,
        ),
        "POW": OperatorFacts(operands=o.Binary, types=_SAME_PAIR, by_channel=True),
        "PRELU": OperatorFacts(
            operands=o.Sloped,
            weights="alpha",
            types={
                "alpha": By(
                    "input",
                    {
                        "float32": ("float32",),
                        "int8": ("int8",),
                        "uint8": ("uint8",),
                        "int16": ("int8",),
                    },
                ),
                "output": "input",
            },
            scaled=("input", "alpha", "output"),
            by_channel=True,
        ),
        "QUANTIZE": OperatorFacts(
            operands=o.Unary,
            types={
                "output": By(
                    "input",
                    {
                        "float32": ("int8", "uint8", "int16", "int4", "uint4"),
                        "int8": _REQUANTIZED,
                        "uint8": _REQUANTIZED,
                        "int16": _REQUANTIZED,
                        "int32": _REQUANTIZED,
                    },
                )
            },
            scaled=("input", "output"),
            scaled_types=(*CODES, "int32"),
            conversion=True,
            by_channel=True,
            makes_codes=True,
        ),
        "RANGE": OperatorFacts(
            operands=o.Span,
            ranks={"start": (0, 0), "limit": (0, 0), "delta": (0, 0)},
            types={"limit": "start", "delta": "start", "output": "start"},
        ),
        "RANK": OperatorFacts(operands=o.Unary, types={"output": ("int32",)}, shape_only=True),
        "READ_VARIABLE": OperatorFacts(operands=o.Handle, stateful=True),
        "REDUCE_ALL": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            by_channel=True,
            along="axes",
        ),
        "REDUCE_ANY": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            by_channel=True,
            along="axes",
        ),
        "REDUCE_MAX": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            by_channel=True,
            along="axes",
            keeps_grid=True,
        ),
        "REDUCE_MIN": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            by_channel=True,
            along="axes",
            keeps_grid=True,
        ),
        "REDUCE_PROD": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            by_channel=True,
            along="axes",
        ),
        "REDUCE_WINDOW": OperatorFacts(
            operands=o.Windowed,
            types={
                "initial": "input",
                "window": ("int64",),
                "strides": ("int64",),
                "dilations": ("int64",),
                "output": "input",
            },
        ),
        "RELU": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "RELU6": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "RELU_0_TO_1": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "RELU_N1_TO_1": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "RESHAPE": OperatorFacts(
            operands=o.Reshaped, types=_SAME, reshapes=True, keeps_grid=True, by_channel=True
        ),
        "RESIZE_BILINEAR": OperatorFacts(
            operands=o.Resized,
            ranks={"input": (4, 4), "size": (1, 1)},
            types={"size": ("int32",), "output": "input"},
            by_channel=True,
            keeps_grid=True,
        ),
        "RESIZE_NEAREST_NEIGHBOR": OperatorFacts(
            operands=o.Resized,
            ranks={"input": (4, 4), "size": (1, 1)},
            types={"size": ("int32",), "output": "input"},
            keeps_grid=True,
            by_channel=True,
        ),
        "REVERSE_SEQUENCE": OperatorFacts(
            operands=o.Sequences,
            ranks={"input": (2, None), "lengths": (1, 1)},
            types={"lengths": _INDEX, "output": "input"},
            keeps_grid=True,
        ),
        "REVERSE_V2": OperatorFacts(
            operands=o.Reduced,
            ranks={"input": (1, None), "axes": (1, 1)},
            types={"axes": ("int32",), "output": "input"},
            keeps_grid=True,
            by_channel=True,
            along="axes",
        ),
        "RIGHT_SHIFT": OperatorFacts(operands=o.Binary, types=_SAME_PAIR, by_channel=True),
        "RNN": _RNN,
        "ROUND": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "RSQRT": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "SCATTER_ND": OperatorFacts(
            operands=o.Scattered,
            data="updates",
            ranks={"indices": (1, None), "shape": (1, 1)},
            types={"indices": ("int32",), "shape": ("int32",), "output": "updates"},
        ),
        "SEGMENT_SUM": OperatorFacts(
            operands=o.Segmented,
            ranks={"input": (1, None), "segments": (1, 1)},
            types={"segments": ("int32",), "output": "input"},
        ),
        "SELECT": OperatorFacts(
            operands=o.Selected,
            one_shape=("when_true", "when_false"),
            data="when_true",
            types={"condition": ("bool",), "when_false": "when_true", "output": "when_true"},
            keeps_grid=True,
        ),
        "SELECT_V2": OperatorFacts(
            operands=o.Selected,
            data="when_true",
            types={"condition": ("bool",), "when_false": "when_true", "output": "when_true"},
            keeps_grid=True,
            by_channel=True,
        ),
        "SHAPE": OperatorFacts(operands=o.Unary, types={"output": _INDEX}, shape_only=True),
        "SIGN": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "SIN": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "SLICE": OperatorFacts(
            operands=o.Sliced,
            ranks={"begin": (1, 1), "size": (1, 1)},
            types={"begin": _INDEX, "size": _INDEX, "output": "input"},
            keeps_grid=True,
        ),
        "SOFTMAX": OperatorFacts(
            operands=o.Unary,
            ranks={"input": (1, None)},
            types={
                "output": By(
                    "input",
                    {
                        "float32": ("float32",),
                        "float16": ("float16",),
                        "int8": ("int8", "int16"),
                        "uint8": ("uint8", "int16"),
                        "int16": ("int16",),
                    },
                )
            },
            scaled=("input",),
            fixed={
                **_PROBABILITY,
                ("int8", "int16"): (1 / 65536, -32768),
                ("uint8", "int16"): (1 / 65536, -32768),
            },
            probabilities=True,
        ),
        "SPACE_TO_BATCH_ND": OperatorFacts(
            operands=o.Blocks,
            ranks={"input": (3, 4), "block_shape": (1, 1), "margins": (2, 2)},
            types={"block_shape": _AS_INT32, "margins": _AS_INT32, "output": "input"},
            by_channel=True,
            keeps_grid=True,
        ),
        "SPACE_TO_DEPTH": OperatorFacts(
            operands=o.Unary, ranks={"input": (4, 4)}, types=_SAME, keeps_grid=True, by_channel=True
        ),
        "SPARSE_TO_DENSE": OperatorFacts(
            operands=o.Sparse,
            data="values",
            ranks={"indices": (0, 2), "values": (0, 1), "shape": (1, 1)},
            types={"indices": _INDEX, "shape": _INDEX, "default": "values", "output": "values"},
            keeps_grid=True,
        ),
        "SPLIT": OperatorFacts(
            operands=o.EvenSplit,
            data="input",
            results=None,
            ranks={"input": (1, None)},
            types={"axis": _AS_INT32, "output": "input"},
            keeps_grid=True,
        ),
        "SPLIT_V": OperatorFacts(
            operands=o.SplitBySizes,
            results=None,
            ranks={"input": (1, None), "sizes": (1, 1)},
            types={"sizes": _INDEX, "axis": _AS_INT32, "output": "input"},
            keeps_grid=True,
        ),
        "SQRT": OperatorFacts(
            operands=o.Unary, types=_SAME, scaled=("input", "output"), by_channel=True
        ),
        "SQUARE": OperatorFacts(operands=o.Unary, types=_SAME, by_channel=True),
        "SQUARED_DIFFERENCE": OperatorFacts(
            operands=o.Binary,
            types=_SAME_PAIR,
            scaled=("left", "right", "output"),
            commutative=True,
            by_channel=True,
        ),
        "SQUEEZE": OperatorFacts(
            operands=o.Unary, types=_SAME, reshapes=True, keeps_grid=True, by_channel=True
        ),
        "STABLEHLO_ADD": OperatorFacts(
            operands=o.Binary,
            one_shape=("left", "right"),
            types=_SAME_PAIR,
            commutative=True,
            by_channel=True,
        ),
        "STABLEHLO_AND": OperatorFacts(
            operands=o.Binary,
            one_shape=("left", "right"),
            types=_SAME_PAIR,
            commutative=True,
            by_channel=True,
        ),
        "STABLEHLO_COMPOSITE": OperatorFacts(
            operands=o.Variadic,
            results=None,
            calls=("decomposition_subgraph_index",),
            stateful=True,
        ),
        "STABLEHLO_GATHER": OperatorFacts(
            operands=o.Gathered, types={"indices": _INDEX, "output": "input"}, keeps_grid=True
        ),
        "STABLEHLO_MAXIMUM": OperatorFacts(
            operands=o.Binary,
            one_shape=("left", "right"),
            types=_SAME_PAIR,
            commutative=True,
            by_channel=True,
        ),
        "STABLEHLO_MINIMUM": OperatorFacts(
            operands=o.Binary,
            one_shape=("left", "right"),
            types=_SAME_PAIR,
            commutative=True,
            by_channel=True,
        ),
        "STABLEHLO_MULTIPLY": OperatorFacts(
            operands=o.Binary,
            one_shape=("left", "right"),
            types=_SAME_PAIR,
            commutative=True,
            by_channel=True,
        ),
        "STABLEHLO_PAD": OperatorFacts(
            operands=o.Started, types={"initial": "input", "output": "input"}
        ),
        "STABLEHLO_REDUCE_WINDOW": OperatorFacts(
            operands=o.Started, types={"initial": "input", "output": "input"}
        ),
        "STABLEHLO_RNG_BIT_GENERATOR": OperatorFacts(
            operands=o.Unary,
            results=("output_state", "output"),
            ranks={"input": (1, 1)},
            types={"output_state": "input", "output": ("int32", "int64", "uint32", "uint64")},
            stateful=True,
        ),
        "STABLEHLO_SCATTER": OperatorFacts(
            operands=o.ScatteredInto,
            types={"indices": _INDEX, "updates": "input", "output": "input"},
        ),
        "STABLEHLO_SHIFT_LEFT": OperatorFacts(
            operands=o.Binary, one_shape=("left", "right"), types=_SAME_PAIR, by_channel=True
        ),
        "STRIDED_SLICE": OperatorFacts(
            operands=o.Strided,
            ranks={"begin": (1, 1), "end": (1, 1), "strides": (1, 1)},
            types={"begin": _INDEX, "end": _INDEX, "strides": _INDEX, "output": "input"},
            keeps_grid=True,
        ),
        "SUB": OperatorFacts(
            operands=o.Binary,
            types=_SAME_PAIR,
            scaled=("left", "right", "output"),
            adds=True,
            by_channel=True,
        ),
        "SUM": OperatorFacts(
            operands=o.Reduced,
            types={"axes": ("int32",), "output": "input"},
            scaled=("input", "output"),
            by_channel=True,
            along="axes",
        ),
        "SVDF": OperatorFacts(
            operands=o.SingularFilter,
            weights="time_weights",
            ranks={
                "input": (2, 2),
                "feature_weights": (2, 2),
                "time_weights": (2, 2),
                "activations": (2, 2),
            },
            types={
                "bias": _BIAS,
                "activations": By(
                    "time_weights",
                    {
                        "float32": ("float32",),
                        "int8": ("int8", "float32"),
                        "uint8": ("float32",),
                        "int16": ("int16",),
                    },
                ),
                "output": "input",
            },
            scaled=("input", "feature_weights", "time_weights", "activations", "output"),
        ),
        "SignalDelay": OperatorFacts(
            operands=o.Unary, ranks={"input": (1, None)}, types=_SAME, stateful=True
        ),
        "SignalEnergy": OperatorFacts(
            operands=o.Unary, ranks={"input": (1, 1)}, types={"output": ("uint32",)}
        ),
        "SignalFftAutoScale": OperatorFacts(
            operands=o.Unary,
            results=("output", "scale_bits"),
            ranks={"input": (1, 1)},
            types={"output": "input", "scale_bits": ("int32",)},
        ),
        "SignalFilterBank": OperatorFacts(
            operands=o.FilterBank,
            ranks={
                "input": (1, 1),
                "weights": (1, 1),
                "unweights": (1, 1),
                "channel_frequency_starts": (1, 1),
                "channel_weight_starts": (1, 1),
                "channel_widths": (1, 1),
            },
            types={
                "weights": ("int16",),
                "unweights": ("int16",),
                "channel_frequency_starts": ("int16",),
                "channel_weight_starts": ("int16",),
                "channel_widths": ("int16",),
                "output": ("uint64",),
            },
        ),
        "SignalFilterBankLog": OperatorFacts(
            operands=o.Unary, ranks={"input": (1, 1)}, types={"output": ("int16",)}
        ),
        "SignalFilterBankSpectralSubtraction": OperatorFacts(
            operands=o.Unary,
            results=("output", "noise_estimate"),
            ranks={"input": (1, 1)},
            types={"output": "input", "noise_estimate": "input"},
            stateful=True,
        ),
        "SignalFilterBankSquareRoot": OperatorFacts(
            operands=o.ShiftedRoot,
            ranks={"input": (1, 1), "scale_bits": (0, 0)},
            types={"scale_bits": ("int32",), "output": ("uint32",)},
        ),
        "SignalFramer": OperatorFacts(
            operands=o.Unary,
            results=("output", "valid"),
            ranks={"input": (1, None)},
            types={"output": "input", "valid": ("bool",)},
            stateful=True,
        ),
        "SignalIrfft": OperatorFacts(operands=o.Unary, ranks={"input": (1, None)}, types=_SAME),
        "SignalOverlapAdd": OperatorFacts(
            operands=o.Unary, ranks={"input": (2, None)}, types=_SAME, stateful=True
        ),
        "SignalPCAN": OperatorFacts(
            operands=o.GainControlled,
            ranks={"input": (1, 1), "noise_estimate": (1, 1), "gain_table": (1, 1)},
            types={"noise_estimate": "input", "gain_table": ("int16",), "output": "input"},
        ),
        "SignalRfft": OperatorFacts(operands=o.Unary, ranks={"input": (1, None)}, types=_SAME),
        "SignalStacker": OperatorFacts(
            operands=o.Unary,
            results=("output", "valid"),
            ranks={"input": (1, 1)},
            types={"output": "input", "valid": ("bool",)},
            stateful=True,
        ),
        "SignalWindow": OperatorFacts(
            operands=o.Tapered,
            ranks={"input": (1, None), "weights": (1, 1)},
            types={"weights": "input", "output": "input"},
        ),
        "TANH": OperatorFacts(
            operands=o.Unary,
            types=_SAME,
            scaled=("input", "output"),
            fixed={**_SIGNED, ("int16", "int16"): (1 / 32768, 0)},
            by_channel=True,
        ),
        "TFLM_DECODE": OperatorFacts(operands=o.Variadic, results=None),
        "TFLite_Detection_PostProcess": OperatorFacts(
            operands=o.Detections,
            results=("boxes", "classes", "scores", "valid"),
            ranks={"boxes": (3, 3), "scores": (3, 3), "anchors": (2, 2)},
            types={"anchors": "boxes"},
            scaled=("boxes", "scores", "anchors"),
        ),
        "TILE": OperatorFacts(
            operands=o.Tiled,
            types={"multiples": _INDEX, "output": "input"},
            keeps_grid=True,
            by_channel=True,
        ),
        "TOPK_V2": OperatorFacts(
            operands=o.Top,
            results=("values", "indices"),
            types={"k": ("int16", "int32"), "values": "input"},
            keeps_grid=True,
        ),
        "TRANSPOSE": OperatorFacts(
            operands=o.Permuted,
            ranks={"permutation": (1, 1)},
            types={"permutation": _AS_INT32, "output": "input"},
            keeps_grid=True,
        ),
        "TRANSPOSE_CONV": OperatorFacts(
            operands=o.TransposedWeighted,
            data="input",
            weights="filter",
            ranks={"input": (4, 4), "filter": (4, 4), "output_shape": (1, 1)},
            types={"output_shape": _INDEX, "bias": _BIAS, "output": "input"},
            scaled=("input", "filter", "output"),
            filter_axis=0,
        ),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": OperatorFacts(
            operands=o.FullLstm,
            weights="input_to_forget_weights",
            ranks=_LSTM_RANKS,
            types=_LSTM_TYPES,
            scaled=_LSTM_SCALED,
            scaled_types=("int8", "int16"),
        ),
        "UNIDIRECTIONAL_SEQUENCE_RNN": _RNN,
        "UNIQUE": OperatorFacts(
            operands=o.Unary,
            results=("output", "indices"),
            ranks={"input": (1, 1)},
            types={"output": "input", "indices": _INDEX},
        ),
        "UNPACK": OperatorFacts(
            operands=o.Unary, results=None, ranks={"input": (1, None)}, types=_SAME, keeps_grid=True
        ),
        "UNSORTED_SEGMENT_MAX": OperatorFacts(
            operands=o.SegmentedAnyhow,
            ranks={"input": (1, None), "segments": (1, None), "count_of_segments": (0, 1)},
            types={"segments": ("int32",), "count_of_segments": ("int32",), "output": "input"},
        ),
        "UNSORTED_SEGMENT_MIN": OperatorFacts(
            operands=o.SegmentedAnyhow,
            ranks={"input": (1, None), "segments": (1, None), "count_of_segments": (0, 1)},
            types={"segments": ("int32",), "count_of_segments": ("int32",), "output": "input"},
        ),
        "UNSORTED_SEGMENT_PROD": OperatorFacts(
            operands=o.SegmentedAnyhow,
            ranks={"input": (1, None), "segments": (1, None), "count_of_segments": (0, 1)},
            types={"segments": ("int32",), "count_of_segments": ("int32",), "output": "input"},
        ),
        "UNSORTED_SEGMENT_SUM": OperatorFacts(
            operands=o.SegmentedAnyhow,
            ranks={"input": (1, None), "segments": (1, None), "count_of_segments": (0, 1)},
            types={"segments": ("int32",), "count_of_segments": ("int32",), "output": "input"},
        ),
        "VAR_HANDLE": OperatorFacts(
            operands=o.Nothing, results=("handle",), stateful=True, names_resource=True
        ),
        "WHERE": OperatorFacts(operands=o.Unary, types={"output": ("int64",)}),
        "WHILE": OperatorFacts(
            operands=o.Variadic, results=None, calls=("cond_subgraph_index", "body_subgraph_index")
        ),
        "ZEROS_LIKE": OperatorFacts(operands=o.Unary, types=_SAME),
    }
)

_NOTHING_KNOWN: Final = OperatorFacts(operands=o.Variadic, results=None, stateful=True)


def facts(name: str) -> OperatorFacts:
    """What is known of an operator; of one that is not in the table, that it may do anything."""
    return OPERATORS.get(name, _NOTHING_KNOWN)
