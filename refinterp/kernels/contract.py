"""What a kernel is: what it is made of and from, and what it may be asked besides computing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.requantize import Requantizer
from refinterp.numerics.tape import NOW, Do

Array = NDArray[Any]


class Machine(Protocol):
    """What a running program lends to operators that are more than arithmetic.

    resources: resource variables by number; names: numbers by (container, shared name).
    reset_bytes: what resetting the variables fills a resource with, where it does.
    initialized: subgraphs that CALL_ONCE has run.
    """

    resources: dict[int, Array]
    names: dict[tuple[str, str], int]
    reset_bytes: dict[int, int]
    initialized: set[int]

    def call(self, subgraph: int, arrays: Sequence[Array]) -> list[Array]:
        """Run a subgraph on arrays (*shape); returns its outputs, valid until the next call."""
        ...


class Kernel:
    """An operator with everything it can know before it sees data folded into its fields.

    A class that is registered has

        prepare(operands, outputs, options, rule)   a classmethod: checks everything, folds scales
                                                    into integers, and returns what is run; raises
                                                    ModelError, UnsupportedError
        output_shapes(operands, options)            a staticmethod: the shapes of the outputs;
                                                    raises NeedsValue if an operand's value
                                                    decides and is unknown

    and what `prepare` returns has `eval`. Operands are a tuple with the names that
    `graph.operators` gives them, of specs here, of arrays in `eval`. What a kernel is capable of
    besides, it says by these attributes of its class:

    steady: `record` names its calls, which are the same whatever the data; see `Steady`.
    settles: `settle` gives the form of it that pays for a number of runs.
    controls: it calls subgraphs, keeps resources or ends runs; see `ControlKernel`.
    remembers: `state` gives what it keeps between invocations.
    always_known: `prepare` knows the outputs, which count as constants for what follows.
    checks_data: `eval` refuses data that the runtimes refuse, by ModelError.
    """

    __slots__ = ()
    steady: ClassVar[bool] = False
    settles: ClassVar[bool] = False
    controls: ClassVar[bool] = False
    remembers: ClassVar[bool] = False
    always_known: ClassVar[bool] = False
    checks_data: ClassVar[bool] = False

    def settle(self, outputs: Sequence[Array], runs: int) -> Kernel:
        """Return the kernel in the form that pays for so many runs that write such outputs.

        It computes the same. What takes long to find, and makes a kernel fast, is found here.
        """
        return self

    def rescalings(self, outputs: Sequence[Array]) -> Sequence[tuple[Requantizer, int]]:
        """What turns sums into codes, each with how many, in one run that writes such outputs.

        Before the first run that is settled for all kernels of a model together.
        """
        return ()

    def with_rescalings(self, settled: Sequence[Requantizer]) -> Kernel:
        """The kernel with these in the places of its `rescalings`. It computes the same."""
        return self

    def zero_points(self) -> bool | None:
        """Whether codes that the kernel makes of reals as they come have a zero point.

        None of a kernel that makes none: one on codes, or one that multiplies the reals.
        """
        return None

    def state(self) -> Sequence[Array]:
        """The state (*shape) at the start, and after the variables are reset.

        Its arrays, (1, *shape), are handed to `eval` after the operands, and are changed by it:
        like variables they have no samples of their own, so that samples run in order.
        """
        return ()

    def eval(self, operands: Any, outputs: Sequence[Array], work: Workspace) -> None:
        """Compute the outputs, which have elements, in place.

        Cannot fail on arrays that match the specs but where it `checks_data`.

        Arrays carry a leading sample axis S in front of the model's shape; a constant has S = 1,
        and so has every array of a single run. Outputs are views into the arena: kernels fill them
        and keep nothing. `work` lends scratch memory that is void after the call.
        """
        raise NotImplementedError


class Steady(Kernel):
    """A kernel whose calls are the same whatever the data: `record` names them, `eval` makes them.

    `run.replay` notes them once and makes them again, without finding out anew what they are.
    """

    __slots__ = ()
    steady: ClassVar[bool] = True

    def record(self, operands: Any, outputs: Sequence[Array], work: Workspace, do: Do) -> bool:
        """Name the calls that write the outputs; False, and none, when they do depend on data."""
        raise NotImplementedError

    def eval(self, operands: Any, outputs: Sequence[Array], work: Workspace) -> None:
        """Write the outputs."""
        self.record(operands, outputs, work, NOW)


class ControlKernel(Kernel):
    """An operator that calls subgraphs, keeps resources or ends runs; one sample at a time.

    Instead of `output_shapes` a registered class has

        calls(options, operands)                    a staticmethod: the subgraphs it calls, each
                                                    with the specs passed to it
        control_shapes(operands, outputs, called)   a staticmethod: the outputs' shapes, None where
                                                    only a run tells; called: those of the outputs
                                                    of what it calls
    """

    __slots__ = ()
    controls: ClassVar[bool] = True

    def control(self, operands: Any, machine: Machine) -> Sequence[Array]:
        """Run on arrays (*shape); returns the outputs, which are copied. May raise EndRun."""
        raise NotImplementedError


def fresh_state(kernel: Kernel) -> list[Array]:
    """A kernel's state at the start, (1, *shape) each; empty for kernels that keep none."""
    return [array[None].copy() for array in kernel.state()]


class NeedsValue(Exception):  # noqa: N818 - a question to the caller, not an error
    """An output's shape depends on the value of an input that is not known before the run."""

    def __init__(self, operand: TensorSpec) -> None:
        super().__init__(f"the shape depends on the value of {operand.name!r}")
        self.operand = operand


class EndRun(Exception):  # noqa: N818 - a signal to the executor, not an error
    """Raised by `control`: the invocation ends after this operator, without a fault.

    outputs: of the operator, to be kept as if they were returned.
    """

    def __init__(self, outputs: Sequence[Array]) -> None:
        super().__init__("the run ends here")
        self.outputs = outputs


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For operators whose schema options hold nothing a kernel reads."""
