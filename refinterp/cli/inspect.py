"""Show what a model holds, whether it runs, and what each runtime does with it.

Inputs and outputs, every operator with its types and shapes, what is wrong with the file; and of
LiteRT, TFLM and their kernel libraries which run it, refuse it, abort, or compute something else.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from refinterp.cli.common import add_models, model_source, print_document, say_refused
from refinterp.errors import RefinterpError
from refinterp.graph.check import check
from refinterp.graph.finding import Finding
from refinterp.graph.model import Model
from refinterp.graph.open_sizes import open_inputs
from refinterp.modelfile.reader import read_model
from refinterp.report.inspect_document import Inspected, inspect_document, inspect_documents
from refinterp.report.inspect_text import (
    print_inspected,
    print_many,
    verdict,
    verdict_of_many,
)
from refinterp.report.words import of_file
from refinterp.run.support import Support, support
from refinterp.verdicts.answers import answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)


def run(options: argparse.Namespace) -> int:
    """Print the summary or the document; 2 if one of several models cannot be read."""
    if len(options.models) == 1:
        shown = inspected(read_model(model_source(options.models[0])))
        if options.json:
            print_document({**inspect_document(shown), "summary": {"verdict": verdict(shown)}})
        else:
            print_inspected(shown)
        return 0
    found = [_tried(path) for path in options.models]
    if options.json:
        summary = {"verdict": verdict_of_many(found)}
        print_document({**inspect_documents(found), "summary": summary})
    else:
        print_many(found)
    refused = [
        (one[0], of_file(str(one[1]), one[0])) for one in found if not isinstance(one, Inspected)
    ]
    say_refused(refused, len(found), shown=not options.json)
    return 2 if refused else 0


def inspected(model: Model) -> Inspected:
    """Gather all that is shown of a model; nothing that is wrong with it stops that."""
    kernels, findings = support(model), check(model)
    return Inspected(
        model, _refusal(kernels, findings), kernels, answers(model), open_inputs(model), findings
    )


def _tried(path: str) -> Inspected | tuple[str, RefinterpError]:
    try:
        return inspected(read_model(model_source(path)))
    except RefinterpError as error:
        return path, error


def _refusal(kernels: Sequence[Support], findings: Sequence[Finding]) -> str:
    """Why refinterp does not run the model, as far as operators and structure tell; "" if it does.

    Nothing is prepared: a model may ask for more memory than there is.
    """
    for finding in findings:
        if finding.severity == "error":
            return finding.evidence
    wrong = [k for k in kernels if k.misfits]
    if wrong:
        first = wrong[0]
        more = f", and {len(wrong) - 1} more are wrong" if len(wrong) > 1 else ""
        return f"operator {first.operator} ({first.name}): {'; '.join(first.misfits)}{more}"
    missing = [k for k in kernels if k.dtype is None]
    if missing:
        first = missing[0]
        types = ", ".join(first.inputs)
        more = f", and {len(missing) - 1} more are not supported" if len(missing) > 1 else ""
        return f"operator {first.operator} ({first.name}) on ({types}) is not supported{more}"
    return ""
