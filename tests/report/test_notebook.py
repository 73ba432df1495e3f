"""What a notebook shows of models, plans and reports."""

from __future__ import annotations

import pytest

from refinterp.arena.tensor_plan import plan_model
from refinterp.report.notebook import model_html, report_html
from tests.report.test_page import EVIL, NAMES, Reader, hostile, report_of


@pytest.fixture
def shell():
    """An IPython shell with the extension loaded."""
    interactive = pytest.importorskip("IPython.core.interactiveshell", reason="no IPython")
    shell = interactive.InteractiveShell()
    shell.extension_manager.load_extension("refinterp")
    yield shell
    shell.history_manager.end_session()


def test_extension_registers_and_takes_back(shell):
    """`%load_ext refinterp` gives all three a picture of their own, unloading takes it back."""
    model = hostile()
    things = [model, plan_model(model), report_of(model)]
    formats = [shell.display_formatter.format(thing)[0] for thing in things]
    starts = [shown["text/html"][:8] for shown in formats]
    assert starts == ["<div><p>", "<svg xml", "<iframe "]
    shell.extension_manager.unload_extension("refinterp")
    assert all("text/html" not in shell.display_formatter.format(t)[0] for t in things)


def test_names_are_text_in_a_model():
    """Names make no element, and long ones are cut."""
    read = Reader(model_html(hostile()))
    assert not set(read.elements) & {"script", "img"}
    assert EVIL in "".join(read.content)
    assert len(model_html(hostile())) < 8000


def test_a_report_stays_in_its_frame():
    """The page is the value of one attribute of a frame that is not of the notebook's origin."""
    read = Reader(report_html(report_of(hostile())))
    assert read.elements == ["iframe"]
    attributes = dict(read.attributes)
    assert "allow-same-origin" not in str(attributes["sandbox"])
    inner = Reader(str(attributes["srcdoc"]))
    assert inner.elements.count("script") == 2
    assert NAMES[1] in "".join(inner.content)
