"""One model's allocations in TFLM's order, asked of one or more arenas at a time.

Order     start: lists of tensors and nodes of every subgraph; room for 12 scratch requests
          parse: parameters of every operator
          init, prepare: what every operator keeps and asks for (`kernels/`)
          finish: handles of scratch buffers, the planner's input, variables, the planner's arrays
          plan: the head
          post: a TfLiteTensor for each input and output of the model
Source    TFLM `micro_allocator.cc`, `micro_interpreter.cc`, `micro_interpreter_graph.cc`,
          `micro_allocation_info.cc`, commit 90b983c2b.

What is asked for does not depend on how full an arena's tail is, so that arenas which start out
with different objects are filled side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from refinterp.arena.problem import ALIGNMENT
from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import TensorPlan
from refinterp.errors import UnsupportedError
from refinterp.graph.model import OPTIONAL, Model, Tensor
from refinterp.graph.operators import facts
from refinterp.tflm.allocator import Allocator
from refinterp.tflm.checks import (
    OperatorRow,
    check_intermediates,
    check_model,
    check_outputs,
    find_nodes,
)
from refinterp.tflm.judged import require_judged
from refinterp.tflm.ledger_data import (
    ALLOCATOR,
    BUFFERS,
    BUILTIN,
    EVAL_TENSORS,
    NODES,
    PLAN,
    QUANTIZATION,
    SCRATCH_HANDLES,
    TENSORS,
    VARIABLES,
    Stage,
)
from refinterp.tflm.operation import State, TflmOperation
from refinterp.tflm.planning import Planner
from refinterp.tflm.targets import Profile
from refinterp.tflm.variables import variables

_REQUESTS: Final = 12  # scratch buffers one operator may ask for
_LINEAR_MOST: Final = 1024  # buffers TFLM's linear planner holds


class SetUp:
    """One model being set up. arenas: those that serve it; number: the model's place in them.

    state: what preparing has decided, shapes among it. scratch: the scratch buffers asked for.

    Raises ModelError and UnsupportedError for a model that TFLM does not take.
    """

    def __init__(
        self, model: Model, number: int, profile: Profile, planner: str, arenas: Sequence[Allocator]
    ) -> None:
        check_model(model, profile)
        self.model = model
        self.number = number
        self.profile = profile
        self.planner = planner
        self.arenas = arenas
        self.state = State()
        self.scratch: list[Scratch] = []
        self.nodes = find_nodes(model, profile)
        require_judged(model, profile)

    def allocate(self, plan: Planner, before: Sequence[TensorPlan]) -> TensorPlan:
        """Ask for everything; return the plan. before: plans of the models set up before."""
        self._resources()
        self._start()
        self._parse()
        self._init()
        self._prepare()
        self._finish()
        made = plan(
            self.model, self.planner, shapes=dict(self.state.shapes), scratch=tuple(self.scratch)
        )
        self._plan(made, max((p.head_bytes for p in before), default=0))
        self._post()
        return made

    # how bytes are asked for

    def keep(
        self, size: int, align: int, stage: Stage, category: str, what: str, **more: Any
    ) -> None:
        """Ask every arena for bytes that stay. more: whose they are, and `harmless`."""
        for arena in self.arenas:
            arena.from_tail(size, align, stage, category, what, **{"model": self.number, **more})

    def borrow(self, size: int, align: int, stage: Stage, what: str, **whose: Any) -> None:
        """Ask every arena for bytes that are given back before the model runs."""
        for arena in self.arenas:
            arena.temporary(size, align, stage, what, **{"model": self.number, **whose})

    def whose(self, node: OperatorRow) -> dict[str, Any]:
        """Return what an entry of the ledger says of an operator's bytes."""
        doubtful = (node.subgraph, node.index) in self.state.doubtful
        return {
            "subgraph": node.subgraph,
            "operator": node.index,
            "op_name": node.operator.name,
            "measured": node.row.measured and not doubtful,
        }

    def _struct(self, name: str, stage: Stage, category: str, what: str = "", n: int = 1) -> None:
        size, align = self.profile.layout(name)
        self.keep(n * size, align, stage, category, what or name)

    def _structs(self, name: str, category: str, of: str, counts: Sequence[int]) -> None:
        """An array of structs for each subgraph. of: what they describe; counts: how many."""
        for number, n in enumerate(counts):
            self._struct(name, "start", category, f"{n} {of} of subgraph {number}", n)
            for arena in self.arenas:
                arena.count(n)

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
                self.borrow(size, align, "prepare", what, tensor=index, **whose)
            else:
                self.keep(size, align, "post", category, what, tensor=index, **whose)

    # the stages

    def _resources(self) -> None:
        """MicroResourceVariables::Create, which whoever runs such a model calls beforehand."""
        names = {
            n.operator.options.get("shared_name")
            for n in self.nodes
            if facts(n.operator.name).names_resource
        }
        if not names:
            return
        size = self.profile.layout("MicroResourceVariables").size
        self.keep(size, ALIGNMENT, "create", BUFFERS, "MicroResourceVariables")
        size = len(names) * self.profile.layout("MicroResourceVariable").size
        self.keep(size, ALIGNMENT, "create", BUFFERS, f"{len(names)} MicroResourceVariable")

    def _start(self) -> None:
        graphs = self.model.subgraphs
        self._struct("MicroBuiltinDataAllocator", "start", ALLOCATOR)
        for arena in self.arenas:
            self._room_for_requests(arena, "start", 0)
        self._struct("SubgraphAllocations", "start", ALLOCATOR, "lists of subgraphs", len(graphs))
        tensors = [len(graph.tensors) for graph in graphs]
        self._structs("TfLiteEvalTensor", EVAL_TENSORS, "tensors", tensors)
        operators = [len(graph.operators) for graph in graphs]
        self._structs("NodeAndRegistration", NODES, "operators", operators)

    def _room_for_requests(self, arena: Allocator, stage: Stage, before: int, **whose: Any) -> None:
        """Keep room at the base for the scratch requests made, and 12 more.

        before: bytes that are kept there already.
        """
        size, align = self.profile.layout("ScratchBufferRequest")
        total = size * (len(self.scratch) + _REQUESTS)
        arena.head = arena.low = before
        if total > before:
            what = "room for scratch requests"
            whose = {"model": self.number, **whose}
            arena.temporary(total - before, 1 if before else align, stage, what, **whose)
        arena.head = arena.low = total

    def _parse(self) -> None:
        for node in self.nodes:
            if node.operator.custom_options.size and node.row.params:
                raise UnsupportedError(
                    f"subgraphs[{node.subgraph}].operators[{node.index}] ({node.operator.name}): "
                    "TFLM refuses a builtin operator with custom options"
                )
            if node.row.params:
                size, align = self.profile.layout(node.row.params)
                self.keep(size, align, "parse", BUILTIN, node.row.params, **self.whose(node))

    def _operation(self, node: OperatorRow, stage: Stage) -> TflmOperation:
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
            check_outputs(op, self.state)
            for arena in self.arenas:
                arena.release()
                self._room_for_requests(arena, "prepare", arena.head, **self.whose(node))

    def _finish(self) -> None:
        check_intermediates(self.model, self.nodes, self.state)
        if self.scratch:
            what = f"{len(self.scratch)} ScratchBufferHandle"
            self._struct("ScratchBufferHandle", "finish", SCRATCH_HANDLES, what, len(self.scratch))
        pointer = self.profile.target.abi.pointer
        graphs = self.model.subgraphs
        self.borrow(len(graphs) * pointer, pointer, "finish", "offsets of subgraphs")
        size, align = self.profile.layout("AllocationInfo")
        known = sum(len(graph.tensors) for graph in graphs) + len(self.scratch)
        what = f"AllocationInfo of {known} tensors and scratch buffers"
        self.borrow(known * size, align, "finish", what)
        self._variables()

    def _variables(self) -> None:
        for number, index, size, name in variables(self.model, self.planner, self.state):
            whose = {"subgraph": number, "tensor": index}
            self.keep(size, ALIGNMENT, "finish", VARIABLES, f"variable {name!r}", **whose)

    def _plan(self, plan: TensorPlan, before: int) -> None:
        """Make room for the plan. before: the head that models set up earlier need."""
        buffers = len(plan.buffers)
        needed = self._planner_bytes(buffers)
        for arena in self.arenas:
            if needed:  # else whatever remains will do, even where nothing does
                what = f"the planner's arrays for {buffers} buffers"
                arena.rest(needed, "finish", what, model=self.number)
            arena.head = arena.low = before
            what = f"{plan.planner} plan of {buffers} buffers"
            arena.plan(plan.head_bytes, PLAN, what, model=self.number)

    def _planner_bytes(self, buffers: int) -> int:
        if self.planner != "linear":
            return buffers * self.profile.layout("GreedyMemoryPlanner buffer").size
        if buffers > _LINEAR_MOST:
            raise UnsupportedError(
                f"TFLM's linear planner holds {_LINEAR_MOST} buffers, the model has {buffers}"
            )
        return 0

    def _post(self) -> None:
        graph = self.model.subgraphs[0]
        pointer = self.profile.target.abi.pointer
        for side, tensors in (("input", graph.inputs), ("output", graph.outputs)):
            what = f"pointers to {side}s"
            self.keep(pointer * len(tensors), ALIGNMENT, "post", BUFFERS, what)
            for index in tensors:
                if index != OPTIONAL:
                    self.tensor(0, index, temporary=False, subgraph=0)


class _Requests:
    """What one operator asks for, passed on to the set-up with the operator's name."""

    def __init__(self, setup: SetUp, node: OperatorRow, stage: Stage) -> None:
        self.setup = setup
        self.node = node
        self.stage = stage

    def persistent(self, size: int, what: str, *, unread: int | None = None) -> None:
        more = self.setup.whose(self.node) | ({} if unread is None else {"harmless": unread})
        self.setup.keep(size, ALIGNMENT, self.stage, BUFFERS, what, **more)

    def scratch(self, size: int, what: str) -> None:
        self.setup.scratch.append(Scratch(self.node.subgraph, self.node.index, size))

    def temporary_tensor(self, subgraph: int, tensor: int) -> None:
        self.setup.tensor(subgraph, tensor, temporary=True, **self.setup.whose(self.node))


def _channels(tensor: Tensor) -> int:
    """Scales of a tensor that TFLM takes for quantized: it has scales and zero points."""
    q = tensor.quantization
    return int(q.scale.size) if q is not None and q.scale.size and q.zero_point.size else 0
