"""Say what is wrong with a model, as far as its file alone shows.

Structure, scales, zero points, biases, multipliers, sums that may overflow, channels that cannot
move. Exit code 1: there is a finding of severity error.
"""

from __future__ import annotations

import argparse
import sys

from refinterp.cli.common import add_model, print_document
from refinterp.debug.lint import lint
from refinterp.modelfile.reader import read_model
from refinterp.report.lint_report import lint_document, print_lint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Look, tell, and judge."""
    model = read_model(sys.stdin.buffer.read() if options.model == "-" else options.model)
    findings = lint(model)
    if options.json:
        print_document(lint_document(findings, model.source))
    else:
        print_lint(findings)
    return int(any(finding.severity == "error" for finding in findings))
