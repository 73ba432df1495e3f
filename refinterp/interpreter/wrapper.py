"""The methods of the C++ object behind LiteRT's Interpreter, which scripts reach for.

`interpreter._interpreter.NumNodes()`, `.NodeName(i)`, `.NumTensors(0)` and the like stand in many
scripts that list a model's operators. Each is a call of the Interpreter's own methods here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError, UsageError
from refinterp.interpreter.opened import OpenedModel

Ints = NDArray[np.int32]


class InterpreterWrapper:
    """What `Interpreter._interpreter` is; the names and arguments are LiteRT's."""

    def __init__(self, interpreter: OpenedModel) -> None:
        self._of = interpreter

    # The graph

    def NumSubgraphs(self) -> int:
        """Return the number of subgraphs."""
        return self._of.num_subgraphs()

    def NumTensors(self, subgraph_index: int = 0) -> int:
        """Return the number of tensors in the file's list."""
        return len(self._of._session(subgraph_index).graph.tensors)

    def NumNodes(self) -> int:
        """Return the number of operators of the main subgraph."""
        return len(self._of._session(0).graph.operators)

    def InputIndices(self) -> Ints:
        """Return the inputs' tensor indices."""
        return np.array(self._of._session(0).graph.inputs, np.int32)

    def OutputIndices(self) -> Ints:
        """Return the outputs' tensor indices."""
        return np.array(self._of._session(0).graph.outputs, np.int32)

    def NodeName(self, node: int) -> str:
        """Return an operator's name."""
        return str(self._of._get_op_details(node)["op_name"])

    def NodeInputs(self, node: int) -> Ints:
        """Return the tensors an operator reads."""
        return np.asarray(self._of._get_op_details(node)["inputs"])

    def NodeOutputs(self, node: int) -> Ints:
        """Return the tensors an operator writes."""
        return np.asarray(self._of._get_op_details(node)["outputs"])

    def GetSignatureDefs(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the tensor indices of each signature's inputs and outputs."""
        return self._of._get_full_signature_list()

    def GetSubgraphIndexFromSignature(self, signature_key: str) -> int:
        """Return the subgraph a signature runs; raises UsageError when there is none of the key."""
        keys = list(self._of._get_full_signature_list())
        if signature_key not in keys:
            raise UsageError(f"No matching signature. The model has: {keys}")
        return self._of._signature_subgraph(signature_key)

    # Tensors

    def TensorName(self, tensor_index: int, subgraph_index: int = 0) -> str:
        """Return a tensor's name."""
        return str(self._detail(tensor_index, subgraph_index, "name"))

    def TensorSize(self, tensor_index: int, subgraph_index: int = 0) -> Ints:
        """Return a tensor's shape."""
        return np.asarray(self._detail(tensor_index, subgraph_index, "shape"))

    def TensorSizeSignature(self, tensor_index: int, subgraph_index: int = 0) -> Ints:
        """Return a tensor's shape with -1 for open sizes."""
        return np.asarray(self._detail(tensor_index, subgraph_index, "shape_signature"))

    def TensorType(self, tensor_index: int, subgraph_index: int = 0) -> Any:
        """Return a tensor's NumPy class."""
        return self._detail(tensor_index, subgraph_index, "dtype")

    def TensorQuantization(self, tensor_index: int, subgraph_index: int = 0) -> tuple[float, int]:
        """Return a tensor's scale and zero point."""
        found: tuple[float, int] = self._detail(tensor_index, subgraph_index, "quantization")
        return found

    def TensorQuantizationParameters(
        self, tensor_index: int, subgraph_index: int = 0
    ) -> tuple[NDArray[Any], Ints, int, int]:
        """Return scales, zero points, quantized dimension and block size."""
        found = self._detail(tensor_index, subgraph_index, "quantization_parameters")
        return (
            found["scales"],
            found["zero_points"],
            found["quantized_dimension"],
            found["block_size"],
        )

    def TensorSparsityParameters(
        self, tensor_index: int, subgraph_index: int = 0
    ) -> dict[str, Any]:
        """Return how a sparse tensor is stored."""
        return dict(self._detail(tensor_index, subgraph_index, "sparsity_parameters"))

    def _detail(self, tensor_index: int, subgraph_index: int, key: str) -> Any:
        return self._of._get_tensor_details(tensor_index, subgraph_index)[key]

    # Running

    def AllocateTensors(self, subgraph_index: int = -1) -> None:
        """Prepare a subgraph, -1 for the main one."""
        self._of._session(max(subgraph_index, 0)).allocate()

    def ResizeInputTensor(
        self, i: int, value: Any, strict: bool = False, subgraph_index: int = 0
    ) -> None:
        """Give an input another shape."""
        shape = np.asarray(value)
        if shape.ndim != 1:
            raise UsageError(f"Shape should be 1D instead of {shape.ndim}.")
        sizes = tuple(int(size) for size in shape)
        self._of._session(subgraph_index).resize(i, sizes, strict=strict)

    def SetTensor(self, i: int, value: Any, subgraph_index: int = 0) -> None:
        """Copy an array into an input."""
        self._of._session(subgraph_index).write(i, value)

    def GetTensor(self, tensor_index: int, subgraph_index: int = 0) -> Any:
        """Return a copy of a tensor."""
        return self._of.get_tensor(tensor_index, subgraph_index)

    def tensor(self, base_object: object, tensor_index: int) -> Any:
        """Return a view of a tensor's memory; base_object is not needed here."""
        return self._of.tensor(tensor_index)()

    def Invoke(self, subgraph_index: int = 0) -> None:
        """Run a subgraph once."""
        self._of._session(subgraph_index).invoke()

    def ResetVariableTensors(self) -> None:
        """Set every variable to zero."""
        self._of.reset_all_variables()

    def SetNumThreads(self, number: int) -> None:
        """Take note of a number of threads; results do not depend on it."""

    def ModifyGraphWithDelegate(self, delegate: object) -> None:
        """Raise UnsupportedError: there is nothing a delegate could take over."""
        raise UnsupportedError("refinterp runs every operator itself and takes no delegates")

    def interpreter(self) -> int:
        """Raise UnsupportedError: there is no native interpreter."""
        return self._of._native_handle()
