from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.graph.build import GraphBuilder
from refinterp.report.memory_map import memory_map
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.words import columns, fit, kibibytes
from tests.arena.strategies import graphs

SVG = "{http://www.w3.org/2000/svg}"


def wasteful(name: str = "late") -> TensorPlan:
    """Plan a chain that greedy stacks higher than need be, with scratch, a state, an unused one."""
    g = GraphBuilder()
    x, a = g.input("x", (144,), "int8"), g.tensor("a", (96,), "int8")
    b, c = g.tensor("b", (96,), "int8"), g.tensor("c", (192,), "int8")
    y = g.tensor(name, (10,), "int8")
    g.tensor("unused", (4,), "int8")
    state = g.variable("state", (40,), "int8")
    for one, other in ((x, a), (a, b), (b, c)):
        g.operator("RELU", [one], [other])
    g.operator("SVDF", [c, state], [y])
    return plan_model(g.build(outputs=[y]), scratch=[Scratch(0, 3, 30)])


EXPECTED = """\
demo: greedy plan, 7 buffers, 5 scopes
head                384 B  (384 B)
lower bound         288 B  the plan takes 96 B (33.3 %) more
variables            48 B  kept between runs, outside the head

scope                  0                offset                384 B live bytes
  0 inputs             b░░░░░░░░░░░░░░░····························        144
  1 RELU               b░░░░░░░░░░░░░░░·················c░░░░░░░░░░        240
  2 RELU               ······················d▒▒▒▒▒▒▒▒▒▒c░░░░░░░░░░        192
▶ 3 RELU               e░░░░░░░░░░░░░░░░░░░░░d▒▒▒▒▒▒▒▒▒▒···········        288 ◀
  4 SVDF               e░░░░░░░░░░░░░░░░░░░░░g▓▓▓f░················        240
                                            lower bound ▲

A letter begins a buffer, named below; · is free; ▶ ◀ mark the peak.
Scope 0 sets the inputs; operator i runs at scope i + 1.

Peak at scope 3, operator 2 RELU: 288 B live
e        192     66.7 %  c
d         96     33.3 %  b
The head reaches 384 B for c, live at 1–2

       bytes     offset  scopes  kind        name
a         16          0  never   activation  unused
b        144          0  0–1     input       x
c         96        288  1–2     activation  a
d         96        192  2–3     activation  b
e        192          0  3–4     activation  c
f         16        224  4       output      late
g         32        192  4       scratch     SVDF scratch
          48        384  0–4     variable    state
"""


def test_the_map_reads_as_it_should() -> None:
    """Sums, a row for each operator, the peak and its owners, and a legend: the whole text."""
    assert memory_map(wasteful(), title="demo") == EXPECTED


@given(graphs(), st.integers(72, 120), st.none() | st.integers(1, 9), st.booleans())
def test_no_line_is_wider_than_asked(
    model: object, width: int, height: int | None, ascii_only: bool
) -> None:
    """Whatever the plan, every line keeps to the width, and the map to its height."""
    plan = plan_model(model)  # type: ignore[arg-type]
    text = memory_map(plan, title="m" * 90, width=width, height=height, ascii_only=ascii_only)
    assert max(map(columns, text.splitlines())) <= width
    rows = [line for line in text.splitlines() if re.match(r"[▶> ] +\d+([–-]\d+)? \w", line)]
    if height is not None:
        assert len(rows) <= height
    if ascii_only:
        assert text.isascii()


def test_colours_replace_shades_and_nothing_else() -> None:
    """Without its colour codes the coloured map is the plain one with blanks for shades."""
    plain = memory_map(wasteful())
    coloured = memory_map(wasteful(), color=True)
    assert "\x1b[30;48;5;" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == re.sub("[░▒▓█]", " ", plain)


def test_the_legend_can_be_cut_to_the_largest() -> None:
    """The largest buffers are listed; the others are counted, with their bytes."""
    text = memory_map(wasteful(), legend=2)
    assert "and 5 smaller, 256 B in all" in text


def test_rows_are_shared_when_there_are_too_many() -> None:
    """A row of several scopes says which, shows the fullest, and a line says so."""
    text = memory_map(wasteful(), height=2)
    assert re.search(r"^ +0–2 RELU +", text, re.M)
    assert re.search(r"^▶ +3–4 RELU +", text, re.M)
    assert "A row stands for up to 3 scopes" in text


def test_names_cannot_act() -> None:
    """Control characters do not reach the terminal, markup not the SVG."""
    plan = wasteful("\x1b[2J\n<script>&\"'")
    text = memory_map(plan, title="\x1b]0;x\x07")
    assert "\x1b" not in text
    assert "\x07" not in text
    svg = memory_map_svg(plan, title="<script>")
    assert "<script" not in svg
    assert any("<script>&\"'" in (t.text or "") for t in ElementTree.fromstring(svg).iter())


@given(graphs())
def test_the_svg_shows_every_living_buffer(model: object) -> None:
    """Well-formed, self-contained, and a box that says the whole story for each live buffer."""
    plan = plan_model(model)  # type: ignore[arg-type]
    svg = memory_map_svg(plan, title="m")
    root = ElementTree.fromstring(svg)
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    living = [buffer for buffer in plan.buffers if buffer.last_use >= 0]
    assert len(titles) == len(living)
    for buffer in living:
        assert any(
            f"{buffer.size:,} B at {buffer.offset:,} to" in title and buffer.name in title
            for title in titles
        )
    assert "href" not in svg
    assert "url(" not in svg


def test_nothing_to_plan_is_still_a_report() -> None:
    """A model without tensors or operators gives sums of zero, not an error."""
    plan = plan_model(GraphBuilder().build())
    assert "head                  0 B" in memory_map(plan)
    assert ElementTree.fromstring(memory_map_svg(plan)).tag == f"{SVG}svg"


def test_words_keep_to_their_columns() -> None:
    """Wide characters count two, names lose their middle, bytes are written in people's units."""
    assert fit("abcdefgh", 5) == "ab…gh"
    assert fit("漢字漢字", 5) == "漢…字"
    assert fit("ab", 4) == "ab  "
    assert [kibibytes(n) for n in (640, 55296, 1509949)] == ["640 B", "54.0 KiB", "1.44 MiB"]
