"""An operator's operands and results held against what the table says of it.

The sentences have one form: the operand by name, what was found, what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from refinterp.graph.operands import Operands
from refinterp.graph.operators import OperatorFacts
from refinterp.graph.spec import TensorSpec

_SHOWN: Final = 6  # names in a sentence

Given = Sequence[TensorSpec | None]


def misfits(
    facts: OperatorFacts, operands: Given, results: Given, *, shaped: bool = True
) -> list[str]:
    """Say what does not fit; empty when everything does. shaped: the operands' shapes are known.

    Counts come first: where they are wrong, nothing else is looked at.
    """
    names = facts.signature(len(operands))
    found = _count(facts, names, operands) or _result_count(facts, results)
    if found:
        return found
    called = {names.kind_of(place): spec for place, spec in reversed(list(enumerate(operands)))}
    sides = [
        ("operand", names.name_of(place), names.kind_of(place), spec)
        for place, spec in enumerate(operands)
    ]
    outputs = [
        ("result", name, name.split("[")[0], spec)
        for name, spec in zip(_result_names(facts, len(results)), results, strict=True)
    ]
    return [
        f"{side} {name} {spec.name!r}: {sentence}"
        for side, name, kind, spec in (*sides, *outputs)
        if spec is not None
        for sentence in (
            _rank(facts, kind, spec) if shaped and side == "operand" else "",
            _type(facts, kind, spec, called),
            _scale(facts, kind, spec),
        )
        if sentence
    ]


def _rank(facts: OperatorFacts, kind: str, spec: TensorSpec) -> str:
    lowest, highest = facts.ranks.get(kind, (0, None))
    rank = len(spec.shape)
    if rank >= lowest and (highest is None or rank <= highest):
        return ""
    return f"found rank {rank}, shape {list(spec.shape)}; allowed: rank {_numbers(lowest, highest)}"


def _type(
    facts: OperatorFacts, kind: str, spec: TensorSpec, called: Mapping[str, TensorSpec | None]
) -> str:
    allowed, whose = allowed_types(facts, kind, called)
    if allowed is None or spec.dtype in allowed:
        return ""
    because = f", since {whose} is {_type_of(called, whose)}" if whose else ""
    return f"found {spec.dtype}; allowed: {', '.join(allowed)}{because}"


def allowed_types(
    facts: OperatorFacts, kind: str, called: Mapping[str, TensorSpec | None]
) -> tuple[tuple[str, ...] | None, str]:
    """The types allowed, None for any, and by which operand's type they go, "" for no one's.

    called: the operands by name.
    """
    rule = facts.types.get(kind)
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


def _scale(facts: OperatorFacts, kind: str, spec: TensorSpec) -> str:
    if kind not in facts.scaled or spec.dtype not in facts.scaled_types or spec.quantized:
        return ""
    return f"found {spec.dtype} without a scale; allowed: {spec.dtype} with a scale"


def _result_names(facts: OperatorFacts, count: int) -> list[str]:
    if facts.results is None:
        return [f"output[{index}]" for index in range(count)]
    return list(facts.results[:count])


def _count(facts: OperatorFacts, names: type[Operands[TensorSpec]], operands: Given) -> list[str]:
    fewest, most = max(names.fewest(), facts.fewest_operands), names.most()
    if most is not None and len(operands) > most:
        return [
            f"found {len(operands)} operands; allowed: {_numbers(fewest, most)}{_listed(names)}"
        ]
    missing = [
        name
        for place, (name, needed) in enumerate(zip(names.names, names.required, strict=True))
        if needed and (place >= len(operands) or operands[place] is None)
    ]
    missing += [names.name_of(i) for i in range(len(names.names), fewest) if i >= len(operands)]
    missing += [
        names.name_of(i) for i in range(len(names.names), len(operands)) if operands[i] is None
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
