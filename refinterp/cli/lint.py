"""Say what is wrong with a model, as far as its file alone shows.

Structure, scales, zero points, biases, multipliers, sums that may overflow, channels that cannot
move. Exit code 1: there is a finding of severity error; 2: a model cannot be read.
"""

from __future__ import annotations

import argparse

from refinterp.cli.common import (
    add_html,
    add_models,
    model_source,
    print_document,
    save_text,
    say_refused,
)
from refinterp.debug.faults.lint import LOOKED_FOR, lint
from refinterp.errors import RefinterpError
from refinterp.modelfile.reader import read_model
from refinterp.report.lint_answer import Linted
from refinterp.report.lint_report import lint_document, print_lint
from refinterp.report.progress import progress
from refinterp.report.words import of_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)
    parser.add_argument("--all", action="store_true", help="show every finding")
    add_html(parser)


def run(options: argparse.Namespace) -> int:
    """Look, tell, and judge."""
    results = []
    with progress() as show:
        told = show("models", len(options.models))
        for done, path in enumerate(options.models, 1):
            try:
                results.append(_look(path))
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


def _look(path: str) -> Linted:
    model = read_model(model_source(path))
    operators = sum(len(graph.operators) for graph in model.subgraphs)
    return Linted(model.source, lint(model), operators, LOOKED_FOR)
