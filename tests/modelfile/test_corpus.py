"""Every model of the corpus, read by us and by the classes of the `tflite` package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from refinterp.graph.layout import layout
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from tests.corpus import corpus
from tests.modelfile.oracle import differences, disagreements, from_model, through_classes

tflite = pytest.importorskip("tflite")


def paths() -> list[Path]:
    found = [
        path
        for folder in ("models", "oneop", "random")
        for path in sorted((corpus() / folder).rglob("*.tflite"))
    ]
    assert len(found) > 100
    return found


def models() -> Iterator[tuple[Path, Model]]:
    for path in paths():
        yield path, read_model(path)


def test_every_field_agrees_with_the_tflite_package() -> None:
    """All tables that package knows, options of every operator included, say the same."""
    for path, model in models():
        theirs = through_classes(tflite, path.read_bytes())
        assert list(disagreements(theirs, from_model(model))) == [], path.name


def test_what_is_read_and_written_is_read_as_the_same_model() -> None:
    """Read, write, read is the identity, and the same model gives the same bytes."""
    for path, model in models():
        written = write_model(model)
        again = read_model(written)
        assert list(differences(model, again)) == [], path.name
        assert write_model(again) == written, path.name


def test_options_are_of_the_table_the_layout_names() -> None:
    """Wherever a file gives an operator options, they are of the table stated for it."""
    seen = set()
    for path, model in models():
        for subgraph in model.subgraphs:
            for operator in subgraph.operators:
                if operator.options_type is not None:
                    assert layout().options[operator.name] == operator.options_type, path.name
                    seen.add(operator.options_type)
    assert len(seen) > 25
