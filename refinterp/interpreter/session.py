"""One subgraph of an interpreter: its shapes, its program, its memory and who looks at it."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError, StateError, UnsupportedError, UsageError
from refinterp.graph.constants import constant, has_constant
from refinterp.graph.finding import Finding
from refinterp.graph.model import STORAGE, Model, Shape, Tensor
from refinterp.interpreter.litert_errors import AllocationError, ResizeError, UnreadableError
from refinterp.interpreter.sentences import failed_node, unresolved
from refinterp.interpreter.tensor_checks import check_strict, check_value
from refinterp.numerics.threads import blas_threads
from refinterp.run.executor import Executor
from refinterp.run.gate import judged
from refinterp.run.observe import EVERYTHING, Keeper
from refinterp.run.prepare import prepare
from refinterp.run.program import Program, Step

Array = NDArray[Any]

_PRESERVE: Final = (
    "to read every tensor after invoke(), construct the Interpreter with "
    "experimental_preserve_all_tensors=True"
)
_LENIENT: Final = "Interpreter(lenient=True) runs it all the same"


class Session:
    """The state in which LiteRT keeps a subgraph, with one sample.

    threads: BLAS's while the model runs; None leaves them alone. faults: findings of severity error
    about the subgraph; they forbid allocation. lenient: run what the runtime refuses.
    """

    def __init__(
        self,
        model: Model,
        subgraph: int,
        *,
        flavour: str,
        plain: bool,
        poison: bool,
        preserve: bool,
        lenient: bool = False,
        threads: int | None = None,
        faults: Sequence[Finding] = (),
    ) -> None:
        self.model = model
        self.index = subgraph
        self.graph = model.subgraphs[subgraph]
        self._flavour = flavour
        self._plain = plain
        self._poison = poison
        self._preserve = preserve
        self._lenient = lenient
        self._refused_run = ""
        self._threads = threads
        self._faults = tuple(faults)
        self._shapes: dict[int, Shape] = {}
        self._resized: set[int] = set()  # since the last allocation
        self._executor: Executor | None = None
        self._ready = False
        self._ran = False
        self._kept = Keeper()
        self.called: dict[int, Keeper] = {}
        self._leases: weakref.WeakSet[_Lease] = weakref.WeakSet()

    @property
    def has_views(self) -> bool:
        """Whether anybody still holds an array that `lend` gave out, or a slice of it."""
        return bool(self._leases)

    def tensor(self, index: int) -> Tensor:
        """Return a tensor of the file; raises UsageError when there is none of this index."""
        if not 0 <= index < len(self.graph.tensors):
            raise UsageError(
                f"Invalid tensor index {index} exceeds max tensor index {len(self.graph.tensors)}"
            )
        return self.graph.tensors[index]

    def shape(self, index: int) -> Shape:
        """Return a tensor's shape: as resized, as allocated, or as stored."""
        if index in self._resized:
            return self._shapes[index]
        if self._executor is not None:
            return self._executor.program.specs[index].shape
        return self.tensor(index).shape

    def resize(self, index: int, shape: Shape, *, strict: bool) -> None:
        """Give a tensor another shape; what operators write gets its own again when allocated.

        strict: only sizes that the shape's signature leaves open may change. Raises ResizeError.
        """
        tensor = self._checked(index, ResizeError)
        now = self.shape(index)
        if strict:
            check_strict(tensor, index, shape, now)
        if self._executor is not None and index not in self._resized and shape == now:
            return
        if has_constant(self.model, tensor):
            raise ResizeError(
                f"Attempting to resize a fixed-size tensor: tensor {index} ({tensor.name!r}) is a "
                f"constant; inputs are {list(self.graph.inputs)}"
            )
        if any(size < 0 for size in shape):
            raise ResizeError(
                f"tensor {index} ({tensor.name!r}) cannot have shape {list(shape)}: sizes must be "
                "known now, and 0 or more"
            )
        self._ready = False
        self._shapes[index] = shape
        self._resized.add(index)

    def allocate(self) -> None:
        """Prepare all operators for the shapes and lay out memory; nothing if that is done.

        Raises AllocationError where the model cannot be run as it stands or the flavour's runtime
        refuses it, UnsupportedError where it can but not by us.
        """
        if self._ready:
            return
        if self._faults:
            raise AllocationError("\n".join(map(str, self._faults)))
        try:
            program = prepare(
                self.model,
                subgraph=self.index,
                flavour=self._flavour,
                plain=self._plain,
                shapes=self._shapes,
            )
            self._gate(program)
            self._executor = Executor(program, poison=self._poison)
        except UnsupportedError as error:
            raise UnsupportedError(f"{unresolved(self.graph)}{error}") from error
        except ModelError as error:
            raise AllocationError(f"{error}{failed_node(str(error))}") from error
        self._resized.clear()
        self._kept = Keeper()
        self._ran = False
        self._ready = True

    def _gate(self, program: Program) -> None:
        """Refuse what the runtime refuses when it prepares operators, or warn of it."""
        self._refused_run = ""
        known, refused = judged(program)
        for sentence in known:
            warnings.warn(sentence, stacklevel=5)
        for verdict in refused:
            if self._lenient:
                warnings.warn(str(verdict), stacklevel=5)
                return
            if verdict.stage != "invoke":
                raise ModelError(f"{verdict}; {_LENIENT}")
            self._refused_run = self._refused_run or f"{verdict}; {_LENIENT}"

    def invoke(self) -> None:
        """Run once; raises StateError before allocation, UnsupportedError where the runtime would.

        That is where the flavour's runtime finds out in a run that it cannot.
        """
        if not self._ready or self._executor is None:
            raise StateError(
                "Invoke called on model that is not ready. Call allocate_tensors() first, and "
                "again after every resize_tensor_input()"
            )
        if self._refused_run:
            raise UnsupportedError(self._refused_run)
        with nullcontext() if self._threads is None else blas_threads(self._threads):
            if self._preserve:
                self.called.clear()
                self._executor.invoke([self._kept], called=[self._keep_called])
            else:
                self._executor.invoke()
        self._ran = True

    def reset_variables(self) -> None:
        """Set variables to zero; raises StateError when there are some without memory yet."""
        if self._executor is not None:
            self._executor.reset_variables()
        elif any(tensor.is_variable for tensor in self.graph.tensors):
            raise StateError("variables have no memory yet; call allocate_tensors() first")

    @property
    def allocated(self) -> bool:
        """Whether the subgraph has memory of its own."""
        return self._executor is not None

    def read(self, index: int) -> Array:
        """Return a copy of a tensor; raises as `_value`."""
        return self._value(index).copy()

    def lend(self, index: int) -> Array:
        """Return a live view, writable unless it is a constant; raises as `_value`."""
        lease = _Lease(self._value(index))
        self._leases.add(lease)
        return np.asarray(lease)

    def write(self, index: int, value: Any) -> None:
        """Copy an array into a tensor.

        Raises UsageError when it does not match type and shape, or the tensor is a constant, and
        UnreadableError when the tensor has no bytes of its own at present.
        """
        tensor = self.tensor(index)
        array = np.asarray(value)
        check_value(array, tensor, index, self.shape(index), has_constant(self.model, tensor))
        try:
            self._value(index)[...] = array
        except UnreadableError as error:
            unallocated = self._executor is None or index in self._resized
            what = "Tensor is unallocated. Try calling allocate_tensors() first: "
            raise UnreadableError(
                f"Cannot set tensor: {what if unallocated else ''}{error}"
            ) from None

    def _checked(self, index: int, error: type[UsageError]) -> Tensor:
        try:
            return self.tensor(index)
        except UsageError as found:
            raise error(str(found)) from None

    def _value(self, index: int) -> Array:
        """Return the array that holds a tensor's value now, of its shape.

        Raises UsageError for an index or a type that does not exist here, and UnreadableError
        before allocation, before the run that computes it, and when its bytes hold another tensor.
        """
        tensor = self.tensor(index)
        if tensor.dtype not in STORAGE:
            raise UsageError(
                f"tensor {index} ({tensor.name!r}) is of type {tensor.dtype}, which is not computed"
            )
        if has_constant(self.model, tensor) and not tensor.is_variable:
            fixed = constant(self.model, tensor)
            assert fixed is not None
            return fixed if tensor.sparsity is None else fixed.view(STORAGE[str(tensor.dtype)])
        executor = self._executor
        if executor is None or index in self._resized:
            raise UnreadableError(
                f"Tensor data is null. Run allocate_tensors() first: tensor {index} "
                f"({tensor.name!r}) has no memory yet"
            )
        if index in self._kept.tensors:
            own: Array = self._kept.tensors[index][0, ...]
            return own
        if index in self.graph.inputs:
            staged: Array = executor.input(index)[0, ...]
            return staged
        if not tensor.is_variable and not self._ran and index not in self.graph.outputs:
            raise UnreadableError(
                f"Tensor data is null: tensor {index} ({tensor.name!r}) gets its value from "
                "invoke(), which has not run since tensors were allocated"
            )
        if not tensor.is_variable and not self._written(index):
            raise UnreadableError(
                f"Tensor data is null: no operator writes tensor {index} ({tensor.name!r})"
            )
        try:
            executor.read(index)
        except StateError as error:
            raise UnreadableError(f"Tensor data is null. {error}; {_PRESERVE}") from None
        view = executor.memory.views[index]
        assert view is not None
        value: Array = view[0, ...]
        return value

    def _written(self, index: int) -> bool:
        return any(index in operator.outputs for operator in self.graph.operators)

    def _keep_called(
        self, moment: str, step: Step, inputs: Sequence[Array | None], outputs: Sequence[Array]
    ) -> None:
        """Observe the subgraphs that operators call, and copy what theirs read and write."""
        kept = self.called.setdefault(step.subgraph, Keeper(reads=EVERYTHING))
        kept.read(step, inputs)
        kept(moment, step, inputs, outputs)


class _Lease:
    """An array somebody looks at; it lives as long as the looker's array and its slices do."""

    __slots__ = ("__array_interface__", "__weakref__", "_array")

    def __init__(self, array: Array) -> None:
        self._array = array
        self.__array_interface__ = array.__array_interface__
