"""List the operators there are kernels for, with their types."""

from __future__ import annotations

import argparse

from refinterp.cli.common import print_document
from refinterp.kernels.registry import load_all
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""


def run(options: argparse.Namespace) -> int:
    """Print the list or the document."""
    table: dict[str, list[str]] = {}
    for operator, dtype in sorted(load_all()):
        table.setdefault(operator, []).append(dtype)
    if options.json:
        print_document(document(operators=[{"op_name": k, "dtypes": v} for k, v in table.items()]))
    else:
        print_table(
            [Column("operator"), Column("types", fold=True)],
            [(name, ", ".join(dtypes)) for name, dtypes in table.items()],
            title=f"{len(table)} operators",
        )
    return 0
