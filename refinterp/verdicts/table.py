"""The table of what runtimes refuse: rules by runtime and the registry's operator name.

A rule is a function of a `Node`: it returns when the runtime takes the operator and raises
`Refusal` when it does not. It is the only place where refusals are told; kernels check what they
themselves cannot compute.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Final

from refinterp.verdicts.node import Node
from refinterp.verdicts.verdict import TFLM

Rule = Callable[[Node], None]

LITERT_RULES: Final[dict[str, Rule]] = {}
TFLM_RULES: Final[dict[str, Rule]] = {}
"""Operator (schema or custom name) → its rule. Complete once `rule_for` has been called."""


def litert(*operators: str) -> Callable[[Rule], Rule]:
    """Register what LiteRT asks of operators (their Prepare, and what their Eval refuses)."""
    return _register(LITERT_RULES, operators)


def tflm(*operators: str) -> Callable[[Rule], Rule]:
    """Register what TFLM asks of operators."""
    return _register(TFLM_RULES, operators)


def _register(table: dict[str, Rule], operators: tuple[str, ...]) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for operator in operators:
            if operator in table:
                raise RuntimeError(f"{operator} has a rule already")
            table[operator] = rule
        return rule

    return register


def rule_for(runtime: str, operator: str) -> Rule | None:
    """What a runtime asks of an operator; None where that is not known."""
    table = load("tflm" if runtime == TFLM else "litert")
    return table.get(operator)


@cache
def load(runtime: str) -> dict[str, Rule]:
    """Import a runtime's rules and return its table."""
    name = f"refinterp.verdicts.{runtime}"
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{name}.{module.name}")
    return TFLM_RULES if runtime == "tflm" else LITERT_RULES
