"""An operator's operands and results held against what the table says of it.

The sentences have one form: the operand by name, what was found, what is allowed.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from refinterp.errors import ModelError
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operands import Operands
from refinterp.graph.operators import OPERATORS, OperatorFacts, Types
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs

_SHOWN: Final = 6  # names in a sentence
_FOLDED: Final = ("filter", "bias")
_ANY_RANK: Final = sys.maxsize

Given = Sequence[TensorSpec | None]


def misfits(
    facts: OperatorFacts,
    operands: Given,
    results: Given,
    unshaped: Collection[int] = (),
    *,
    scales: bool = True,
) -> list[str]:
    """Say what does not fit; empty when everything does.

    unshaped: places of operands whose shapes are not known. scales: look at them, too. Where the
    counts are wrong, nothing else is looked at.
    """
    found = miscounts(facts, operands, results)
    if found:
        return found
    places = _operand_places(facts, len(operands))
    called: dict[str, TensorSpec | None] = {}
    for place, spec in zip(places, operands, strict=True):
        called.setdefault(place.kind, spec)
    said: list[str] = []
    if facts.filter_axis is not None:
        said += _bias(facts.filter_axis, called, {places[index].kind for index in unshaped})
    for index, (place, spec) in enumerate(zip(places, operands, strict=True)):
        if spec is not None:
            if len(spec.shape) not in place.ranks and index not in unshaped:
                said.append(f"{place.label} {spec.name!r}: {_rank(place.ranks, spec)}")
            if place.typed:
                said += _values(facts, place, spec, called, scales)
    for place, spec in zip(_result_places(facts, len(results)), results, strict=True):
        if spec is not None and place.typed:
            said += _values(facts, place, spec, called, scales)
    return said


@dataclass(frozen=True, slots=True)
class _Place:
    """What a row says of an operand or a result.

    label: what sentences call it. rule: which types it may be of, None for any. scaled: whether it
    needs a scale. typed: whether either says anything.
    """

    kind: str
    label: str
    ranks: range
    rule: Types | None
    scaled: bool
    typed: bool

    @classmethod
    def of(cls, facts: OperatorFacts, kind: str, label: str) -> _Place:
        lowest, highest = facts.ranks.get(kind, (0, None))
        ranks = range(lowest, _ANY_RANK if highest is None else highest + 1)
        rule, scaled = facts.types.get(kind), kind in facts.scaled
        return cls(kind, label, ranks, rule, scaled, rule is not None or scaled)


@lru_cache(maxsize=1024)
def _operand_places(facts: OperatorFacts, count: int) -> tuple[_Place, ...]:
    names = facts.signature(count)
    return tuple(
        _Place.of(facts, names.kind_of(place), f"operand {names.name_of(place)}")
        for place in range(count)
    )


@lru_cache(maxsize=1024)
def _result_places(facts: OperatorFacts, count: int) -> tuple[_Place, ...]:
    if facts.results is None:
        return tuple(_Place.of(facts, "output", f"result output[{i}]") for i in range(count))
    return tuple(_Place.of(facts, kind, f"result {kind}") for kind in facts.results[:count])


def model_misfits(model: Model, *, scales: bool = True) -> Iterator[tuple[int, int, list[str]]]:
    """What does not fit of each operator: subgraph, operator, sentences, of which there are some.

    Only constants, variables and inputs are sure to have the shape that the file gives them.
    Operators that are not in the table are passed over, and those that name tensors that are not
    there.
    """
    for number, graph in enumerate(model.subgraphs):
        specs = tensor_specs(model, number, values=False)
        sure = {
            i
            for i, tensor in enumerate(graph.tensors)
            if tensor.is_variable or has_constant(model, tensor)
        }
        sure.update(graph.inputs)
        for index, operator in enumerate(graph.operators):
            facts = OPERATORS.get(operator.name)
            places = (*operator.inputs, *operator.outputs)
            if facts is None or not all(OPTIONAL <= i < len(specs) for i in places):
                continue
            said = misfits(
                facts,
                [None if i == OPTIONAL else specs[i] for i in operator.inputs],
                [None if i == OPTIONAL else specs[i] for i in operator.outputs],
                [place for place, i in enumerate(operator.inputs) if i not in sure],
                scales=scales,
            )
            if said:
                yield number, index, said


def require_operators(model: Model) -> None:
    """Raise ModelError, naming the first operator that is not what its row says."""
    for subgraph, index, said in model_misfits(model):
        name = model.subgraphs[subgraph].operators[index].name
        raise ModelError(f"subgraphs[{subgraph}].operators[{index}] ({name}): {'; '.join(said)}")


def _rank(ranks: range, spec: TensorSpec) -> str:
    allowed = _numbers(ranks.start, None if ranks.stop == _ANY_RANK else ranks.stop - 1)
    return f"found rank {len(spec.shape)}, shape {list(spec.shape)}; allowed: rank {allowed}"


def _bias(axis: int, called: Mapping[str, TensorSpec | None], unsure: set[str]) -> list[str]:
    """A bias has one element for each output channel, which lie along an axis of the filter.

    unsure: operands whose shapes are not known.
    """
    w, bias = called.get("filter"), called.get("bias")
    if w is None or bias is None or len(w.shape) <= axis or not unsure.isdisjoint(_FOLDED):
        return []
    channels = w.shape[axis]
    if bias.size == channels:
        return []
    return [
        f"operand bias {bias.name!r}: found {bias.size} elements; allowed: {channels}, one for "
        f"each output channel of the filter {w.name!r}"
    ]


def _values(
    facts: OperatorFacts,
    place: _Place,
    spec: TensorSpec,
    called: Mapping[str, TensorSpec | None],
    scales: bool,
) -> list[str]:
    """What is wrong with a type, and with a scale if scales are looked at."""
    said = []
    allowed, whose = _allowed_types(place.rule, called)
    if allowed is not None and spec.dtype not in allowed:
        because = f", since {whose} is {_type_of(called, whose)}" if whose else ""
        said.append(f"found {spec.dtype}; allowed: {', '.join(allowed)}{because}")
    if scales and place.scaled and not spec.quantized and spec.dtype in facts.scaled_types:
        said.append(f"found {spec.dtype} without a scale; allowed: {spec.dtype} with a scale")
    return [f"{place.label} {spec.name!r}: {one}" for one in said]


def _allowed_types(
    rule: Types | None, called: Mapping[str, TensorSpec | None]
) -> tuple[tuple[str, ...] | None, str]:
    """The types allowed, None for any, and by which operand's type they go, "" for no one's.

    called: the operands by name.
    """
    if rule is None or isinstance(rule, tuple):
        return rule, ""
    whose = rule if isinstance(rule, str) else rule.operand
    leading = _type_of(called, whose)
    if leading is None:
        return None, whose
    return ((leading,) if isinstance(rule, str) else rule.types.get(leading)), whose


def _type_of(called: Mapping[str, TensorSpec | None], name: str) -> str | None:
    spec = called.get(name)
    return None if spec is None else spec.dtype


def miscounts(facts: OperatorFacts, operands: Given, results: Given) -> list[str]:
    """Say which operands or results are missing, or that there are too many."""
    names = facts.signature(len(operands))
    return _count(facts, names, operands) or _result_count(facts, results)


def _count(facts: OperatorFacts, names: type[Operands[TensorSpec]], operands: Given) -> list[str]:
    fewest, most = max(names.fewest, facts.fewest_operands), names.most()
    if len(operands) >= fewest and None not in operands and (most is None or len(operands) <= most):
        return []
    missing = [
        name
        for place, (name, needed) in enumerate(zip(names.names, names.required, strict=True))
        if needed and (place >= len(operands) or operands[place] is None)
    ]
    missing += [names.name_of(i) for i in range(len(operands), fewest)]
    missing += [
        names.name_of(i) for i in range(len(names.names), len(operands)) if operands[i] is None
    ]
    missing = list(dict.fromkeys(missing))
    if most is not None and len(operands) > most:
        return [
            f"found {len(operands)} operands; allowed: {_numbers(fewest, most)}{_listed(names)}"
        ]
    if not missing:
        return []
    some = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
    return [
        f"operand {some}: found none among {len(operands)} operands; allowed: "
        f"{_numbers(fewest, most)}{_listed(names)}"
    ]


def _result_count(facts: OperatorFacts, results: Given) -> list[str]:
    if facts.results is None:
        return []
    most = len(facts.results)
    fewest = most if facts.fewest_results is None else facts.fewest_results
    if fewest <= len(results) <= most and None not in results:
        return []
    found = len(results) - list(results).count(None)
    listed = f" ({', '.join(facts.results)})" if facts.results else ""
    return [f"found {found} results; allowed: {_numbers(fewest, most)}{listed}"]


def _numbers(fewest: int, most: int | None) -> str:
    if most is None:
        return f"{fewest} or more"
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def _listed(names: type[Operands[TensorSpec]]) -> str:
    given = [
        name if needed else f"{name} or none"
        for name, needed in zip(names.names, names.required, strict=True)
    ]
    given += [f"{names.many} …"] if names.many else []
    return f" ({', '.join(given)})" if 0 < len(given) <= _SHOWN else ""
