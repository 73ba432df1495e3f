"""Finding an operator's definition, and running it for one element."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import Approximate, Derivation, DerivationStep, Explanation, Index, Tap

Derive = Callable[[Operation, Index], Derivation]


@dataclass(frozen=True, slots=True)
class Definition:
    """An operator in words, as a formula, and as a generator of steps.

    operands: what the formula calls the inputs. The formula's fields are `{x}`, an operand less
    its zero point, and `{y0}`, the addition of a zero point.
    """

    words: str
    formula: str
    operands: tuple[str, ...]
    derive: Derive

    def formula_for(self, operation: Operation) -> str:
        """The formula with an operator's own zero points."""
        fields: dict[str, str] = {}
        named = (*zip(self.operands, operation.inputs, strict=False), ("y", operation.output))
        for name, operand in named:
            zero = operand.zero if operand is not None else 0
            fields[name] = name if zero == 0 else f"({name}{plus(-zero)})"
            fields[f"{name}0"] = plus(zero)
        return self.formula.format(**{name: name for name in self.operands} | fields)


DEFINITIONS: Final[dict[tuple[str, str], Definition]] = {}
"""(operator, dtype key) → definition; the keys are the kernel registry's. See `load_all`."""


def definition(
    operator: str, *dtypes: str, words: str, formula: str, operands: tuple[str, ...] = ("x",)
) -> Callable[[Derive], Derive]:
    """Register the decorated generator for an operator's dtype keys."""

    def register(derive: Derive) -> Derive:
        for dtype in dtypes:
            DEFINITIONS[operator, dtype] = Definition(words, formula, operands, derive)
        return derive

    return register


@cache
def load_all() -> Mapping[tuple[str, str], Definition]:
    """Import every definition and return the full table."""
    package = importlib.import_module("refinterp.explain.definitions")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"refinterp.explain.definitions.{module.name}")
    return DEFINITIONS


def find_definition(operation: Operation) -> Definition | None:
    """The definition of an operator on its types, or None."""
    return None if operation.key is None else load_all().get((operation.name, operation.key))


def explain(operation: Operation, at: Index) -> Explanation:
    """Derive one element of an operator's first output and set it beside the stored one.

    operation: with values, as `operation.record` makes it. at: the index, batch axis included.

    Raises UsageError when the index does not fit the output's shape; UnsupportedError, naming what
    can be explained, when the operator has no definition.
    """
    found = find_definition(operation)
    if found is None:
        raise UnsupportedError(
            f"subgraphs[{operation.subgraph}].operators[{operation.operator}]: "
            f"{operation.name} ({operation.key or 'no kernel'}) cannot be explained; "
            f"{explained(operation.name)}"
        )
    y = operation.output
    check_index(y, at)
    _check_scales(operation)
    steps: list[DerivationStep] = []
    taps: list[Tap] = []
    running = found.derive(operation, at)
    while True:
        try:
            item = next(running)
        except StopIteration as end:
            result = end.value
            break
        if isinstance(item, DerivationStep):
            steps.append(item)
        else:
            taps.append(item)
    approximate = isinstance(result, Approximate)
    return Explanation(
        subgraph=operation.subgraph,
        operator=operation.operator,
        op_name=operation.name,
        flavour=operation.flavour,
        tensor=y.tensor,
        name=y.spec.name,
        dtype=y.dtype,
        index=at,
        stored=y[at],
        derived=result.value if approximate else result,
        bound=result.bound if approximate else 0.0,
        steps=tuple(steps),
        taps=tuple(taps),
    )


def explained(operator: str) -> str:
    """Say on which types an operator can be explained, or which operators can, for messages."""
    types = [dtype for name, dtype in sorted(load_all()) if name == operator]
    if types:
        return f"{operator} can on {', '.join(types)}"
    return f"what can: {', '.join(sorted({name for name, _ in load_all()}))}"


def nearest_explained(operations: Sequence[Operation], index: int) -> int | None:
    """The last operator before one, on the way of its data, that has a definition, or None."""
    wanted = {operand.tensor for operand in operations[index].inputs if operand is not None}
    for before in reversed(operations[:index]):
        if wanted.isdisjoint(operand.tensor for operand in before.outputs):
            continue
        if find_definition(before) is not None:
            return before.operator
        wanted |= {operand.tensor for operand in before.inputs if operand is not None}
    return None


def check_index(y: ExplainedOperand, at: Index) -> None:
    """Raise UsageError, naming the output's shape, when an index does not fit it."""
    shape = list(y.shape)
    if len(at) != len(shape):
        raise UsageError(
            f"index {list(at)} has {len(at)} numbers; {len(shape)} are needed, batch axis "
            f"included: the output's shape is {shape} ({y.spec.name!r})"
        )
    for axis, (position, size) in enumerate(zip(at, shape, strict=True)):
        if not 0 <= position < size:
            allowed = f"0..{size - 1} is allowed" if size else "that axis is empty"
            raise UsageError(
                f"index {list(at)} has {position} on axis {axis}, but {allowed}: "
                f"the output's shape is {shape} ({y.spec.name!r})"
            )


def _check_scales(operation: Operation) -> None:
    """Raise ModelError for a scale no definition can divide by."""
    for operand in (*operation.inputs, operation.output):
        if operand is None:
            continue
        scales = operand.spec.scale.tolist()
        zero = operand is not operation.output  # an input's is only multiplied by
        if not all(0 < s < math.inf or (s == 0 and zero) for s in scales):
            raise ModelError(
                f"tensor {operand.tensor} ({operand.spec.name!r}): its scales "
                "are not all positive and finite; its operator cannot be explained"
            )


def plus(zero: int) -> str:
    """Write the addition of a constant, or nothing for 0: ` + 5`, ` - 128`."""
    return "" if zero == 0 else f" {'+' if zero > 0 else '-'} {abs(zero)}"
