"""What the objects beside an `Interpreter` ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from refinterp.interpreter.details import Details
from refinterp.interpreter.session import Session


class OpenedModel(Protocol):
    """An `Interpreter`, as its signatures and the object behind it see it."""

    @property
    def _interpreter(self) -> Any: ...

    def num_subgraphs(self) -> int:
        """How many subgraphs the model has."""
        ...

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Any:
        """A copy of a tensor's value."""
        ...

    def tensor(self, tensor_index: int) -> Callable[[], Any]:
        """A function that gives a view of a tensor's value."""
        ...

    def reset_all_variables(self) -> None:
        """Set variables to what they are at first."""
        ...

    def _session(self, subgraph: int) -> Session: ...

    def _get_tensor_details(self, tensor_index: int, subgraph_index: int = 0) -> Details: ...

    def _get_op_details(self, op_index: int) -> Details: ...

    def _get_full_signature_list(self) -> dict[str, dict[str, dict[str, int]]]: ...

    def _signature_subgraph(self, key: str) -> int: ...

    def _native_handle(self) -> NoReturn: ...
