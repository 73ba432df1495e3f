"""`tf.lite.Interpreter`, over refinterp's own runtime.

A script written for `tf.lite.Interpreter` or `ai_edge_litert.interpreter.Interpreter` runs when
its import line changes:

    from refinterp.interpreter import Interpreter
"""

from refinterp.interpreter.api import Interpreter
from refinterp.interpreter.custom_operators import InterpreterWithCustomOps
from refinterp.interpreter.resolver import Delegate, OpResolverType, load_delegate
from refinterp.interpreter.signature import SignatureRunner
from refinterp.interpreter.wrapper import InterpreterWrapper

__all__ = [
    "Delegate",
    "Interpreter",
    "InterpreterWithCustomOps",
    "InterpreterWrapper",
    "OpResolverType",
    "SignatureRunner",
    "load_delegate",
]
