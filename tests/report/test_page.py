"""The debug and arena pages, read as HTML and opened in a browser."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.arena.tensor_plan import plan_model
from refinterp.cli.main import main
from refinterp.debug.compare import debug
from refinterp.debug.reference.weights import all_weights
from refinterp.debug.result import Cause, DebugReport
from refinterp.debug.study.better_ranges import TensorRanges, better_ranges
from refinterp.debug.study.report import SensitivityReport
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.finding import Finding
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.report.axis import axis_of
from refinterp.report.html import Html, json_element, raw, tag, text
from refinterp.report.lint_answer import Linted
from refinterp.report.machine import document
from refinterp.report.page_arena import Arena, arena_page
from refinterp.report.page_debug import debug_page
from refinterp.report.page_lint import lint_page
from refinterp.report.page_sensitivity import sensitivity_page
from refinterp.samples.samples import Samples
from refinterp.tflm.ledger import measure
from refinterp.tflm.targets import profile
from refinterp.tflm.what_if import other_profiles, smaller
from tests.corpus import ROOT
from tests.report.browser import browser, complaints, overflowing, visit

DATA = ROOT / "refinterp" / "data"
INT8 = str(DATA / "digits_int8.tflite")
DEBUG = ["debug", INT8, "--data", str(DATA / "digits_samples.npz"), "--limit", "4"]
EVIL = "<script>window.hacked = 1</script>"
NAMES = (
    EVIL + "x" * 10_000 + EVIL,
    "</script><img src=x onerror='window.hacked = 1'>",
    '" onmouseover="window.hacked = 1" x="',
    "tab\there, newline\nthere, escape \x1b[2J, null \x00, overridden \u202edne",
    "half a pair \ud800, bytes \udcff\udcfe, ]]> <!-- <script> &amp; &#60;",
    "",
)
WORDS = "names <b>in</b> evidence, too: </script>"


class Reader(HTMLParser):
    """What a page is made of: elements, attributes, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.content: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        (self.scripts if self.elements[-1:] == ["script"] else self.content).append(data)


def hostile() -> Model:
    """A chain whose tensors bear names that want to be more than text."""
    g = GraphBuilder()
    at = g.input(NAMES[0], (1, 6), "int8", scale=0.5)
    for name in NAMES:
        after = g.tensor(name, (1, 6), "int8", scale=0.25)
        g.operator("RELU", [at], [after])
        at = after
    return g.build(outputs=[at])


def report_of(model: Model, twin: Model | None = None) -> DebugReport:
    """Debug a model on a few samples, and find a cause of each kind in its worst layer."""
    shape = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape
    data = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    report = debug(model, Samples(4, lambda i: (data[i],), "test"), twin)
    causes = (
        Cause("range_too_wide", WORDS, "narrow it"),
        Cause("dead_channels", "follows", "as above", implied_by="range_too_wide"),
    )
    first, *others = report.layers
    return replace(report, layers=(replace(first, causes=causes), *others))


def _linted() -> list[Linted]:
    """Findings about names that want to be more than text, and a file that is refused."""
    found = [
        Finding("bad_scale", severity, at, at, at, f"{WORDS} {name}", "quantize again")
        for severity in ("error", "warning", "note")
        for at, name in enumerate((*NAMES, *NAMES))
    ]  # fmt: skip
    return [Linted(EVIL, tuple(found), 6, ("all",)), Linted(EVIL, error=ModelError(EVIL))]


def _studied() -> tuple[SensitivityReport, tuple[TensorRanges, ...]]:
    """A study of the digits model on a few samples, with a search, and better ranges."""
    data = np.random.default_rng(0).random((4, 1, 8, 8, 1)).astype(np.float32)
    model = read_model(DATA / "digits_int8.tflite")
    study = Variants(model, Samples(4, lambda i: (data[i],), "test"))
    report = sensitivity(study, 45.0)
    layers = [replace(one, name=name) for one, name in zip(report.layers, NAMES, strict=False)]
    layers[0] = replace(layers[0], unsupported=WORDS)
    rest = report.layers[len(layers) :]
    return replace(report, layers=(*layers, *rest)), better_ranges(study)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of a real pair, of a hostile model, and of arenas, written to files."""
    folder = tmp_path_factory.mktemp("pages")
    model, twin = (read_model(DATA / f"digits_{kind}.tflite") for kind in ("int8", "float"))
    evil = hostile()
    ledger = measure(model, profile())
    what_ifs = [*other_profiles(model, ledger), *smaller(model, ledger)]
    arenas = [
        Arena("digits.tflite", plan_model(model), ledger, what_ifs),
        Arena(EVIL, plan_model(evil), measure(evil, profile())),
    ]
    weights = all_weights(model, range(len(model.subgraphs[0].operators)))
    written = {
        "debug": debug_page(
            report_of(model, twin), model=model.source, float_model=twin.source,
            plan=plan_model(model), weights=weights,
        ),
        "hostile": debug_page(report_of(evil), model=EVIL, plan=plan_model(evil)),
        "arena": arena_page(
            arenas, document(results=[]), summary=[("verdict", EVIL)], refused=[(EVIL, WORDS)]
        ),
        "lint": lint_page(_linted(), document(results=[])),
        "sensitivity": sensitivity_page(*_studied(), document(), EVIL),
    }  # fmt: skip
    for name, page in written.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


@pytest.fixture(scope="module")
def window() -> Any:
    """One browser for all tests of this file."""
    with browser() as opened:
        yield opened


def shown(window: Any, selector: str) -> list[Any]:
    return [e for e in window.find_elements("css selector", selector) if e.is_displayed()]


def column(window: Any, number: int) -> list[str]:
    """The keys of a column of the layers' table, from top to bottom."""
    return list(
        window.execute_script(
            "return [...document.querySelectorAll('#layers > .entry')]"
            ".map((e) => e.firstElementChild.children[arguments[0]].dataset.key)",
            number,
        )
    )


def test_tag_escapes_all_but_html():
    """Children and attributes are text unless they are Html; attributes lose underscores."""
    made = tag("a", "<b>&", tag("i", 3), None, href='"x"', class_="y", data_tip=None, hidden=True)
    assert made == '<a href="&quot;x&quot;" class="y" hidden>&lt;b&gt;&amp;<i>3</i></a>'
    assert tag("meta", name="n") == '<meta name="n">'
    assert text(Html("<b>")) == "<b>"


@given(st.text() | st.sampled_from(NAMES))
def test_any_text_is_shown_as_text(value):
    """Whatever a name holds makes no element or attribute, and can be written as UTF-8."""
    page = tag("p", value, title=value)
    assert page.encode("utf-8")
    read = Reader(page)
    assert read.elements == ["p"]
    assert [key for key, _ in read.attributes] == ["title"]


@given(st.text() | st.sampled_from(NAMES))
def test_data_cannot_end_its_element(value):
    """JSON in a page holds no `<` at all, and reads back as what it was, surrogates escaped."""
    read = Reader(json_element({"name": value}, id="d"))
    assert read.elements == ["script"]
    content = "".join(read.scripts)
    assert "<" not in content
    expected = value.encode("utf-8", "backslashreplace").decode("utf-8")
    assert json.loads(content) == {"name": expected}


@pytest.mark.parametrize("content", ["a </SCRIPT> b", "<!-- x"])
def test_own_scripts_cannot_end_their_element(content):
    """What would end a script is refused, not written."""
    with pytest.raises(ValueError, match="would end it"):
        raw("script", content)


@given(st.lists(st.floats(-1e30, 1e30, allow_subnormal=False), min_size=1, max_size=30))
def test_axis_covers_its_values(values):
    """Every mark lies in the plot in order; on an axis from zero, every value does at its place."""
    axis = axis_of(values)
    assert 2 <= len(axis.marks) <= 70
    places = [axis.y(mark) for mark in axis.marks]
    assert places == sorted(places, reverse=True)
    assert places[0] == 100
    assert places[-1] == pytest.approx(0, abs=1e-9)
    ordered = [axis.y(value) for value in sorted(values)]
    assert axis.places(np.array(sorted(values))) == pytest.approx(ordered, abs=0.051)
    assert ordered == sorted(ordered, reverse=True)
    assert all(0 <= place <= 100 for place in ordered)
    if not axis.logarithmic:
        slack = 1e-8 * (axis.marks[-1] - axis.marks[0])
        assert axis.marks[0] <= min(0, *values) + slack
        assert axis.marks[-1] >= max(values) - slack


def test_axis_by_factors_where_one_value_dwarfs_the_others():
    """One layer a hundred times worse does not flatten the others to nothing."""
    axis = axis_of([0.2, 0.3, 0.25, 100.0])
    assert axis.logarithmic
    assert list(axis.marks) == [0.1, 1.0, 10.0, 100.0]
    assert axis.y(0.0) == axis.base == 100
    assert not axis_of([0.2, 0.3, 0.25, 1.0]).logarithmic


@pytest.mark.parametrize("name", ["debug", "hostile", "arena", "lint", "sensitivity"])
def test_page_stands_by_itself(pages, name):
    """Nothing is loaded, links lead into the page, one script runs, and its policy says so."""
    page = pages[name].read_text("utf-8")
    read = Reader(page)
    assert not set(read.elements) & {"img", "iframe", "object", "embed", "link", "base", "form"}
    assert read.elements.count("script") == 2
    given_ids = {value for key, value in read.attributes if key == "id"}
    for key, value in read.attributes:
        assert key != "src"
        assert not key.startswith("on")
        if key == "href":
            assert value is not None
            assert value[0] == "#"
            assert value[1:] in given_ids
    policies = [value for key, value in read.attributes if key == "content" and value]
    assert any(policy.startswith("default-src 'none';") for policy in policies)
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize(
    "words",
    [
        DEBUG, ["arena", INT8], ["arena", INT8, INT8], ["lint", INT8], ["lint", INT8, INT8],
        ["sensitivity", *DEBUG[1:], "--recover", "40"],
    ],
)  # fmt: skip
def test_page_carries_the_document(words, tmp_path, capsys):
    """The figures in the page are the command's own document; what cannot be written is told."""
    target = tmp_path / "page.html"
    assert main([*words, "--json", "--html", str(target)]) == 0
    printed = json.loads(capsys.readouterr().out)
    carried = json.loads(Reader(target.read_text("utf-8")).scripts[0])
    assert carried == printed
    page = target.read_text("utf-8")
    assert text(printed["summary"]["verdict"]) in page.partition("<section")[0]
    assert main([*words, "--html", str(tmp_path / "no" / "where.html")]) == 2
    assert "where.html: cannot be written" in capsys.readouterr().err


def test_layers_that_share_a_cause_share_its_remedy():
    """A remedy is told once for all layers it is for, each with its own evidence."""
    report = report_of(read_model(INT8))
    layers = tuple(
        replace(layer, causes=(Cause("range_too_wide", f"evidence {i}", "the remedy"),))
        for i, layer in enumerate(report.layers)
    )
    page = debug_page(replace(report, layers=layers))
    why = page[page.index("Why</h2>") : page.index("Error through the network")]
    assert why.count("the remedy") == 1
    assert f"{len(layers)} layers" in why
    assert all(f"evidence {i}<" in why for i in range(len(layers)))


def test_figures_that_are_no_numbers_are_drawn():
    """nan, infinities and layers without a partner neither break the charts nor hide the row."""
    report = report_of(read_model(DATA / "digits_int8.tflite"))
    layers = list(report.layers)
    for i, value in enumerate((math.nan, math.inf, -math.inf)):
        local = replace(layers[i].local, rmse_over_scale=value, sqnr_db=value)
        layers[i] = replace(layers[i], local=local, accumulated=local)
    layers[3] = replace(layers[3], accumulated=None)
    channels, reals = layers[0].local_channels, layers[0].reals
    assert channels is not None
    assert reals is not None
    odd = np.resize([math.nan, math.inf, 1.0], channels.rmse_over_scale.shape)
    layers[0] = replace(
        layers[0],
        local_channels=replace(channels, rmse_over_scale=odd),
        reals=replace(reals, channel_lowest=-odd, channel_highest=odd),
    )
    page = debug_page(replace(report, layers=tuple(layers)))
    assert page.count('class="entry') == len(layers)
    for attribute, value in Reader(page).attributes:
        if attribute in ("d", "x", "y", "width", "height", "style"):
            assert "nan" not in str(value), (attribute, value)
            assert "inf" not in str(value), (attribute, value)


def test_an_interrupted_measurement_is_told():
    """The page says of how many of the samples its figures are."""
    report = report_of(read_model(INT8))
    stopped = replace(report, asked=report.samples + 1000)
    said = f"Interrupted: {report.samples:,} of {report.samples + 1000:,} samples"
    assert said in "".join(Reader(debug_page(stopped)).content)
    assert "Interrupted" not in "".join(Reader(debug_page(report)).content)


def test_nothing_to_show():
    """A report without layers or outputs is still a page."""
    report = DebugReport(0, "litert-reference", "shadow", (), (), (), ())
    read = Reader(debug_page(report))
    assert "0 samples" in "".join(read.content)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["debug", "hostile", "arena", "lint", "sensitivity"])
def test_page_fits_and_says_nothing_to_the_console(pages, window, name, width):
    """With every detail open nothing is wider than its place, and nothing is loaded."""
    visit(window, pages[name], width)
    window.execute_script(
        "document.querySelectorAll('.entry').forEach(e => e.classList.add('open'))"
    )
    window.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert overflowing(window) == []
    assert complaints(window) == []
    assert window.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert window.execute_script("return window.hacked === undefined")


def test_headings_sort(pages, window):
    """A click sorts, a second turns round, a third restores the ranking; arrows say which."""
    visit(window, pages["debug"], 1280)
    ranked = column(window, 0)
    order = sorted(map(int, ranked))
    button = shown(window, "#layers .head button")[0]
    heading = button.find_element("xpath", "..")
    button.click()
    assert list(map(int, column(window, 0))) == order
    assert heading.get_attribute("aria-sort") == "ascending"
    button.click()
    assert list(map(int, column(window, 0))) == order[::-1]
    button.click()
    assert column(window, 0) == ranked
    assert heading.get_attribute("aria-sort") is None
    for button in shown(window, "#layers .head button"):
        if "RMSE" in button.text:
            button.click()
    errors = list(map(float, column(window, 3)))
    assert errors == sorted(errors, reverse=True)
    assert complaints(window) == []


def test_what_has_no_value_is_sorted_last(pages, window):
    """Layers without a figure are last in either direction; infinities are ordered as numbers."""
    report = report_of(read_model(DATA / "digits_int8.tflite"))
    layers = list(report.layers)
    for i, value in enumerate((math.nan, math.inf, -math.inf)):
        layers[i] = replace(layers[i], local=replace(layers[i].local, sqnr_db=value))
    target = pages["debug"].with_name("infinite.html")
    target.write_text(debug_page(replace(report, layers=tuple(layers))), encoding="utf-8")
    visit(window, target, 1280)
    button = next(b for b in shown(window, "#layers .head button") if "SQNR" in b.text)
    button.click()
    up = column(window, 4)
    button.click()
    down = column(window, 4)
    assert (up[0], up[-2], up[-1]) == ("-Infinity", "Infinity", "")
    assert (down[0], down[-2], down[-1]) == ("Infinity", "-Infinity", "")


def test_click_on_a_layer_shows_its_detail(pages, window):
    """Rows unfold and fold; a bar of the chart and a finding lead to the layer."""
    visit(window, pages["debug"], 1280)
    assert shown(window, ".detail") == []
    row = shown(window, "#layers > .entry > .cells")[0]
    row.click()
    (detail,) = shown(window, ".detail")
    assert WORDS in detail.text
    assert "follows from range_too_wide" in detail.text
    for heading in ("Error", "Where the values lie", "Activations by channel"):
        assert heading in detail.text
    row.click()
    assert shown(window, ".detail") == []
    link = shown(window, ".findings a")[0]
    target = link.get_attribute("href").rpartition("#")[2]
    link.click()
    assert [e.get_attribute("id") for e in shown(window, ".detail")] == [target]
    bar = window.find_elements("css selector", ".plot a")[1]
    click = "new MouseEvent('click', {bubbles: true, cancelable: true})"
    window.execute_script(f"arguments[0].dispatchEvent({click})", bar)
    assert len(shown(window, ".detail")) == 2
    assert complaints(window) == []


def test_filter(pages, window):
    """Only rows with all words stay."""
    visit(window, pages["debug"], 400)
    (box,) = shown(window, "#layers ~ .finds, .finds")
    box.send_keys("conv_2d depthwise")
    rows = shown(window, "#layers > .entry")
    assert len(rows) == 3
    assert all("DEPTHWISE_CONV_2D" in row.text for row in rows)


def test_names_are_text_in_the_browser(pages, window):
    """A name of tags and 10,000 characters is read as written; control characters as escapes."""
    visit(window, pages["hostile"], 400)
    for row in shown(window, "#layers > .entry > .cells"):
        row.click()
    seen = window.execute_script("return document.body.innerText")
    assert seen.count(EVIL) >= 2
    assert NAMES[1] in seen
    assert NAMES[2] in seen
    assert "newline\\nthere, escape \\x1b[2J, null \\x00, overridden \\x202edne" in seen
    assert "half a pair \\xd800, bytes \\xdcff\\xdcfe, ]]> <!-- <script> &amp; &#60;" in seen
    assert WORDS in seen
    assert window.execute_script("return window.hacked === undefined")


@pytest.mark.parametrize("name", ["hostile", "arena"])
def test_a_long_name_does_not_push_the_page_apart(pages, window, name):
    """Where words hold a name of 10,000 characters, they scroll in their place."""
    visit(window, pages[name], 400)
    heights = window.execute_script(
        "return [...document.querySelectorAll('p, .name, .tile')].map(e => e.offsetHeight)"
    )
    assert max(heights) < 260
    assert window.execute_script("return document.documentElement.scrollHeight") < 8000


def test_without_scripts(pages, window):
    """With scripts off the page shows the same, and a link to a layer still unfolds it."""
    exceptions = pytest.importorskip("selenium.common.exceptions")

    def boxes(fragment: str = "") -> list[str]:
        window.get("about:blank")
        window.get(pages["debug"].as_uri() + fragment)
        root = window.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
        found = window.execute_cdp_cmd(
            "DOM.querySelectorAll", {"nodeId": root, "selector": ".detail, #layers, .panels svg"}
        )["nodeIds"]
        seen = []
        for node in found:
            attributes = window.execute_cdp_cmd("DOM.getAttributes", {"nodeId": node})["attributes"]
            named = dict(zip(attributes[::2], attributes[1::2], strict=True))
            with suppress(exceptions.WebDriverException):  # it has no box: it is not shown
                window.execute_cdp_cmd("DOM.getBoxModel", {"nodeId": node})
                seen.append(named.get("id", "chart"))
        return seen

    window.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        assert boxes() == ["chart"] * 3 + ["layers"]
        assert boxes("#layer-2-20") == ["chart"] * 3 + ["layers", "layer-2-20"]
    finally:
        window.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
