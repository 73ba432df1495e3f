"""`export --for micropython`: a module for stock firmware, and what it takes of the heap."""

from __future__ import annotations

import argparse
from pathlib import PurePath
from typing import Final

from refinterp.cli.common import open_file, print_document, say, say_refusals, size, title_of
from refinterp.cli.data import data_request, open_with_data, say_notes
from refinterp.errors import UsageError
from refinterp.export.micropython.bundle import ModuleBuild, checked_samples, module_files
from refinterp.export.micropython.heap import remedies
from refinterp.export.micropython.naming import module_name
from refinterp.export.project import require_room, write
from refinterp.report.micropython_answer import module_document, module_summary, print_module
from refinterp.run.gate import refusals

LAYOUT: Final = "micropython"
FLAVOURS: Final = ("tflm", "litert-reference")
WEIGHTS: Final = ("file", "module")

_OF_OTHERS: Final = ("target", "board", "kernels", "tflm", "boards_file")
_OWN: Final = ("flavour", "weights", "heap", "thumb")


def add_module_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what only this layout takes."""
    group = parser.add_argument_group("with --for micropython")
    group.add_argument(
        "--flavour", choices=FLAVOURS, help="whose arithmetic the module has (default tflm)"
    )
    group.add_argument(
        "--weights", choices=WEIGHTS,
        help="in a file that is read block by block, or in the module (default file)",
    )  # fmt: skip
    group.add_argument(
        "--thumb", action="store_true", default=None,
        help="for Cortex-M alone: inner products in machine code, the same bytes in less time",
    )  # fmt: skip
    group.add_argument(
        "--heap", type=size, metavar="SIZE",
        help="exit 1 where the module's heap can be more than this, and say what would make it fit",
    )  # fmt: skip


def refuse_foreign(options: argparse.Namespace) -> None:
    """Raise UsageError for an option of the other layouts, or one of this where it is not asked."""
    own = options.layout == LAYOUT
    for name in _OF_OTHERS if own else _OWN:
        if getattr(options, name, None) is not None:
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} is for the layouts of TFLM, which --for micropython is not"
                if own
                else f"{flag} is for --for micropython, not --for {options.layout}"
            )


def run_module(options: argparse.Namespace) -> int:
    """Lower, plan, write, tell; exit code 1 where the heap asked for is not met."""
    module_name(options.name, None)  # a wrong name is told before the model is read
    require_room(options.to, force=options.force)
    model, content = open_file(options.model)
    flavour = options.flavour or FLAVOURS[0]
    build = ModuleBuild.of(
        model, flavour, in_module=options.weights == WEIGHTS[1], thumb=bool(options.thumb)
    )
    say_refusals(list(refusals(model, flavour)))
    core = build.core.program.model
    count = build.usual_samples() if options.samples is None else options.samples
    resized, samples, said = open_with_data(core, data_request(options, count), count)
    if resized is not core:
        raise UsageError("the data or --shape ask for other sizes than the file's")
    title = title_of(model)
    name = module_name(options.name, model.array or model.source)
    origin = samples.origin if samples.random else PurePath(samples.origin).name
    checked = checked_samples(build, samples, count, origin)
    say_notes(checked.notes, said)
    files = module_files(name, title, content.tobytes(), build, checked)
    limit = options.heap
    over = limit is not None and build.heap_bytes > limit
    hints = remedies(build.core, build.memory, build.placed, build.terms, limit) if over else []
    write(files, options.to)
    summary = module_summary(build, name, title, options.to, checked, limit, hints)
    if options.json:
        found = module_document(
            summary, build, name, model.source, options.to, content.tobytes(), files, checked,
            limit, hints,
        )  # fmt: skip
        print_document({**found, "data": said.document()})
    else:
        print_module(summary, build, files)
    if over:
        excess = build.heap_bytes - limit
        say(f"the heap can be {build.heap_bytes:,} bytes, {excess:,} more than --heap allows")
    return int(over)
