"""One allocation, and what a run of them adds up to: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from refinterp.arena.tensor_plan import TensorPlan
from refinterp.tflm.targets import Profile

Section = Literal["head", "tail", "temp"]
Stage = Literal["create", "start", "parse", "init", "prepare", "finish", "plan", "post"]

EVAL_TENSORS: Final = "TfLiteEvalTensor data"
TENSORS: Final = "Persistent TfLiteTensor data"
QUANTIZATION: Final = "Persistent TfLiteTensor quantization data"
BUFFERS: Final = "Persistent buffer data"
VARIABLES: Final = "TfLiteTensor variable buffer data"
NODES: Final = "NodeAndRegistration struct"
OP_DATA: Final = "Operator runtime data"
RECORDED: Final = (EVAL_TENSORS, TENSORS, QUANTIZATION, BUFFERS, VARIABLES, NODES, OP_DATA)
"""Categories of RecordingMicroAllocator, in the order it prints them."""

ALLOCATOR: Final = "Allocator"
BUILTIN: Final = "Builtin parameters"
SCRATCH_HANDLES: Final = "Scratch buffer handles"
PLAN: Final = "Memory plan"
MARGIN: Final = "Margin"
TEMPORARY: Final = "Temporary"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One allocation, in TFLM's order.

    requested_bytes: what was asked for.
    bytes: what the section moves by, alignment included.
    align: bytes that its address is a multiple of.
    section: `tail` stays for good, `head` is the plan's extent, `temp` is given back before the
        model runs and counts in the smallest arena only.
    stage: the part of setting up that asks for it.
    category: one of RecordingMicroAllocator's, or of those it does not count.
    what: what it is, in words.
    subgraph: whose it is, None where it is the model's.
    operator: its index in the subgraph, None where it is no operator's.
    op_name: the operator's name, likewise.
    tensor: its index in the subgraph, None where it is no tensor's.
    count: what RecordingMicroAllocator counts it as.
    measured: False where its rule was read in the source and no measured model holds it.
    model: which of the models that share an arena it is of, from 0.
    """

    requested_bytes: int
    bytes: int
    align: int
    section: Section
    stage: Stage
    category: str
    what: str
    subgraph: int | None = None
    operator: int | None = None
    op_name: str | None = None
    tensor: int | None = None
    count: int = 1
    measured: bool = True
    model: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """When the arena was fullest: bytes needed then, from both ends, and what was going on."""

    bytes: int
    low: int
    tail: int
    stage: Stage
    what: str


@dataclass(frozen=True, slots=True)
class Category:
    """A category as RecordingMicroAllocator counts it."""

    category: str
    requested_bytes: int
    used_bytes: int
    count: int


@dataclass(frozen=True, slots=True)
class Recording:
    """The arena of a RecordingMicroInterpreter, whose own objects lie in it too."""

    total_bytes: int
    head_bytes: int
    tail_bytes: int
    minimum_arena_bytes: int
    allocations: tuple[Category, ...]
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a known build of TFLM needs; None where it refuses the model, for a reason."""

    profile: Profile
    arena_used_bytes: int | None
    minimum_arena_bytes: int | None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Margin:
    """What is put on TFLM's own figures for a distribution that is not known.

    used_bytes, minimum_bytes: the most that a known one needs more, never less than 0.
    reason: in words. known: what each known one needs, TFLM's own build first.
    """

    used_bytes: int
    minimum_bytes: int
    reason: str
    known: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class AsBuilt:
    """What the build needs that people make of a distribution, where that is another than this.

    profile: that build. why: in what it differs, in a clause.
    """

    profile: Profile
    arena_used_bytes: int
    minimum_arena_bytes: int
    why: str


def least_as_built(found: AsBuilt | None) -> int:
    """The smallest arena of the build that people make; 0 where that is no other."""
    return 0 if found is None else found.minimum_arena_bytes


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every byte of a model's arena in one profile. All sizes in bytes.

    profile: the build that it is for.
    plan: where tensors and scratch lie in the head.
    entries: every allocation, in order.
    head_bytes: the plan's extent.
    tail_bytes: with the head, what a plain MicroInterpreter says it used (`arena_used_bytes`).
    minimum_arena_bytes: the smallest multiple of 16 with which the model can be set up and run,
        its base at a multiple of 16.
    peak: the moment that decides it.
    tail_by_end: tail bytes when (base + size) is 0, 1, … 15 beyond a multiple of 16.
    recording: what a RecordingMicroInterpreter says.
    fails_to_run: what this distribution sets up but refuses as it runs, in sentences.
    margin: for a distribution that is not known, what the figures hold beyond TFLM's own.
    as_built: what the build needs that people make of this distribution, where it is another.
    """

    profile: Profile
    plan: TensorPlan
    entries: tuple[LedgerEntry, ...]
    head_bytes: int
    tail_bytes: int
    minimum_arena_bytes: int
    peak: Moment
    tail_by_end: tuple[int, ...]
    recording: Recording
    fails_to_run: tuple[str, ...] = ()
    margin: Margin | None = None
    as_built: AsBuilt | None = None

    @property
    def safe_arena_bytes(self) -> int:
        """An arena that is enough for this build and for the one that people make."""
        return max(self.minimum_arena_bytes, least_as_built(self.as_built))

    @property
    def arena_used_bytes(self) -> int:
        """`MicroInterpreter::arena_used_bytes()`."""
        return self.head_bytes + self.tail_bytes

    @property
    def read_not_measured(self) -> tuple[str, ...]:
        """Operators whose bytes follow from the source only, by name."""
        names = {e.op_name for e in self.entries if not e.measured and e.op_name}
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True)
class TwoArenas:
    """One model with persistent memory apart from the rest, as `MicroAllocator::Create` allows.

    persistent_bytes, non_persistent_bytes: what each uses; the minimum of the second is larger,
    because temporaries of setting up lie there. All for bases and ends at multiples of 16.
    Measured with TFLM on x86-64 with reference kernels; elsewhere it follows by the same rules.
    """

    persistent_bytes: int
    non_persistent_bytes: int
    persistent_minimum_bytes: int
    non_persistent_minimum_bytes: int
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class SharedArena:
    """Several models in one arena, set up one after the other by one MicroAllocator.

    Their tails add up, while the head is the largest of theirs: only one runs at a time.
    Measured with TFLM on x86-64 with reference kernels; elsewhere it follows by the same rules.

    arena_used_bytes: what the last interpreter says it used.
    head_bytes: the largest head.
    tail_bytes: all tails, and what is common.
    minimum_arena_bytes: the smallest multiple of 16 with which all can be set up and run.
    peak: the moment that decides it.
    allocator_bytes: common to all models.
    tail_bytes_each: what each model adds to the tail.
    plans: where each model's tensors and scratch lie.
    entries: every allocation of every model, in order.
    as_built: as in `Ledger`.
    """

    arena_used_bytes: int
    head_bytes: int
    tail_bytes: int
    minimum_arena_bytes: int
    peak: Moment
    allocator_bytes: int
    tail_bytes_each: tuple[int, ...]
    plans: tuple[TensorPlan, ...]
    entries: tuple[LedgerEntry, ...]
    as_built: AsBuilt | None = None

    @property
    def safe_arena_bytes(self) -> int:
        """An arena that is enough for this build and for the one that people make."""
        return max(self.minimum_arena_bytes, least_as_built(self.as_built))
