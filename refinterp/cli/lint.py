"""Say what is wrong with a model, as far as its file alone shows.

Structure, scales, zero points, biases, multipliers, sums that may overflow, channels that cannot
move. Exit code 1: there is a finding of severity error; 2: a model cannot be read.
"""

from __future__ import annotations

import argparse

from refinterp.boards.choice import choose
from refinterp.cli.common import (
    add_html,
    add_models,
    model_source,
    print_document,
    save_text,
    say_refused,
)
from refinterp.cli.hardware import add_boards_file, add_target, add_tflm, known_hardware
from refinterp.debug.faults.lint import LOOKED_FOR, lint
from refinterp.errors import RefinterpError
from refinterp.graph.finding import SEVERITIES
from refinterp.modelfile.reader import read_model
from refinterp.report.lint_answer import Linted
from refinterp.report.lint_report import lint_document, print_lint
from refinterp.report.progress import progress
from refinterp.report.words import of_file
from refinterp.tflm.findings import tflm_findings
from refinterp.tflm.targets import Profile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)
    parser.add_argument("--all", action="store_true", help="show every finding")
    add_target(parser)
    add_tflm(parser, "what it refuses or crashes on is an error; default: none is asked")
    add_boards_file(parser)
    add_html(parser)


def run(options: argparse.Namespace) -> int:
    """Look, tell, and judge."""
    where = _where(options)
    results = []
    with progress() as show:
        told = show("models", len(options.models))
        for done, path in enumerate(options.models, 1):
            try:
                results.append(_look(path, where))
            except RefinterpError as error:
                if len(options.models) == 1:
                    raise
                results.append(Linted(path, error=error))
            told(done)
    refused = [
        (one.name, of_file(str(one.error), one.name)) for one in results if one.error is not None
    ]
    say_refused(refused, len(results), shown=not options.json)
    if options.html:
        from refinterp.report.page_lint import lint_page

        save_text(options.html, lint_page(results, lint_document(results)))
    if options.json:
        print_document(lint_document(results))
    else:
        print_lint(results, everything=options.all)
    if refused:
        return 2
    return int(any(one.failed for one in results))


def _where(options: argparse.Namespace) -> Profile | None:
    """The build of TFLM that the model is meant for, None where none was named."""
    if options.tflm is None and options.target is None:
        return None
    table = known_hardware(options)
    return choose(table, target=options.target, tflm=options.tflm).profile


def _look(path: str, where: Profile | None) -> Linted:
    model = read_model(model_source(path))
    operators = sum(len(graph.operators) for graph in model.subgraphs)
    found = lint(model)
    looked_for: tuple[str, ...] = LOOKED_FOR
    if where is not None:
        found = tuple(
            sorted(
                (*tflm_findings(model, where), *found), key=lambda f: SEVERITIES.index(f.severity)
            )
        )
        looked_for = (*LOOKED_FOR, f"what TFLM {where.tflm.told} refuses or crashes on")
    return Linted(model.source, found, operators, looked_for)
