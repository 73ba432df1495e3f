"""refinterp: run quantized TensorFlow Lite models and see every integer and every byte.

Names are imported when they are first asked for, so that `import refinterp` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names for type checkers and editors, which run nothing
    from refinterp.errors import ModelError as ModelError
    from refinterp.errors import RefinterpError as RefinterpError
    from refinterp.errors import StateError as StateError
    from refinterp.errors import UnsupportedError as UnsupportedError
    from refinterp.errors import UsageError as UsageError
    from refinterp.graph.build import GraphBuilder as GraphBuilder
    from refinterp.graph.check import check as check
    from refinterp.graph.model import Model as Model
    from refinterp.interpreter import Delegate as Delegate
    from refinterp.interpreter import Interpreter as Interpreter
    from refinterp.interpreter import InterpreterWithCustomOps as InterpreterWithCustomOps
    from refinterp.interpreter import OpResolverType as OpResolverType
    from refinterp.interpreter import SignatureRunner as SignatureRunner
    from refinterp.interpreter import load_delegate as load_delegate
    from refinterp.kernels.contract import Kernel as Kernel
    from refinterp.kernels.custom import register_custom as register_custom
    from refinterp.kernels.custom import unregister_custom as unregister_custom
    from refinterp.modelfile.reader import read_model as read_model
    from refinterp.modelfile.writer import write_model as write_model
    from refinterp.report.notebook import load_ipython_extension as load_ipython_extension
    from refinterp.report.notebook import unload_ipython_extension as unload_ipython_extension
    from refinterp.version import __version__ as __version__

_HOMES = {
    "Delegate": "refinterp.interpreter",
    "GraphBuilder": "refinterp.graph.build",
    "Interpreter": "refinterp.interpreter",
    "InterpreterWithCustomOps": "refinterp.interpreter",
    "Kernel": "refinterp.kernels.contract",
    "Model": "refinterp.graph.model",
    "ModelError": "refinterp.errors",
    "OpResolverType": "refinterp.interpreter",
    "RefinterpError": "refinterp.errors",
    "SignatureRunner": "refinterp.interpreter",
    "StateError": "refinterp.errors",
    "UnsupportedError": "refinterp.errors",
    "UsageError": "refinterp.errors",
    "check": "refinterp.graph.check",
    "load_delegate": "refinterp.interpreter",
    "load_ipython_extension": "refinterp.report.notebook",
    "read_model": "refinterp.modelfile.reader",
    "register_custom": "refinterp.kernels.custom",
    "unload_ipython_extension": "refinterp.report.notebook",
    "unregister_custom": "refinterp.kernels.custom",
    "write_model": "refinterp.modelfile.writer",
    "__version__": "refinterp.version",
}
"""Where each public name lives."""

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names alone; what modules have besides is still there."""
    return sorted(__all__)
