"""The symbols from which TFLM's interpreter and its operators are reached.

Source    TFLM `micro_interpreter.h`, `micro_mutable_op_resolver.h`, commit 90b983c2b.
"""

from __future__ import annotations

import re
from typing import Final

INTERPRETER: Final = (
    "_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhjPNS_22MicroResourceVariablesEPNS_22MicroProfilerInterfaceEb",
    "_ZN6tflite16MicroInterpreterD1Ev",
    "_ZN6tflite16MicroInterpreter15AllocateTensorsEv",
    "_ZN6tflite16MicroInterpreter6InvokeEv",
    "_ZN6tflite16MicroInterpreter5inputEj",
    "_ZN6tflite16MicroInterpreter6outputEj",
    "_Z11MicroPrintfPKcz",
)
"""What an application calls."""

LOG: Final = ("DebugLog", "DebugVsnprintf", "__assert_func", "abort")
"""What prints and stops: an application's own, or by the C library's printf."""

_METHOD: Final = re.compile(
    r"TfLiteStatus Add\w+\((?P<given>[^{]*)\)\s*{(?P<body>.*?)\n  }", re.DOTALL
)


def operator_roots(header: str) -> dict[str, tuple[str, ...]]:
    """Return the functions by which each operator is added: its registration's, its parser's.

    header: the text of `micro_mutable_op_resolver.h`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for method in _METHOD.finditer(header):
        text = method["given"] + method["body"]
        register = re.search(r"(tflm_signal::)?(Register_\w+)\(\)", text)
        builtin = re.search(
            r"AddBuiltin\(\s*BuiltinOperator_(\w+),.*?(Parse\w+)\)", text, re.DOTALL
        )
        custom = re.search(r'AddCustom\(\s*"(\w+)"', text)
        if register is None or not (builtin or custom):
            continue
        function = _mangled(register[2], *(["tflm_signal"] if register[1] else []))
        if builtin is not None:
            found[builtin[1]] = (function, _parser(builtin[2]))
        elif custom is not None:
            found[custom[1]] = (function,)
    return found


def _mangled(function: str, *inside: str) -> str:
    """The name of a function without arguments in namespace tflite, as the compiler writes it."""
    parts = ("tflite", *inside, function)
    return "_ZN" + "".join(f"{len(part)}{part}" for part in parts) + "Ev"


def _parser(function: str) -> str:
    kinds = "PKNS_8OperatorEPNS_13ErrorReporterEPNS_20BuiltinDataAllocatorEPPv"
    return f"_ZN6tflite{len(function)}{function}E{kinds}"
