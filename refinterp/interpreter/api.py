"""`Interpreter`: the constructor, methods and exceptions of `tf.lite.Interpreter`.

What differs, on purpose:
- Every tensor of the file can be described, but not the temporaries that LiteRT's kernels add to
  the list when they are prepared.
- An intermediate tensor whose bytes have been given to another is refused, not read.
- Constants cannot be set, and what operators write can be set only where it can be read.
- Input values survive `invoke`, and tensors hold zeros, not leftovers, before it.
"""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import StateError, UnsupportedError, UsageError
from refinterp.graph.check import check
from refinterp.interpreter.details import Details, operator_details, scalar_type, tensor_details
from refinterp.interpreter.loading import check_threads, load, refuse_delegates
from refinterp.interpreter.resolver import OpResolverType, choose_flavour
from refinterp.interpreter.sentences import LIVE_VIEW, findings_text
from refinterp.interpreter.session import Session
from refinterp.interpreter.signature import SignatureRunner
from refinterp.interpreter.wrapper import InterpreterWrapper


class Interpreter:
    """Runs a .tflite model; a drop-in for `tf.lite.Interpreter`.

    model_path: a `.tflite` file, or C source with a model in an array. model_content: its bytes.
    experimental_op_resolver_type: see `OpResolverType`. experimental_delegates: none may be given.
    experimental_preserve_all_tensors: keep every tensor readable after `invoke`.
    experimental_compress_quantization_zero_points: equal zero points are described by one.
    num_threads: how many threads BLAS may use while the model runs; None leaves that to BLAS, which
    by itself uses every core or what OPENBLAS_NUM_THREADS says. Integer results are the same
    whatever their number; float sums may be added in another order. One thread is the fastest for
    small models. The other flags are accepted and change nothing.

    flavour: whose arithmetic is reproduced; wins over the resolver. plain: use the plain
    definitions instead of the fast paths. poison: overwrite tensors as soon as nothing reads them
    any more. lenient: run, with a warning, what the flavour's runtime refuses when it prepares the
    operators; otherwise `allocate_tensors` refuses it too.

    Raises ModelError or UsageError (both ValueError) when the model cannot be read or arguments
    contradict each other, UnsupportedError (both) when delegates are given. Operators that cannot
    be run are refused by `allocate_tensors`: the model can be looked at all the same. Warns once of
    what is wrong with the model.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | None = None,
        experimental_delegates: Sequence[Any] | None = None,
        num_threads: int | None = None,
        experimental_op_resolver_type: Any = OpResolverType.AUTO,
        experimental_preserve_all_tensors: bool = False,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        experimental_compress_quantization_zero_points: bool = False,
        experimental_disable_delegate_node_fusion: bool = False,
        experimental_force_delegate_node_profiling: bool = False,
        *,
        flavour: str | None = None,
        plain: bool = False,
        poison: bool = False,
        lenient: bool = False,
    ) -> None:
        chosen = choose_flavour(experimental_op_resolver_type, flavour, stacklevel=2)
        check_threads(num_threads)
        self._model = load(model_path, model_content)
        refuse_delegates(experimental_delegates)
        findings = [finding for finding in check(self._model) if finding.severity != "note"]
        if findings:
            warnings.warn(findings_text(self._model, findings), stacklevel=2)
        self._compress = bool(experimental_compress_quantization_zero_points)
        self._faults = [finding for finding in findings if finding.severity == "error"]
        self._settings: Mapping[str, Any] = {
            "flavour": chosen,
            "plain": plain,
            "poison": poison,
            "threads": num_threads,
            "preserve": bool(experimental_preserve_all_tensors),
            "lenient": lenient,
        }
        self._sessions: dict[int, Session] = {}
        self._interpreter = InterpreterWrapper(self)
        self._model_content = model_content
        self._delegates: list[Any] = []
        self._signature_defs = self.get_signature_list()

    # The life of a model

    def allocate_tensors(self) -> None:
        """Prepare operators and memory for the inputs' shapes; variables become zero.

        Raises StateError while an array from `tensor` is held, ModelError or UnsupportedError
        (all RuntimeError) when the model cannot be run with these shapes.
        """
        self._ensure_safe()
        self._session(0).allocate()

    def invoke(self) -> None:
        """Run the model once.

        Raises StateError (a RuntimeError) before `allocate_tensors` and while an array from
        `tensor` is held.
        """
        self._ensure_safe()
        self._session(0).invoke()

    def resize_tensor_input(self, input_index: int, tensor_size: Any, strict: bool = False) -> None:
        """Give an input another shape; `allocate_tensors` must follow.

        strict: only sizes that are -1 in the input's `shape_signature` may change.
        Raises ResizeError, a ValueError and RuntimeError; StateError while a view is held.
        """
        self._ensure_safe()
        size = np.array(tensor_size, np.int32)
        if size.ndim != 1:
            raise UsageError(f"Shape should be 1D instead of {size.ndim}.")
        shape = tuple(int(extent) for extent in size)
        self._session(0).resize(operator.index(input_index), shape, strict=strict)

    def reset_all_variables(self) -> None:
        """Set every variable to zero."""
        self._session(0).reset_variables()

    # Values

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy an array into an input or a variable; its type must be the tensor's own.

        Raises UsageError (a ValueError) when type or shape do not match.
        """
        self._session(0).write(operator.index(tensor_index), value)

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Any:
        """Return a copy of a tensor; a NumPy scalar when it has no dimensions.

        Of subgraphs that operators called, and that did not run by themselves, the last call's
        values can be read when all tensors are preserved.

        Raises UsageError or UnreadableError, both ValueError: no such tensor, no value yet, or its
        bytes hold another tensor by now.
        """
        index, subgraph = operator.index(tensor_index), operator.index(subgraph_index)
        session = self._session(subgraph)
        called = None if session.allocated else self._session(0).called.get(subgraph)
        if called is not None and index in called.tensors:
            return _unwrap(called.tensors[index][0, ...].copy())
        return _unwrap(session.read(index))

    def tensor(self, tensor_index: int) -> Callable[[], Any]:
        """Return a function that gives a view of a tensor's memory, to be let go before `invoke`.

        The function may be kept; it raises as `get_tensor` does.
        """
        return lambda: _unwrap(self._session(0).lend(operator.index(tensor_index)))

    # Descriptions

    def get_input_details(self) -> list[Details]:
        """Describe the model's inputs."""
        return [self._get_tensor_details(i, 0) for i in self._session(0).graph.inputs]

    def get_output_details(self) -> list[Details]:
        """Describe the model's outputs."""
        return [self._get_tensor_details(i, 0) for i in self._session(0).graph.outputs]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[Details]:
        """Describe a subgraph's tensors; those of types NumPy does not know are left out.

        Raises UsageError when there is no such subgraph.
        """
        if not 0 <= subgraph_index < self.num_subgraphs():
            raise UsageError(
                f"subgraph_index is out of range: {subgraph_index} for the model, which has "
                f"{self.num_subgraphs()} subgraphs."
            )
        details = []
        for index in range(len(self._session(subgraph_index).graph.tensors)):
            try:
                details.append(self._get_tensor_details(index, subgraph_index))
            except UsageError:
                continue
        return details

    def num_subgraphs(self) -> int:
        """Return the number of subgraphs."""
        return len(self._model.subgraphs)

    @property
    def experimental_compress_quantization_zero_points(self) -> bool:
        """Whether equal zero points are described by one, as the constructor was told."""
        return self._compress

    def _get_tensor_details(self, tensor_index: int, subgraph_index: int = 0) -> Details:
        """Describe one tensor; raises UsageError."""
        index, subgraph = int(tensor_index), int(subgraph_index)
        session = self._session(subgraph)
        try:
            session.tensor(index)
        except UsageError as error:
            raise UsageError(f"{error}. Tensor with no shape found.") from None
        return tensor_details(
            self._model, subgraph, index, session.shape(index), compress=self._compress
        )

    def _get_op_details(self, op_index: int) -> Details:
        """Describe one operator of the main subgraph; raises UsageError."""
        session, index = self._session(0), int(op_index)
        operators = session.graph.operators
        if not 0 <= index < len(operators):
            raise UsageError(f"Invalid node index {index}; the model has {len(operators)} nodes")
        return operator_details(
            index, operators[index], lambda tensor: scalar_type(session.tensor(tensor))
        )

    def _get_ops_details(self) -> list[Details]:
        """Describe the operators of the main subgraph, in the order they run."""
        return [self._get_op_details(i) for i in range(len(self._session(0).graph.operators))]

    # Signatures

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """Return the names of each signature's inputs and outputs."""
        return {
            key: {"inputs": list(signature["inputs"]), "outputs": list(signature["outputs"])}
            for key, signature in self._get_full_signature_list().items()
        }

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """Return the callable for a signature; the key may be left out when there is just one.

        Raises UsageError.
        """
        if signature_key is None:
            keys = list(self._get_full_signature_list())
            if len(keys) != 1:
                raise UsageError(
                    f"SignatureDef signature_key is None and model has {len(keys)} Signatures. "
                    "None is only allowed when the model has 1 SignatureDef"
                )
            signature_key = keys[0]
        return SignatureRunner(self, signature_key)

    def _get_full_signature_list(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the tensor indices of each signature's inputs and outputs, sorted by name."""
        return {
            signature.key: {
                "inputs": dict(sorted(signature.inputs)),
                "outputs": dict(sorted(signature.outputs)),
            }
            for signature in self._model.signatures
        }

    def _signature_subgraph(self, key: str) -> int:
        return next(s.subgraph for s in self._model.signatures if s.key == key)

    # What others lean on

    def _session(self, subgraph: int) -> Session:
        if not 0 <= subgraph < self.num_subgraphs():
            raise UsageError(
                f"Invalid subgraph index {subgraph} exceeds max subgraph index "
                f"{self.num_subgraphs()}"
            )
        if subgraph not in self._sessions:
            faults = [f for f in self._faults if f.subgraph in (None, subgraph)]
            self._sessions[subgraph] = Session(
                self._model, subgraph, faults=faults, **self._settings
            )
        return self._sessions[subgraph]

    def _safe_to_run(self) -> bool:
        """Whether nobody holds an array that looks into tensors."""
        return not any(session.has_views for session in self._sessions.values())

    def _ensure_safe(self) -> None:
        if not self._safe_to_run():
            raise StateError(LIVE_VIEW)

    def _native_handle(self) -> NoReturn:
        raise UnsupportedError("there is no native interpreter to give a handle of")


def _unwrap(array: NDArray[Any]) -> Any:
    """Return an array without dimensions as a scalar, as NumPy's C interface does."""
    return array if array.ndim else array[()]
