"""The data arguments, which all commands that take data share, and what is said of the data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from refinterp.cli.common import positive, say
from refinterp.errors import UsageError
from refinterp.graph.model import Model, Shape
from refinterp.run.opening import with_data
from refinterp.samples.look import told
from refinterp.samples.request import IMAGE_RANGES, NON_FINITE, SEED, DataRequest
from refinterp.samples.samples import Samples
from refinterp.samples.stdin import spooled

RANDOM = 16
"""Random samples that are drawn where there are no data."""


@dataclass(frozen=True, slots=True)
class SaidOfData:
    """What was said of the data before they were used.

    lines: all of it. taken: what each input's data were taken as: the file and what it holds, and
    what that stands for.
    """

    lines: frozenset[str] = frozenset()
    taken: tuple[tuple[str, str], ...] = ()

    def document(self) -> list[dict[str, str]]:
        """What the data were taken as, for the document; empty for random data."""
        return [{"data": what, "taken_as": words} for what, words in self.taken]


class _Once(argparse.Action):
    """An option whose second use would silently take the place of the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(
                self, "given twice; a folder holds several files, an .npz an array for each input"
            )
        setattr(namespace, self.dest, values)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add --limit."""
    parser.add_argument("--limit", type=positive, metavar="N", help="use the first N samples only")


def add_data(
    parser: argparse.ArgumentParser, *flags: str, without: str = "", labels: bool = False
) -> None:
    """Add the data arguments.

    flags: what the data's own is called, `--data` without. without: what happens where it is not
    given. labels: also add --labels.
    """
    group = parser.add_argument_group("data", "see docs/data.md")
    group.add_argument(
        *(flags or ("--data",)),
        dest="data",
        action=_Once,
        metavar="PATH",
        help="samples: .npy, .npz or FILE.npz:ARRAY, .csv or FILE.csv:COLUMN,…, .bin, images, WAV, "
        "a folder of them or of class folders, - for standard input" + (without and f"; {without}"),
    )
    if labels:
        group.add_argument(
            "--labels",
            dest="sample_labels",
            metavar="PATH",
            help="labels, one per sample: text, .npy, FILE.npz:ARRAY, FILE.csv:COLUMN, or a COLUMN "
            "of the data: tells the task's metric at the outputs (default: those in the data: "
            "`labels` of an .npz, y_test for x_test, a column `label`, class folders)",
        )
    group.add_argument(
        "--image-range",
        choices=IMAGE_RANGES,
        default="auto",
        help="reals that pixels 0..255 stand for, of image files and of integers that are not of "
        "the input's type; raw: they are the input's codes (default auto: from the input's scale "
        "and zero point)",
    )
    add_shape(group, "the data's")
    group.add_argument(
        "--window-stride",
        type=int,
        metavar="N",
        help="cut sound into windows of the input's size that start every N values "
        "(default: one behind the other)",
    )
    group.add_argument(
        "--non-finite",
        choices=NON_FINITE,
        default="error",
        help="nan and infinity in the data: an error that says where; count: nan is taken as 0, "
        "infinity as the range's end; skip: such samples are left out (default error)",
    )


def add_shape(parser: argparse._ActionsContainer, default: str) -> None:
    """Add --shape; default: whose sizes are taken without it."""
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        type=_shape,
        metavar="NAME=1,24,24,3",
        help=f"sizes of an input, where the model leaves them open (default: {default}; NAME= may "
        "be left out for a single input)",
    )


def data_request(options: argparse.Namespace, count: int = 1) -> DataRequest:
    """What the data arguments ask for; count: of random samples, where there are no data."""
    path = options.data
    if path == "-":
        models = (getattr(options, name, None) for name in ("model", "float_model"))
        if "-" in (*models, *getattr(options, "models", ())):
            raise UsageError("the model and the data cannot both come from standard input")
        path = str(spooled(sys.stdin.buffer))
    shapes = dict(options.shape)
    return DataRequest(
        path,
        labels=getattr(options, "sample_labels", None),
        image_range=options.image_range,
        window_stride=options.window_stride,
        shapes=tuple(shapes.items()),
        non_finite=options.non_finite,
        count=count,
    )


def open_with_data(
    model: Model, request: DataRequest, wanted: int | None = None
) -> tuple[Model, Samples, SaidOfData]:
    """Open the data, and say what they were taken as; wanted: how many samples will be used.

    Returns the model with its sizes settled, the samples, and what was said.
    """
    model, samples = with_data(model, request)
    lines = told(samples, wanted)
    for line in lines:
        say(line)
    taken = (one.rpartition(", taken as ") for one in samples.taken)
    return (
        model,
        samples,
        SaidOfData(frozenset(lines), tuple((what, words) for what, _, words in taken)),
    )


def say_notes(notes: Iterable[str], said: SaidOfData) -> None:
    """Say what was done to the data, unless it was said before."""
    for note in notes:
        if note not in said.lines:
            say(note)


def needs_data(options: argparse.Namespace, **given: bool) -> None:
    """Refuse options that mean nothing on random data; given: whether each was typed."""
    if options.data is not None:
        return
    asked = [f"--{name.replace('_', '-')}" for name, typed in given.items() if typed]
    if asked:
        one = len(asked) == 1
        raise UsageError(
            f"{', '.join(asked)} need{'s' * one} --data PATH: without it the samples are random "
            f"(seed {SEED}), which {'it says' if one else 'they say'} nothing about"
        )


def _shape(text: str) -> tuple[str | None, Shape]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(part) for part in sizes.replace("x", ",").split(",") if part.strip())
    except ValueError:
        shape = ()
    if any(size < 1 for size in shape) or (not shape and sizes.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write NAME=1,24,24,3")
    return (name or None), shape
