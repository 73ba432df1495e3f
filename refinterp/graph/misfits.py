"""An operator's operands and results held against what the table says of it.

The sentences have one form: the operand by name, what was found, what is allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from refinterp.errors import ModelError
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, Model
from refinterp.graph.operands import Operands
from refinterp.graph.operators import OPERATORS, OperatorFacts
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs

_SHOWN: Final = 6  # names in a sentence
_FOLDED: Final = ("filter", "bias")

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
    if _form_fits(facts, _form(operands), _form(results), tuple(unshaped), scales):
        return _misfit_sizes(facts, operands, unshaped)
    return _misfits(facts, operands, results, unshaped, scales)


_Form = tuple[tuple[str, int, bool] | None, ...]
"""Type, rank and whether there is a scale, of each operand or result."""


def _form(specs: Given) -> _Form:
    return tuple([None if s is None else (s.dtype, len(s.shape), s.scale.size > 0) for s in specs])


@lru_cache(maxsize=2048)
def _form_fits(
    facts: OperatorFacts, operands: _Form, results: _Form, unshaped: tuple[int, ...], scales: bool
) -> bool:
    """Whether operators of a form fit but for their sizes; a model has few forms."""
    return not _misfits(facts, _of_form(operands), _of_form(results), unshaped, scales)


def _of_form(form: _Form) -> Given:
    """Specs of a form, every size 1."""
    specs: list[TensorSpec | None] = []
    for one in form:
        if one is None:
            specs.append(None)
            continue
        dtype, rank, scaled = one
        specs.append(TensorSpec.of("", (1,) * rank, dtype, 1.0 if scaled else None))
    return specs


def _misfits(
    facts: OperatorFacts, operands: Given, results: Given, unshaped: Collection[int], scales: bool
) -> list[str]:
    """What does not fit, sentence by sentence."""
    found = miscounts(facts, operands, results)
    if found:
        return found
    names = facts.signature(len(operands))
    kinds = [names.kind_of(place) for place in range(len(operands))]
    called: dict[str, TensorSpec | None] = {}
    for kind, spec in zip(kinds, operands, strict=True):
        called.setdefault(kind, spec)
    said = _misfit_sizes(facts, operands, unshaped)
    for place, spec in enumerate(operands):
        if spec is not None:
            kind = kinds[place]
            found = (
                _rank(facts, kind, spec) if kind in facts.ranks and place not in unshaped else []
            )
            if kind in facts.types or kind in facts.scaled:
                found += _values(facts, kind, spec, called, scales)
            said += [f"operand {names.name_of(place)} {spec.name!r}: {one}" for one in found]
    for place, spec in enumerate(results):
        kind = "output" if facts.results is None else facts.results[place]
        if spec is not None and (kind in facts.types or kind in facts.scaled):
            found = _values(facts, kind, spec, called, scales)
            label = f"{kind}[{place}]" if facts.results is None else kind
            said += [f"result {label} {spec.name!r}: {one}" for one in found]
    return said


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


def _rank(facts: OperatorFacts, kind: str, spec: TensorSpec) -> list[str]:
    lowest, highest = facts.ranks[kind]
    rank = len(spec.shape)
    if rank >= lowest and (highest is None or rank <= highest):
        return []
    ranks = _numbers(lowest, highest)
    return [f"found rank {rank}, shape {list(spec.shape)}; allowed: rank {ranks}"]


def _misfit_sizes(facts: OperatorFacts, operands: Given, unshaped: Collection[int]) -> list[str]:
    """Sizes of operands that have to go with those of another."""
    said = _misfit_bias(facts, operands, unshaped)
    return said + (_misfit_shapes(facts, operands, unshaped) if facts.one_shape else [])


def _misfit_shapes(facts: OperatorFacts, operands: Given, unshaped: Collection[int]) -> list[str]:
    """Operands that have one shape: it is the first one's."""
    names = facts.signature(len(operands))
    alike = [
        (names.name_of(place), spec)
        for place, spec in enumerate(operands)
        if spec is not None and place not in unshaped and names.kind_of(place) in facts.one_shape
    ]
    return [
        f"operand {name} {spec.name!r}: found shape {list(spec.shape)}; allowed: "
        f"{list(alike[0][1].shape)}, that of operand {alike[0][0]} {alike[0][1].name!r}"
        for name, spec in alike[1:]
        if spec.shape != alike[0][1].shape
    ]


def _misfit_bias(facts: OperatorFacts, operands: Given, unshaped: Collection[int]) -> list[str]:
    """A bias has one element for each output channel, which lie along an axis of the filter."""
    axis = facts.filter_axis
    if axis is None:
        return []
    names = facts.signature(len(operands))
    named: Any = names(operands)
    w, bias = named.filter, named.bias
    if w is None or bias is None or len(w.shape) <= axis:
        return []
    if any(names.kind_of(place) in _FOLDED for place in unshaped):
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
    kind: str,
    spec: TensorSpec,
    called: Mapping[str, TensorSpec | None],
    scales: bool,
) -> list[str]:
    """What is wrong with a type, and with a scale if scales are looked at."""
    said = []
    allowed, whose = allowed_types(facts, kind, called)
    if allowed is not None and spec.dtype not in allowed:
        because = f", since {whose} is {_type_of(called, whose)}" if whose else ""
        said.append(f"found {spec.dtype}; allowed: {', '.join(allowed)}{because}")
    coded = scales and kind in facts.scaled and spec.dtype in facts.scaled_types
    if coded and not spec.quantized:
        said.append(f"found {spec.dtype} without a scale; allowed: {spec.dtype} with a scale")
    return said


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
