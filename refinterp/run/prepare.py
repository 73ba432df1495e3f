"""From a model to a program: a prepared kernel for every operator, a shape for every tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from refinterp.errors import ModelError, RefinterpError, UnsupportedError
from refinterp.graph.compiled import compiled
from refinterp.graph.flexbuffer import read_map
from refinterp.graph.misfits import miscounts
from refinterp.graph.model import OPTIONAL, Model, Operator, Options, Shape, Subgraph
from refinterp.graph.room import require_room_for_all
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs
from refinterp.kernels.flavours import DEFAULT_FLAVOUR, rules
from refinterp.kernels.registry import (
    REFUSED,
    REFUSED_TYPES,
    Entry,
    dtypes_of,
    facts_of,
    find,
    require_fit,
)
from refinterp.run.prepare_step import prepare_step
from refinterp.run.program import PreparedGraph, Program, Step

_BESIDES: Final = ("intermediates", "output_types", "declared_shapes", "subgraph_operators")
"""Options that kernels read and the schema does not have; see `_options`."""


def prepare(
    model: Model,
    *,
    subgraph: int = 0,
    flavour: str = DEFAULT_FLAVOUR,
    plain: bool = False,
    shapes: Mapping[int, Shape] | None = None,
) -> Program:
    """Prepare every operator of a subgraph.

    shapes: new shapes for inputs of the subgraph, by tensor index; what follows from them is
    computed anew. plain: use the plain definitions even where a fast path exists.

    Raises UnsupportedError listing every operator that has no kernel; ModelError, naming the
    operator, where the model cannot be run as it stands.
    """
    graphs: dict[int, PreparedGraph] = {}
    _Preparer(model, flavour, plain, graphs).graph(subgraph, shapes or {}, ())
    return Program(model, subgraph, flavour, plain, graphs)


def _entries(
    graph: Subgraph, specs: Sequence[TensorSpec], subgraph: int
) -> tuple[list[Entry], list[str]]:
    """Find the kernel of each operator; the second list says which operators have none."""
    found: list[Entry] = []
    missing: list[str] = []
    allowed = range(OPTIONAL, len(specs))
    for index, operator in enumerate(graph.operators):
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor not in allowed:
                raise ModelError(
                    f"{_where(subgraph, index, operator)}: tensor {tensor} does not exist; the "
                    f"subgraph has {len(specs)}"
                )
        operands = [specs[i] if i != OPTIONAL else None for i in operator.inputs]
        results = [specs[i] for i in operator.outputs if i != OPTIONAL]
        name = operator.name
        entry = find(name, operands)
        refused = [s.dtype for s in (*operands, *results) if s and s.dtype in REFUSED_TYPES]
        if entry is not None and not refused:
            found.append(entry)
            continue
        facts = facts_of(name) if entry is None else None
        said = miscounts(facts, operands, results) if facts is not None else []
        if said:
            raise ModelError(f"{_where(subgraph, index, operator)}: {'; '.join(said)}")
        types = ", ".join(spec.dtype if spec else "none" for spec in operands)
        made = ", ".join(spec.dtype for spec in results)
        version = operator.code.version if operator.code else "?"
        if refused:
            why = f"no operator is supported on {', '.join(sorted(set(refused)))}"
        else:
            supported = ", ".join(dtypes_of(name)) or "no type of this operator"
            other = compiled(name)
            why = REFUSED.get(name, f"supported: {supported}")
            if other is not None:
                why = f"it is {other.what}; {other.remedy}"
        missing.append(
            f"{_where(subgraph, index, operator)} version {version} on ({types}) -> ({made}); {why}"
        )
    return found, missing


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        raise UnsupportedError(
            f"{len(missing)} operator(s) are not supported:\n  " + "\n  ".join(missing)
        )


@dataclass(frozen=True, slots=True)
class _Preparer:
    """Prepares subgraphs and those they call; the results gather in `graphs`."""

    model: Model
    flavour: str
    plain: bool
    graphs: dict[int, PreparedGraph]

    def graph(self, subgraph: int, shapes: Mapping[int, Shape], calling: tuple[int, ...]) -> None:
        """Prepare one subgraph for inputs of these shapes."""
        if not 0 <= subgraph < len(self.model.subgraphs):
            raise ModelError(
                f"subgraph {subgraph} does not exist; the model has {len(self.model.subgraphs)}"
            )
        if subgraph in calling:
            circle = " -> ".join(map(str, (*calling, subgraph)))
            raise ModelError(f"subgraphs call each other in a circle ({circle})")
        if subgraph in self.graphs:
            return
        graph = self.model.subgraphs[subgraph]
        specs = list(tensor_specs(self.model, subgraph))
        for tensor, shape in shapes.items():
            specs[tensor] = replace(specs[tensor], shape=tuple(shape))
        entries, missing = _entries(graph, specs, subgraph)
        _refuse(missing)
        known: dict[int, Any] = {}
        unknown: set[int] = set()
        steps = []
        for index, (operator, entry) in enumerate(zip(graph.operators, entries, strict=True)):
            try:
                require_fit(
                    entry,
                    [None if i == OPTIONAL else specs[i] for i in operator.inputs],
                    [None if i == OPTIONAL else specs[i] for i in operator.outputs],
                    [p for p, i in enumerate(operator.inputs) if i in unknown] if unknown else (),
                )
                step = Step(
                    index,
                    operator.name,
                    None,
                    operator.inputs,
                    operator.outputs,
                    subgraph,
                    entry,
                    entry.decode(_options(operator, entry, specs, self.model)),
                    rules(self.flavour, operator.name, plain=self.plain),
                )
                if entry.kernel.controls:
                    step = self._control(step, specs, unknown, (*calling, subgraph))
                else:
                    step = prepare_step(step, specs, known, unknown)
            except RefinterpError as error:
                raise type(error)(f"{_where(subgraph, index, operator)}: {error}") from error
            steps.append(step)
        require_room_for_all(specs, unknown)
        self.graphs[subgraph] = PreparedGraph(
            subgraph, tuple(specs), tuple(steps), frozenset(unknown)
        )

    def _control(
        self, step: Step, specs: list[TensorSpec], unknown: set[int], calling: tuple[int, ...]
    ) -> Step:
        """Prepare what a control-flow operator calls; its outputs' shapes follow from that."""
        operands = step.entry.operands([None if i == OPTIONAL else specs[i] for i in step.inputs])
        results = [specs[i] for i in step.outputs]
        called: list[list[Shape | None]] = []
        for callee, arguments in step.entry.kernel.calls(step.options, operands):
            if not 0 <= callee < len(self.model.subgraphs):
                raise ModelError(
                    f"calls subgraph {callee}; the model has {len(self.model.subgraphs)}"
                )
            inner = self.model.subgraphs[callee]
            if len(inner.inputs) != len(arguments):
                raise ModelError(
                    f"passes {len(arguments)} tensors to subgraph {callee}, which has "
                    f"{len(inner.inputs)} inputs"
                )
            shapes = {i: spec.shape for i, spec in zip(inner.inputs, arguments, strict=True)}
            self.graph(callee, shapes, calling)
            done = self.graphs[callee]
            called.append(
                [None if i in done.unknown else done.specs[i].shape for i in inner.outputs]
            )
        shapes_out = step.entry.kernel.control_shapes(operands, results, called)
        for tensor, shape in zip(step.outputs, shapes_out, strict=True):
            if shape is None or any(i in unknown for i in step.inputs):
                unknown.add(tensor)
            else:
                specs[tensor] = replace(specs[tensor], shape=tuple(shape))
        kernel = step.entry.kernel.prepare(operands, results, step.options, step.rule)
        return step.with_kernel(kernel)


def _options(
    operator: Operator, entry: Entry, specs: Sequence[TensorSpec], model: Model
) -> Options:
    """What a kernel's options are read from: the schema's fields, or a custom operator's map.

    Besides: `custom_options`, the raw bytes; `intermediates`, the specs of those tensors;
    `output_types`, the types of the tensors it writes; `declared_shapes`, their shapes as the file
    has them; `subgraph_operators`, the names of the operators of each subgraph of the model.
    """
    wanted = entry.option_names
    custom = operator.code is not None and operator.code.builtin == "CUSTOM"
    if not custom and wanted.isdisjoint(_BESIDES):
        return operator.options or operator.options_2
    given: dict[str, Any] = dict(operator.options or operator.options_2)
    if custom:
        raw = operator.custom_options.tobytes()
        if wanted - {"custom_options", "intermediates"}:
            given = dict(read_map(raw))
        given["custom_options"] = raw
    if "intermediates" in wanted:
        if not all(0 <= i < len(specs) for i in operator.intermediates):
            raise ModelError(f"an intermediate tensor of {operator.intermediates} does not exist")
        given["intermediates"] = tuple(specs[i] for i in operator.intermediates)
    if "output_types" in wanted:
        given["output_types"] = tuple(specs[i].dtype for i in operator.outputs)
    if "declared_shapes" in wanted:
        given["declared_shapes"] = tuple(specs[i].shape for i in operator.outputs)
    if "subgraph_operators" in wanted:
        given["subgraph_operators"] = tuple(
            tuple(other.name for other in graph.operators) for graph in model.subgraphs
        )
    return given


def _where(subgraph: int, index: int, operator: Operator) -> str:
    return f"subgraphs[{subgraph}].operators[{index}] ({operator.name})"
