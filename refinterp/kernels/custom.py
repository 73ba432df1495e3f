"""Operators of the user's own: a kernel class, or a function on arrays, under a custom name.

>>> def twice(inputs, options):
...     return inputs[0] * options.get("factor", 2)
>>> register_custom("Twice", twice, replace=True)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np

from refinterp.errors import ModelError, UsageError
from refinterp.graph.flexbuffer import read_map
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs, dtypes_of, forget, kernel
from refinterp.kernels.workspace import Workspace

Function: TypeAlias = Callable[[Sequence[Array | None], Mapping[str, Any]], Array | Sequence[Array]]
"""(inputs, options) → the output, or all outputs. Inputs are one sample's arrays, read-only, None
for one that is left out; options are the FlexBuffers map of the custom options."""


@dataclass(frozen=True, slots=True)
class RawOptions:
    """The bytes of an operator's custom options."""

    custom_options: bytes = b""


def register_custom(
    name: str,
    implementation: type[Any] | Function,
    *,
    dtypes: Sequence[str] = ("any",),
    options: type[Any] | None = None,
    replace: bool = False,
) -> None:
    """Make a custom operator known to this process, for every model loaded from now on.

    implementation: a class derived from `refinterp.Kernel`, with `prepare`, `output_shapes` and
    `eval`; or a function of one sample's inputs and the options, which gives the outputs. dtypes:
    types of the first input that it takes. options: a dataclass whose fields are filled from the
    FlexBuffers map in the model, for a class. replace: take the place of a registration that is
    there.

    Raises UsageError when the name is taken, or the implementation is neither.
    """
    if not name:
        raise UsageError("a custom operator needs a name")
    if dtypes_of(name) and not replace:
        raise UsageError(f"{name!r} is registered already; give replace=True to take its place")
    if not inspect.isclass(implementation):
        if not callable(implementation):
            raise UsageError(f"{implementation!r} is neither a kernel class nor a function")
        own = type(
            f"Function_{name}", (_FunctionKernel,), {"function": staticmethod(implementation)}
        )
        chosen: type[Any] = own
        fields: type[Any] = RawOptions
    else:
        _check_class(implementation)
        chosen, fields = implementation, options or NoOptions
    forget(name)
    kernel(name, *dtypes, options=fields, custom=True)(chosen)


def _check_class(implementation: type[Any]) -> None:
    """Raise UsageError for a class that is not what a kernel class is."""
    name = implementation.__name__
    if not issubclass(implementation, Kernel):
        raise UsageError(
            f"{name} does not derive from refinterp.Kernel; a kernel class has to, since what a "
            "kernel is capable of is said by the attributes of its class: one that has `state` "
            "also says `remembers = True`"
        )
    missing = [part for part in ("prepare", "output_shapes") if not hasattr(implementation, part)]
    if implementation.eval is Kernel.eval:
        missing.append("eval")
    if missing:
        raise UsageError(f"{name} lacks {', '.join(missing)}")
    if implementation.state is not Kernel.state and not implementation.remembers:
        raise UsageError(f"{name} has `state`, but does not say `remembers = True`")


def unregister_custom(name: str) -> None:
    """Forget a custom operator; models prepared already keep it. Raises UsageError."""
    if not dtypes_of(name):
        raise UsageError(f"{name!r} is not registered")
    forget(name)


@dataclass(frozen=True, eq=False)
class _FunctionKernel(Kernel):
    """A function called for each sample; outputs have the file's shapes."""

    results: tuple[TensorSpec, ...]
    options: Mapping[str, Any]
    function: ClassVar[Function]

    @staticmethod
    def output_shapes(inputs: Inputs, options: RawOptions) -> tuple[Shape, ...]:
        """The file's shapes."""
        return ()

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: RawOptions, rule: Rules
    ) -> _FunctionKernel:
        """Read the options; bytes that are no map are under the key `custom_options`."""
        try:
            fields = read_map(options.custom_options)
        except ModelError:
            fields = MappingProxyType({"custom_options": options.custom_options})
        return cls(tuple(outputs), fields)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Call the function, sample by sample."""
        for index in range(len(outputs[0]) if outputs else 0):
            own = [None if a is None else _reader(a[min(index, len(a) - 1)]) for a in inputs]
            given = type(self).function(own, self.options)
            results = [given] if isinstance(given, np.ndarray) else list(given)
            if len(results) != len(outputs):
                raise UsageError(
                    f"{type(self).__name__} gave {len(results)} outputs; the operator has "
                    f"{len(outputs)}"
                )
            for spec, output, result in zip(self.results, outputs, results, strict=True):
                if np.shape(result) != output.shape[1:]:
                    raise UsageError(
                        f"{type(self).__name__} gave shape {list(np.shape(result))} for output "
                        f"{spec.name!r}, which has {list(output.shape[1:])}"
                    )
                output[index] = result


def _reader(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
