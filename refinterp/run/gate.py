"""Whether the runtime that a flavour is named after would run the model at all.

A flavour reproduces a runtime's arithmetic, which is no use to somebody whose runtime refuses the
model: commands that run it refuse what the runtime refuses, unless they are told to be lenient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from refinterp.errors import UnsupportedError
from refinterp.graph.model import Model
from refinterp.run.program import Program
from refinterp.verdicts.inventory import highest_version
from refinterp.verdicts.judge import Shapes, nodes_of, refusal
from refinterp.verdicts.node import Node
from refinterp.verdicts.told import met, met_by, sentences
from refinterp.verdicts.verdict import LITERT_OPTIMIZED, LITERT_REFERENCE, TFLM, Verdict

_OTHERWISE = "refinterp computes what is meant"


def shapes_of(program: Program) -> Shapes:
    """The shapes of a program's tensors, as they came out when it was prepared."""
    found: dict[int, Mapping[int, tuple[int, ...]]] = {}
    for number, graph in program.graphs.items():
        found[number] = {
            i: spec.shape for i, spec in enumerate(graph.specs) if i not in graph.unknown
        }
    return found


def refusals(
    model: Model,
    runtime: str,
    shapes: Shapes | None = None,
    *,
    subgraphs: Iterable[int] | None = None,
) -> Iterator[Verdict]:
    """Yield the operators for which the runtime gives no result; subgraphs: all if not given.

    Operators that LiteRT's reference resolver lacks are judged by its optimized kernels, and custom
    ones that a runtime does not know are left alone: whoever uses them registers them. Known
    differences are no refusals: `warnings_of` tells of them.
    """
    return _refused(nodes_of(model, runtime, shapes, subgraphs), runtime)


def _refused(operators: Iterable[Node], runtime: str) -> Iterator[Verdict]:
    for node in operators:
        whose = runtime
        if node.custom:
            if not highest_version(runtime, node.name):
                continue
        elif runtime == LITERT_REFERENCE and node.version > highest_version(runtime, node.name):
            whose = LITERT_OPTIMIZED
        verdict = refusal(node, whose)
        if verdict is None or (verdict.verdict == "aborts" and verdict.stage == "invoke"):
            continue
        if verdict.stops:
            yield verdict


def refusals_of(program: Program) -> Iterator[Verdict]:
    """The same of a program, for the runtime of its flavour, with its shapes.

    TFLM computes no shapes: it takes those of the file.
    """
    shapes = None if program.flavour == TFLM else shapes_of(program)
    return refusals(program.model, program.flavour, shapes, subgraphs=sorted(program.graphs))


def warnings_of(program: Program) -> tuple[str, ...]:
    """What the runtime of the program's flavour is known to do otherwise with it, in sentences."""
    found = met(program.model, program.flavour, shapes_of(program), sorted(program.graphs))
    return sentences(found, _OTHERWISE)


def judged(program: Program) -> tuple[tuple[str, ...], Iterator[Verdict]]:
    """Both, warnings and refusals, looking at each operator once where shapes are the same."""
    if program.flavour == TFLM:
        return warnings_of(program), refusals_of(program)
    shapes = shapes_of(program)
    operators = list(nodes_of(program.model, program.flavour, shapes, sorted(program.graphs)))
    warnings = sentences(met_by(operators, program.flavour), _OTHERWISE)
    return warnings, _refused(operators, program.flavour)


def require(program: Program, *, lenient: bool = False) -> tuple[Verdict, ...]:
    """Refuse what the runtime of the program's flavour refuses.

    Returns all that it refuses instead where it is to be lenient. Raises UnsupportedError.
    """
    if lenient:
        return tuple(refusals_of(program))
    for verdict in refusals_of(program):
        raise UnsupportedError(f"{verdict} (--lenient runs it all the same)")
    return ()
