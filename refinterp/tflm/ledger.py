"""Replays TFLM's allocation of a model, in its order: who takes which byte of the arena, and when.

Order     create: the allocator's objects (and resource variables, if the model has any)
          start: lists of tensors and nodes of every subgraph; room for 12 scratch requests
          parse: parameters of every operator
          init, prepare: what every operator keeps and asks for (`kernels/`)
          finish: handles of scratch buffers, the planner's input, variables, the planner's arrays
          plan: the head
          post: a TfLiteTensor for each input and output of the model
Source    TFLM `micro_allocator.cc`, `micro_interpreter.cc`, `micro_interpreter_graph.cc`,
          `micro_allocation_info.cc`, `recording_micro_allocator.cc`, commit 90b983c2b.
Exact to  TFLM's log of every allocation, on x86-64 and on 32-bit Arm, for every measured model; and
          to what the wheel's `print_allocations` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from refinterp.arena.lifetimes import Scratch
from refinterp.arena.offline import METADATA_NAME, ONLINE, offline_offsets
from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.compiled import compiled
from refinterp.graph.model import OPTIONAL, Model, Operator, Tensor
from refinterp.tflm.allocator import Allocator
from refinterp.tflm.entries import (
    ALLOCATOR,
    BUFFERS,
    BUILTIN,
    EVAL_TENSORS,
    NODES,
    PLAN,
    QUANTIZATION,
    RECORDED,
    SCRATCH_HANDLES,
    TENSORS,
    VARIABLES,
    Category,
    Ledger,
    LedgerEntry,
    Recording,
    SharedArena,
    Stage,
    TwoArenas,
)
from refinterp.tflm.footprint import Footprint, find
from refinterp.tflm.operation import State, TflmOperand, TflmOperation
from refinterp.tflm.targets import Profile
from refinterp.tflm.types import ELEMENT_BYTES

Planner = Callable[..., TensorPlan]
Kind = Literal["plain", "recording", "apart"]

_REQUESTS: Final = 12  # scratch buffers one operator may ask for
_COMPRESSION: Final = "COMPRESSION_METADATA"
_LINEAR_MOST: Final = 1024  # buffers TFLM's linear planner holds


def measure(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> Ledger:
    """Return every byte of the model's arena.

    planner: a name that `plan` knows; `plan`: what plans, by default `plan_model`.

    Raises UnsupportedError for a model that TFLM refuses or fails on, naming the operator or the
    tensor; ModelError for one that cannot be planned.
    """
    run = _Run([model], profile, planner, plan, "plain")
    head, tail = run.arena.head, run.arena.tail
    kept = [e for e in run.arena.entries if e.section == "tail"]
    return Ledger(
        profile=profile,
        plan=run.plans[0],
        entries=tuple(run.arena.entries),
        head_bytes=head,
        tail_bytes=tail,
        minimum_arena_bytes=_round(run.arena.peak.bytes),
        peak=run.arena.peak,
        tail_by_end=tuple(_tail(kept, end) for end in range(ALIGNMENT)),
        recording=_recording(_Run([model], profile, planner, _again(run.plans), "recording")),
    )


def totals(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> tuple[int, int]:
    """Return arena_used_bytes and minimum_arena_bytes alone; raises what `measure` raises."""
    arena = _Run([model], profile, planner, plan, "plain").arena
    return arena.head + arena.tail, _round(arena.peak.bytes)


def measure_apart(
    model: Model, profile: Profile, planner: str = "greedy", *, plan: Planner = plan_model
) -> TwoArenas:
    """Return the bytes of persistent memory and of the rest, when each has an arena of its own."""
    arena = _Run([model], profile, planner, plan, "apart").arena
    return TwoArenas(
        persistent_bytes=arena.tail,
        non_persistent_bytes=arena.head,
        persistent_minimum_bytes=_round(arena.tail),
        non_persistent_minimum_bytes=_round(arena.low_peak),
        entries=tuple(arena.entries),
    )


def measure_shared(
    models: Sequence[Model],
    profile: Profile,
    planner: str = "greedy",
    *,
    plan: Planner = plan_model,
) -> SharedArena:
    """Return the bytes of several models that share one arena, set up in this order."""
    if not models:
        raise UsageError("no model to share an arena")
    run = _Run(models, profile, planner, plan, "plain")
    arena = run.arena
    tails = [e for e in arena.entries if e.section == "tail"]
    common = sum(e.bytes for e in tails if e.stage == "create" and e.category == ALLOCATOR)
    return SharedArena(
        arena_used_bytes=arena.head + arena.tail,
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_round(arena.peak.bytes),
        peak=arena.peak,
        allocator_bytes=common,
        tail_bytes_each=tuple(
            sum(e.bytes for e in tails if e.model == number) - (common if number == 0 else 0)
            for number in range(len(models))
        ),
        plans=tuple(run.plans),
        entries=tuple(arena.entries),
    )


def _tail(kept: Sequence[LedgerEntry], end: int) -> int:
    """Return the tail when the arena ends this far beyond a multiple of 16."""
    arena = Allocator(end)
    for entry in kept:
        arena.from_tail(entry.requested_bytes, entry.align, entry.stage, "", "")
    return arena.tail


def _round(size: int) -> int:
    return size + -size % ALIGNMENT


def _again(plans: Sequence[TensorPlan]) -> Planner:
    """Return a planner that answers with plans made before: they do not depend on the tail."""
    left = iter(plans)
    return lambda *_, **__: next(left)


def _recording(run: _Run) -> Recording:
    arena = run.arena
    kept = [e for e in arena.entries if e.section == "tail"]
    return Recording(
        total_bytes=arena.head + arena.tail,
        head_bytes=arena.head,
        tail_bytes=arena.tail,
        minimum_arena_bytes=_round(arena.runs),
        allocations=tuple(
            Category(
                name,
                sum(e.requested_bytes for e in kept if e.category == name),
                sum(e.bytes for e in kept if e.category == name),
                sum(e.count for e in kept if e.category == name),
            )
            for name in RECORDED
        ),
        entries=tuple(arena.entries),
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """An operator and its row."""

    subgraph: int
    index: int
    operator: Operator
    row: Footprint


class _Requests:
    """What one operator asks for, passed on to the allocator with the operator's name."""

    def __init__(self, run: _Run, node: _Node, stage: Stage) -> None:
        self.run = run
        self.node = node
        self.stage = stage

    @property
    def whose(self) -> dict[str, Any]:
        return self.run.whose(self.node)

    def persistent(self, size: int, what: str, *, unread: int | None = None) -> None:
        spare = {} if unread is None else {"harmless": unread}
        self.run.arena.from_tail(size, ALIGNMENT, self.stage, BUFFERS, what, **spare, **self.whose)

    def scratch(self, size: int, what: str) -> None:
        self.run.scratch.append(Scratch(self.node.subgraph, self.node.index, size))

    def temporary_tensor(self, subgraph: int, tensor: int) -> None:
        self.run.tensor(subgraph, tensor, temporary=True, **self.whose)


class _Run:
    """One replay: an allocator, and the models that are set up with it one after the other."""

    def __init__(
        self,
        models: Sequence[Model],
        profile: Profile,
        planner: str,
        plan: Planner,
        kind: Kind,
    ) -> None:
        self.profile = profile
        self.planner = planner
        self.make_plan = plan
        self.kind = kind
        self.arena = Allocator()
        self.plans: list[TensorPlan] = []
        self.number = 0
        self._create()
        for number, model in enumerate(models):
            self.number = number
            self.model = model
            self._set_up()

    # structs and whose they are

    def whose(self, node: _Node) -> dict[str, Any]:
        return {
            "subgraph": node.subgraph,
            "operator": node.index,
            "op_name": node.operator.name,
            "measured": node.row.measured
            and (node.subgraph, node.index) not in self.state.doubtful,
            "model": self.number,
        }

    def _struct(self, name: str, stage: Stage, category: str, what: str = "", n: int = 1) -> None:
        size, align = self.profile.layout(name)
        self.arena.from_tail(n * size, align, stage, category, what or name, model=self.number)

    def _create(self) -> None:
        planner = "LinearMemoryPlanner" if self.planner == "linear" else "GreedyMemoryPlanner"
        objects = {
            "plain": ("SingleArenaBufferAllocator", planner, "MicroAllocator"),
            "recording": (
                "RecordingSingleArenaBufferAllocator", planner, "RecordingMicroAllocator",
            ),
            "apart": (
                "PersistentArenaBufferAllocator", "NonPersistentArenaBufferAllocator", planner,
                "MicroAllocator",
            ),
        }[self.kind]  # fmt: skip
        for name in objects:
            self._struct(name, "create", ALLOCATOR)

    # one model

    def _set_up(self) -> None:
        if not self.model.subgraphs:
            raise ModelError("the model has no subgraphs, so there is nothing to allocate")
        if self.profile.tflm.compression and any(
            entry.name == _COMPRESSION for entry in self.model.metadata
        ):
            raise UnsupportedError(
                f"metadata {_COMPRESSION!r}: {self.profile.tflm.name} unpacks compressed tensors, "
                "and what that takes is not counted yet; builds without compression ignore it"
            )
        self.state = State()
        self.scratch: list[Scratch] = []
        self._check_tensors()
        self.nodes = self._find_nodes()
        self._resources()
        self._start()
        self._parse()
        self._init()
        self._prepare()
        self._finish()
        self._post()

    def _check_tensors(self) -> None:
        for number, graph in enumerate(self.model.subgraphs):
            for index, tensor in enumerate(graph.tensors):
                if tensor.dtype not in ELEMENT_BYTES:
                    raise UnsupportedError(
                        f"subgraphs[{number}].tensors[{index}] ({tensor.name!r}): TFLM refuses "
                        f"the type {tensor.dtype}; it takes {', '.join(ELEMENT_BYTES)}"
                    )

    def _find_nodes(self) -> list[_Node]:
        nodes: list[_Node] = []
        lacking: dict[str, list[str]] = {}
        for number, graph in enumerate(self.model.subgraphs):
            for index, operator in enumerate(graph.operators):
                row = find(self.profile, operator.name)
                if row is None:
                    place = f"subgraphs[{number}].operators[{index}]"
                    lacking.setdefault(operator.name, []).append(place)
                else:
                    nodes.append(_Node(number, index, operator, row))
        if lacking:
            each = (
                f"{name} ({places[0]}{_more(places)})" + _what(name)
                for name, places in lacking.items()
            )
            raise UnsupportedError(f"TFLM has no kernel for {', '.join(each)}")
        return nodes

    def _resources(self) -> None:
        """MicroResourceVariables::Create, which whoever runs such a model calls beforehand."""
        names = {
            n.operator.options.get("shared_name")
            for n in self.nodes
            if n.operator.name == "VAR_HANDLE"
        }
        if not names:
            return
        whose = {"model": self.number}
        size = self.profile.layout("MicroResourceVariables").size
        self.arena.from_tail(size, ALIGNMENT, "create", BUFFERS, "MicroResourceVariables", **whose)
        size = len(names) * self.profile.layout("MicroResourceVariable").size
        what = f"{len(names)} MicroResourceVariable"
        self.arena.from_tail(size, ALIGNMENT, "create", BUFFERS, what, **whose)

    def _start(self) -> None:
        graphs = self.model.subgraphs
        self._struct("MicroBuiltinDataAllocator", "start", ALLOCATOR)
        self._room_for_requests("start")
        self._struct("SubgraphAllocations", "start", ALLOCATOR, "lists of subgraphs", len(graphs))
        for number, graph in enumerate(graphs):
            what = f"{len(graph.tensors)} tensors of subgraph {number}"
            self._struct("TfLiteEvalTensor", "start", EVAL_TENSORS, what, len(graph.tensors))
            self.arena.count(len(graph.tensors))
        for number, graph in enumerate(graphs):
            what = f"{len(graph.operators)} operators of subgraph {number}"
            self._struct("NodeAndRegistration", "start", NODES, what, len(graph.operators))
            self.arena.count(len(graph.operators))

    def _room_for_requests(self, stage: Stage, **whose: Any) -> None:
        """Keep room at the base for the scratch requests made, and 12 more."""
        size, align = self.profile.layout("ScratchBufferRequest")
        before = self.arena.head if stage != "start" else 0
        self.arena.head = self.arena.low = 0
        total = size * (len(self.scratch) + _REQUESTS)
        if total > before:
            self.arena.head = self.arena.low = before
            whose.setdefault("model", self.number)
            what = "room for scratch requests"
            self.arena.temporary(total - before, 1 if before else align, stage, what, **whose)
        self.arena.head = self.arena.low = total

    def _parse(self) -> None:
        for node in self.nodes:
            if node.operator.custom_options.size and node.row.params:
                raise UnsupportedError(
                    f"subgraphs[{node.subgraph}].operators[{node.index}] ({node.operator.name}): "
                    "TFLM refuses a builtin operator with custom options"
                )
            if node.row.params:
                size, align = self.profile.layout(node.row.params)
                whose = self.whose(node)
                self.arena.from_tail(size, align, "parse", BUILTIN, node.row.params, **whose)

    def _operation(self, node: _Node, stage: Stage) -> TflmOperation:
        return TflmOperation(
            self.model,
            node.subgraph,
            node.index,
            node.operator,
            self.profile,
            _Requests(self, node, stage),
            self.state,
        )

    def _init(self) -> None:
        for node in self.nodes:
            node.row.initialise(self._operation(node, "init"))

    def _prepare(self) -> None:
        for node in self.nodes:
            op = self._operation(node, "prepare")
            before = len(self.scratch)
            node.row.make_ready(op)
            op.require(
                len(self.scratch) - before <= _REQUESTS,
                f"it asks for more than {_REQUESTS} scratch buffers",
            )
            self._check_outputs(op)
            self.arena.release()
            self._room_for_requests("prepare", **self.whose(node))

    def _check_outputs(self, op: TflmOperation) -> None:
        for position in range(len(op.operator.outputs)):
            output = op.get(f"o{position}")
            if output is None or output.id in self.state.resources or output.shape == (0,):
                continue
            op.require(
                all(size > 0 for size in output.shape),
                f"output {position} is {output} of shape {list(output.shape)}: "
                "tensors of unknown size are not supported",
            )

    def _finish(self) -> None:
        model, arena, whose = self.model, self.arena, {"model": self.number}
        self._check_intermediates()
        if self.scratch:
            what = f"{len(self.scratch)} ScratchBufferHandle"
            self._struct("ScratchBufferHandle", "finish", SCRATCH_HANDLES, what, len(self.scratch))
        pointer = self.profile.target.abi.pointer
        graphs = len(model.subgraphs)
        arena.temporary(graphs * pointer, pointer, "finish", "offsets of subgraphs", **whose)
        size, align = self.profile.layout("AllocationInfo")
        known = sum(len(graph.tensors) for graph in model.subgraphs) + len(self.scratch)
        what = f"AllocationInfo of {known} tensors and scratch buffers"
        arena.temporary(known * size, align, "finish", what, **whose)
        self._variables()
        plan = self.make_plan(
            model, self.planner, shapes=dict(self.state.shapes), scratch=tuple(self.scratch)
        )
        self.plans.append(plan)
        needed = self._planner_bytes(len(plan.buffers))
        if needed:  # else whatever remains will do, even where nothing does
            what = f"the planner's arrays for {len(plan.buffers)} buffers"
            arena.rest(needed, "finish", what, **whose)
        previous = max((p.head_bytes for p in self.plans[:-1]), default=0)
        arena.head = arena.low = previous
        what = f"{plan.planner} plan of {len(plan.buffers)} buffers"
        arena.plan(plan.head_bytes, PLAN, what, **whose)

    def _planner_bytes(self, buffers: int) -> int:
        if self.planner != "linear":
            return buffers * self.profile.layout("GreedyMemoryPlanner buffer").size
        if buffers > _LINEAR_MOST:
            raise UnsupportedError(
                f"TFLM's linear planner holds {_LINEAR_MOST} buffers, the model has {buffers}"
            )
        return 0

    def _check_intermediates(self) -> None:
        for node in self.nodes:
            tensors = self.model.subgraphs[node.subgraph].tensors
            for index in node.operator.intermediates:
                if 0 <= index < len(tensors) and self._operand(node.subgraph, index).elements:
                    raise UnsupportedError(
                        f"subgraphs[{node.subgraph}].operators[{node.index}] "
                        f"({node.operator.name}): TFLM refuses its intermediate tensor {index}, "
                        "which has elements"
                    )

    def _operand(self, subgraph: int, index: int) -> TflmOperand:
        tensor = self.model.subgraphs[subgraph].tensors[index]
        shape = self.state.shapes.get((subgraph, index), tensor.shape)
        return TflmOperand(self.model, tensor, (subgraph, index), shape)

    def _variables(self) -> None:
        """Take variables not planned beforehand; each subgraph looks at the list from its start."""
        planned = self._planned_beforehand()
        begin = 0  # of the subgraph's own offsets
        for number, graph in enumerate(self.model.subgraphs):
            for index, tensor in enumerate(graph.tensors):
                if not tensor.is_variable:
                    continue
                operand = self._operand(number, index)
                if planned is not None and planned[index] != ONLINE:
                    if planned[begin + index] == ONLINE and operand.elements:
                        self._refuse_misread(number, index)
                    continue
                self.arena.from_tail(
                    operand.elements * operand.itemsize,
                    ALIGNMENT,
                    "finish",
                    VARIABLES,
                    f"variable {tensor.name!r}",
                    subgraph=number,
                    tensor=index,
                    model=self.number,
                )
            begin += len(graph.tensors)

    def _refuse_misread(self, subgraph: int, index: int) -> None:
        """Refuse a plan that leaves a variable to TFLM, which takes another's offset for its."""
        tensors = [
            (number, i, tensor.name)
            for number, graph in enumerate(self.model.subgraphs)
            for i, tensor in enumerate(graph.tensors)
        ]
        number, other, its_name = tensors[index]
        name = self.model.subgraphs[subgraph].tensors[index].name
        raise UnsupportedError(
            f"metadata {METADATA_NAME!r}: TFLM gives the variable "
            f"subgraphs[{subgraph}].tensors[{index}] ({name!r}) no bytes and crashes: it looks for "
            f"its offset at entry {index} of the whole list, which is that of subgraphs[{number}]"
            f".tensors[{other}] ({its_name!r}); let that one be -1, or give the "
            "variable an offset too"
        )

    def _planned_beforehand(self) -> list[int] | None:
        """Offsets of all tensors, subgraph after subgraph, or None when the file has none."""
        if self.planner == "linear" or not any(
            entry.name == METADATA_NAME for entry in self.model.metadata
        ):
            return None
        offsets = offline_offsets(self.model) or {}
        return [
            offsets.get((number, index), ONLINE)
            for number, graph in enumerate(self.model.subgraphs)
            for index in range(len(graph.tensors))
        ]

    def _post(self) -> None:
        graph = self.model.subgraphs[0]
        pointer = self.profile.target.abi.pointer
        for side, tensors in (("input", graph.inputs), ("output", graph.outputs)):
            self.arena.from_tail(
                pointer * len(tensors), ALIGNMENT, "post", BUFFERS, f"pointers to {side}s",
                model=self.number,
            )  # fmt: skip
            for index in tensors:
                if index != OPTIONAL:
                    self.tensor(0, index, temporary=False, subgraph=0, model=self.number)

    def tensor(self, number: int, index: int, *, temporary: bool, **whose: Any) -> None:
        """Take a TfLiteTensor and, for a quantized tensor, its scales' struct and zero points."""
        tensor = self.model.subgraphs[number].tensors[index]
        channels = _channels(tensor)
        parts = [("TfLiteTensor", *self.profile.layout("TfLiteTensor"), TENSORS)]
        if channels:
            struct = self.profile.layout("TfLiteAffineQuantization")
            parts.append(("TfLiteAffineQuantization", *struct, QUANTIZATION))
            parts.append(("zero points", 4 + 4 * channels, 4, QUANTIZATION))
        for name, size, align, category in parts:
            what = f"{name} of {tensor.name!r}"
            if temporary:
                self.arena.temporary(size, align, "prepare", what, tensor=index, **whose)
            else:
                self.arena.from_tail(size, align, "post", category, what, tensor=index, **whose)


def _channels(tensor: Tensor) -> int:
    """Scales of a tensor that TFLM takes for quantized: it has scales and zero points."""
    q = tensor.quantization
    return int(q.scale.size) if q is not None and q.scale.size and q.zero_point.size else 0


def _what(name: str) -> str:
    """Say what a custom operator is that TFLM has no kernel for, where that is known."""
    known = compiled(name)
    return "" if known is None else f": it is {known.what}"


def _more(places: Sequence[str]) -> str:
    return f" and {len(places) - 1} more" if len(places) > 1 else ""
