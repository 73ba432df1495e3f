"""Running a model by the names of a signature."""

from __future__ import annotations

from typing import Any

from refinterp.errors import UsageError
from refinterp.interpreter.details import Details
from refinterp.interpreter.opened import OpenedModel


class SignatureRunner:
    """A callable for one signature; get it from `Interpreter.get_signature_runner`."""

    def __init__(
        self, interpreter: OpenedModel | None = None, signature_key: str | None = None
    ) -> None:
        """Raises UsageError when the model has no such signature."""
        if interpreter is None:
            raise UsageError("None interpreter provided.")
        if not signature_key:
            raise UsageError("None signature_key provided.")
        signatures = interpreter._get_full_signature_list()
        if signature_key not in signatures:
            raise UsageError(
                f'Invalid signature_key provided: "{signature_key}". The model has: '
                f"{', '.join(map(repr, signatures)) or 'none'}"
            )
        self._interpreter = interpreter
        self._interpreter_wrapper = interpreter._interpreter
        self._signature_key = signature_key
        self._signature_def = signatures[signature_key]
        self._inputs: dict[str, int] = self._signature_def["inputs"]
        self._outputs = self._signature_def["outputs"].items()
        self._subgraph_index = interpreter._signature_subgraph(signature_key)

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        """Run once: arrays in by name, whose shapes the model's inputs take, arrays out by name.

        Raises UsageError for names, types and shapes that do not fit.
        """
        if len(kwargs) != len(self._inputs):
            raise UsageError(
                "Invalid number of inputs provided for running a SignatureDef, expected "
                f"{len(self._inputs)} vs provided {len(kwargs)}; the names are "
                f"{list(self._inputs)}"
            )
        session = self._interpreter._session(self._subgraph_index)
        for name, value in kwargs.items():
            if name not in self._inputs:
                raise UsageError(
                    f"Invalid Input name ({name}) for SignatureDef; the names are "
                    f"{list(self._inputs)}"
                )
            session.resize(self._inputs[name], tuple(map(int, value.shape)), strict=False)
        session.allocate()
        for name, value in kwargs.items():
            session.write(self._inputs[name], value)
        session.invoke()
        return {
            name: self._interpreter.get_tensor(index, self._subgraph_index)
            for name, index in self._outputs
        }

    def get_input_details(self) -> dict[str, Details]:
        """Describe the inputs, by name."""
        return self._details(self._inputs)

    def get_output_details(self) -> dict[str, Details]:
        """Describe the outputs, by name."""
        return self._details(dict(self._outputs))

    def _details(self, tensors: dict[str, int]) -> dict[str, Details]:
        return {
            name: self._interpreter._get_tensor_details(index, self._subgraph_index)
            for name, index in tensors.items()
        }
