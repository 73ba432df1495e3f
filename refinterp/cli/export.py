"""Write the sources of a firmware project that runs a model with TFLM.

The model as an array, a resolver with exactly its operators, the arena's size for the chip, what
turns reals into codes and back, an example, a golden test with inputs and the outputs that must
come, and the files of a build system. The same model and options give the same bytes.
"""

from __future__ import annotations

import argparse

from refinterp.boards.choice import choose
from refinterp.cli.arena_measure import runtime_of
from refinterp.cli.common import add_model, open_file, positive, print_document, say, title_of
from refinterp.cli.data import add_data, data_request, open_with_data, say_notes
from refinterp.cli.export_micropython import LAYOUT as MICROPYTHON
from refinterp.cli.export_micropython import add_module_arguments, refuse_foreign, run_module
from refinterp.cli.hardware import (
    add_board,
    add_boards_file,
    add_kernels,
    add_target,
    add_tflm,
    known_hardware,
)
from refinterp.errors import UsageError
from refinterp.export.cpp import project_name
from refinterp.export.gather import gathered, samples_wanted, settled
from refinterp.export.golden import USUAL
from refinterp.export.layout import LAYOUTS
from refinterp.export.project import project, require_room, write
from refinterp.report.export_answer import export_document, print_export
from refinterp.verdicts.told import met, sentences


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    parser.add_argument(
        "--for",
        dest="layout",
        choices=(*LAYOUTS, MICROPYTHON),
        required=True,
        help="the build system",
    )
    parser.add_argument("--to", required=True, metavar="DIR", help="where the files are written")
    parser.add_argument(
        "--name", metavar="NAME", help="what files and the namespace are called, with _model "
        "behind it (default: the file's name)",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true", help="write into a folder that is not empty"
    )
    which = parser.add_mutually_exclusive_group()
    add_target(which)
    add_board(which)
    add_kernels(parser)
    add_tflm(parser, "default: what the build system brings; snapshot for tflm")
    add_boards_file(parser)
    add_data(
        parser, "--input", "--data", without="without it the golden test has seeded random inputs"
    )
    parser.add_argument(
        "--samples", type=positive, metavar="N",
        help=f"samples of the golden test (default {USUAL}, or as many as fit 64 KiB of flash)",
    )  # fmt: skip
    add_module_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Gather, write, tell."""
    refuse_foreign(options)
    if options.layout == MICROPYTHON:
        return run_module(options)
    layout = LAYOUTS[options.layout]
    where = choose(
        known_hardware(options),
        target=options.target,
        board=options.board,
        kernels=options.kernels,
        tflm=layout.version(options.tflm),
    ).profile
    project_name(options.name, None)  # a wrong name is told before the model is read
    require_room(options.to, force=options.force)
    model, content = open_file(options.model)
    known = settled(model, where)
    for sentence in sentences(met(model, runtime_of(where))):
        say(f"warning: {sentence}")
    count = samples_wanted(options.samples, *known[1:])
    resized, samples, said = open_with_data(model, data_request(options, count), count)
    if resized is not model:
        raise UsageError(
            "the data or --shape ask for other sizes than the file's; TFLM takes the file's"
        )
    title = title_of(model)
    name = project_name(options.name, model.array or model.source)
    subject, notes = gathered(name, title, content.tobytes(), model, known, samples, count)
    say_notes(notes, said)
    files = project(subject, layout)
    write(files, options.to)
    if options.json:
        found = export_document(subject, layout, files, options.to)
        print_document({**found, "data": said.document()})
    else:
        print_export(subject, layout, files, options.to)
    return 0
