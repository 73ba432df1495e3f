"""Which class runs which operator; filled by the decorator as kernel modules are imported.

There is no other list of kernels: whoever needs one asks here. What a kernel is: `contract`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.misfits import misfits
from refinterp.graph.model import STORAGE, Options
from refinterp.graph.operands import Operands, Variadic
from refinterp.graph.operators import OPERATORS, OperatorFacts
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions, fresh_state
from refinterp.kernels.flavours import DEFAULT_FLAVOUR, rules
from refinterp.kernels.workspace import Workspace

Inputs = Sequence[TensorSpec | None]


class Typed(Protocol):
    """What has an element type: a spec, or whoever else describes an operand."""

    @property
    def dtype(self) -> str:
        """The schema's name of the type, in lower case."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered kernel: how it is found, and what its schema options decode into.

    option_names: what the options have fields for.
    data, weights: the places of the operands whose types say which kernel it is; None where the
        operator has no weights.
    facts: what the operator is; None for one of the user's own.
    """

    operator: str
    dtype: str
    kernel: type[Any]
    options: type[Any]
    option_names: frozenset[str]
    data: int
    weights: int | None
    facts: OperatorFacts | None

    def operands(self, given: Sequence[Any]) -> Operands[Any]:
        """Specs or arrays, then perhaps a state, under the names of the operator's operands."""
        return (self.facts.signature(len(given)) if self.facts else Variadic)(given)

    def decode(self, fields_by_name: Options) -> Any:
        """Build the options from the schema's fields, ignoring those the kernel does not read."""
        given = {name: value for name, value in fields_by_name.items() if name in self.option_names}
        return self.options(**given)

    def matches(self, inputs: Sequence[Typed | None]) -> bool:
        """Whether operands of these types are this kernel's; "any" are all."""
        return self.dtype == "any" or self.dtype == dtype_key(inputs, self.data, self.weights)


KERNELS: Final[dict[tuple[str, str], Entry]] = {}
"""(operator, dtype key) → entry. Complete only after `load_all`."""

_RANDOM = "its results are random, so that there is nothing to be equal to"
_STRINGS = "it works on strings"
_COMPLEX = "it works on complex numbers"

REFUSED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("MULTINOMIAL", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"), _RANDOM),
    **dict.fromkeys(
        ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "SKIP_GRAM"), _STRINGS
    ),
    **dict.fromkeys(("RFFT2D", "REAL", "IMAG", "COMPLEX_ABS"), _COMPLEX),
}
"""Operators that no kernel can be written for, and why."""

REFUSED_TYPES: Final = frozenset(
    (
        "string", "complex64", "complex128", "float64", "bfloat16", "float8_e4m3fn",
        "float8_e5m2", "variant",
    )
)  # fmt: skip
"""Element types that no kernel computes with."""

T = TypeVar("T", bound=type)


def kernel(
    operator: str,
    *dtypes: str,
    options: type = NoOptions,
    custom: bool = False,
) -> Callable[[T], T]:
    """Register the decorated class for an operator's schema name and one or more dtype keys.

    custom: it is the user's own, of which nothing else is known.

    A dtype key is the type of the operator's data; where its weights are of another type, `x` and
    that type's code follow: "int16x8", "int8x4", "float32x8", "float32xf16". Which operands these
    are stands in the operator's row.
    """

    def register(cls: T) -> T:
        facts = None if custom else OPERATORS[operator]
        data, weights = (facts.data_place, facts.weights_place) if facts else (0, None)
        names = frozenset(field.name for field in fields(options))
        for dtype in dtypes:
            key = (operator, dtype)
            if key in KERNELS:
                raise RuntimeError(f"{key} is already registered by {KERNELS[key].kernel}")
            KERNELS[key] = Entry(operator, dtype, cls, options, names, data, weights, facts)
        return cls

    return register


_CODES = {"int8": "8", "int4": "4", "int2": "2", "uint8": "u8", "int16": "16", "float16": "f16"}


def dtype_key(inputs: Sequence[Typed | None], data: int, weights: int | None) -> str:
    """The dtype key of operands, by the positions of the data and the weights among the inputs."""
    first = inputs[data] if data < len(inputs) else None
    if first is None:
        return "none"
    second = inputs[weights] if weights is not None and weights < len(inputs) else None
    if second is None or second.dtype == first.dtype:
        return first.dtype
    return f"{first.dtype}x{_CODES.get(second.dtype, second.dtype)}"


@cache
def load_all() -> Mapping[tuple[str, str], Entry]:
    """Import every kernel module and return the full table."""
    package = importlib.import_module("refinterp.kernels.ops")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"refinterp.kernels.ops.{module.name}")
    return KERNELS


@cache
def _entries(operator: str) -> tuple[Entry, ...]:
    try:
        importlib.import_module(f"refinterp.kernels.ops.{operator.lower()}")
    except ModuleNotFoundError:
        load_all()  # operators that share a file
    return tuple(entry for (name, _), entry in KERNELS.items() if name == operator)


def forget(operator: str) -> None:
    """Drop an operator's kernels, and what was remembered of where they are."""
    for key in [key for key in KERNELS if key[0] == operator]:
        del KERNELS[key]
    _entries.cache_clear()


def find(operator: str, inputs: Sequence[Typed | None]) -> Entry | None:
    """The kernel for an operator (schema or custom name) and its operands' types, or None."""
    for entry in _entries(operator):
        if entry.matches(inputs):
            return entry
    return None


def dtypes_of(operator: str) -> tuple[str, ...]:
    """The dtype keys an operator is registered for; empty when it is not known at all."""
    return tuple(entry.dtype for entry in _entries(operator))


def facts_of(operator: str) -> OperatorFacts | None:
    """The row of an operator that has kernels; None for one of the user's own, or unknown."""
    return next((entry.facts for entry in _entries(operator)), None)


def require_fit(
    entry: Entry,
    inputs: Inputs,
    outputs: Sequence[TensorSpec | None],
    unshaped: Collection[int] = (),
) -> None:
    """Raise ModelError unless operands and results are what the operator's row says.

    Kernels rely on it: `prepare` and `output_shapes` are only called after. unshaped: places of
    operands whose shapes are not known.
    """
    if entry.facts is not None:
        found = misfits(entry.facts, inputs, outputs, unshaped)
        if found:
            raise ModelError("; ".join(found))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared kernel outside a program, which takes its operands as any sequence."""

    entry: Entry
    kernel: Kernel

    def eval(
        self, arrays: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Compute the outputs in place, of arrays (S, *shape)."""
        self.kernel.eval(self.entry.operands(arrays), outputs, work)


def prepare(
    operator: str,
    inputs: Inputs,
    outputs: Sequence[TensorSpec],
    options: Options | None = None,
    *,
    flavour: str = DEFAULT_FLAVOUR,
    plain: bool = False,
) -> Prepared:
    """Find and prepare a kernel without a model; raises LookupError when there is none."""
    entry = find(operator, inputs)
    if entry is None:
        raise LookupError(
            f"no kernel for {operator} on {[s.dtype if s else None for s in inputs]}; "
            f"registered: {', '.join(dtypes_of(operator)) or 'nothing'}"
        )
    require_fit(entry, inputs, outputs)
    kernel: Kernel = entry.kernel.prepare(
        entry.operands(inputs),
        outputs,
        entry.decode({"output_types": tuple(spec.dtype for spec in outputs), **(options or {})}),
        rules(flavour, operator, plain=plain),
    )
    return Prepared(entry, kernel)


def call(
    prepared: Prepared, arrays: Sequence[Array | None], outputs: Sequence[TensorSpec]
) -> tuple[Array, ...]:
    """Run a prepared kernel once on arrays of the specs' shapes; returns fresh arrays.

    A kernel that remembers starts from its first state.
    """
    results = [np.zeros((1, *spec.shape), STORAGE[spec.dtype]) for spec in outputs]
    operands = [None if a is None else a[None] for a in arrays]
    prepared.eval([*operands, *fresh_state(prepared.kernel)], results, Workspace())
    return tuple(result[0] for result in results)
