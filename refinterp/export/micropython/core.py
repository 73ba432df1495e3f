"""The part of a model that a module runs: between codes and codes, without float ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from refinterp.errors import ModelError, RefinterpError, UnsupportedError
from refinterp.export.micropython.calls import Lowered, Site
from refinterp.export.micropython.lowering.families import LOWERINGS
from refinterp.export.micropython.lowering.tabulated import single_source, tabulated
from refinterp.graph.model import OPTIONAL, Model, Operator, Subgraph
from refinterp.graph.operators import OPERATORS
from refinterp.graph.spec import TensorSpec
from refinterp.run.prepare import prepare
from refinterp.run.program import Program, Step


@dataclass(frozen=True, slots=True, eq=False)
class CoreGraph:
    """A model whose ends are int8 codes, prepared and lowered.

    program: the model without float ends, by plain kernels.
    operators: what is called, in order; what nobody reads is left out.
    dropped: names of the operators at float ends that helpers stand for.
    """

    program: Program
    operators: tuple[Lowered, ...]
    dropped: tuple[str, ...]

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs' specs."""
        return tuple(self.program.specs[i] for i in self.program.graph.inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs' specs."""
        return tuple(self.program.specs[i] for i in self.program.graph.outputs)


def without_float_ends(model: Model) -> tuple[Model, tuple[str, ...]]:
    """Return the model between its first codes and its last, and the operators left out.

    An input of floats that one operator turns into codes is left out with it; so is an output of
    floats that one makes of codes.
    """
    graph = model.subgraphs[0]
    gone: list[int] = []
    inputs = [_entry(graph, tensor, gone) for tensor in graph.inputs]
    outputs = [_exit(graph, tensor, gone) for tensor in graph.outputs]
    if not gone:
        return model, ()
    names = tuple(graph.operators[i].name for i in sorted(set(gone)))
    kept = tuple(op for i, op in enumerate(graph.operators) if i not in gone)
    core = replace(graph, inputs=tuple(inputs), outputs=tuple(outputs), operators=kept)
    return replace(model, subgraphs=(core, *model.subgraphs[1:]), signatures=()), names


def _entry(graph: Subgraph, tensor: int, gone: list[int]) -> int:
    readers = [i for i, op in enumerate(graph.operators) if tensor in op.inputs]
    if _is_real(graph, tensor) and len(readers) == 1 and tensor not in graph.outputs:
        operator = graph.operators[readers[0]]
        facts = OPERATORS.get(operator.name)
        if facts is not None and facts.makes_codes and _is_code(graph, operator.outputs[0]):
            gone.append(readers[0])
            return operator.outputs[0]
    return tensor


def _exit(graph: Subgraph, tensor: int, gone: list[int]) -> int:
    makers = [i for i, op in enumerate(graph.operators) if tensor in op.outputs]
    read = any(tensor in op.inputs for op in graph.operators)
    if _is_real(graph, tensor) and makers and not read:
        operator = graph.operators[makers[0]]
        facts = OPERATORS.get(operator.name)
        if facts is not None and facts.makes_reals and _is_code(graph, operator.inputs[0]):
            gone.append(makers[0])
            return operator.inputs[0]
    return tensor


def _is_real(graph: Subgraph, tensor: int) -> bool:
    return 0 <= tensor < len(graph.tensors) and graph.tensors[tensor].dtype == "float32"


def _is_code(graph: Subgraph, tensor: int) -> bool:
    return 0 <= tensor < len(graph.tensors) and graph.tensors[tensor].dtype == "int8"


def lowered(model: Model, flavour: str, usual: int, *, thumb: bool = False) -> CoreGraph:
    """Return a model's operators as calls. usual: bytes of a block of weights. thumb:
    whether inner products are machine code of Arm.

    Raises UnsupportedError that lists all operators that cannot be, and why; ModelError as
    preparing does.
    """
    if not model.subgraphs:
        raise ModelError("the model has no subgraphs, so there is nothing to export")
    refused = _controls(model.subgraphs[0].operators)
    if refused:
        raise _refusal(refused)
    core, dropped = without_float_ends(model)
    program = prepare(core, flavour=flavour, plain=True)
    refused = _ends(program)
    needed = set(program.graph.outputs)
    found: list[Lowered] = []
    for step in reversed(program.steps):
        if needed.isdisjoint(step.outputs):
            continue
        try:
            if program.graphs[program.subgraph].unknown.intersection((*step.inputs, *step.outputs)):
                raise UnsupportedError("shapes that only a run tells")
            one = _lowered(_site(program, step, flavour, usual, thumb))
        except RefinterpError as error:
            refused.append((step.operator, step.name, str(error)))
            needed.update(i for i in step.inputs if i != OPTIONAL)
        else:
            needed.update(one.reads)
            found.append(one)
    if refused:
        raise _refusal(refused)
    return CoreGraph(program, tuple(reversed(found)), dropped)


def _refusal(refused: Sequence[tuple[int, str, str]]) -> UnsupportedError:
    lines = [
        f"operators[{index}] ({name}): {why}" if index >= 0 else f"{name}: {why}"
        for index, name, why in sorted(refused)
    ]
    count = len(lines)
    return UnsupportedError(
        f"{count} {'reason' if count == 1 else 'reasons'} why it cannot be a module:\n  "
        + "\n  ".join(lines)
    )


def _controls(operators: Sequence[Operator]) -> list[tuple[int, str, str]]:
    found = []
    for index, operator in enumerate(operators):
        facts = OPERATORS.get(operator.name)
        if facts is not None and (facts.calls or facts.names_resource):
            found.append((index, operator.name, "it calls subgraphs or keeps resources"))
    return found


def _ends(program: Program) -> list[tuple[int, str, str]]:
    found = []
    for role, tensors in (("input", program.graph.inputs), ("output", program.graph.outputs)):
        for place, tensor in enumerate(tensors):
            spec = program.specs[tensor]
            if spec.dtype != "int8":
                why = f"it is {spec.dtype}; int8 is needed, or float32 that is quantized at once"
            elif spec.scale.size > 1:
                why = "it has several scales"
            elif not spec.size:
                why = "it holds no element"
            elif spec.data is not None:
                why = "it is a constant"
            else:
                continue
            found.append((-1, f"{role} {place} {spec.name!r}", why))
        if not tensors:
            found.append((-1, f"{role}s", "there are none"))
    return found


def _site(program: Program, step: Step, flavour: str, usual: int, thumb: bool) -> Site:
    specs = program.specs
    return Site(
        step,
        tuple(None if i == OPTIONAL else specs[i] for i in step.inputs),
        tuple(specs[i] for i in step.outputs),
        flavour,
        usual,
        thumb,
    )


def _lowered(site: Site) -> Lowered:
    if any(spec.size == 0 for spec in site.outputs):
        raise UnsupportedError("a result of no elements")
    found = LOWERINGS.get(site.step.name)
    if single_source(site) is not None and (found is None or len(set(site.step.inputs)) != 1):
        try:
            return tabulated(site)
        except UnsupportedError:
            if found is None:
                raise
    if found is None:
        raise UnsupportedError("there is no kernel of it for MicroPython")
    return found(site)
