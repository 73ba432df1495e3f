"""Folding and tables: nothing is lost, lines keep to the width, numbers stay whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import columns, plural, shorten, some
from refinterp.report.wrap import wrapped

TEXTS = st.text(st.sampled_from("ab /;日é…\u0301-3"), max_size=300)


@given(TEXTS, st.integers(24, 100), st.none() | st.integers(0, 12))
def test_folding_keeps_every_letter_and_the_width(text, width, hang):
    """Whatever the text, its letters come out in order, and no line is wider than asked."""
    lines = list(wrapped(text, width, hang))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(columns(line) <= width for line in lines)


@given(st.lists(st.text("xyz", min_size=1, max_size=12), min_size=1, max_size=40))
def test_words_are_not_divided_where_they_fit(words):
    """A line ends between words."""
    lines = list(wrapped(" ".join(words), 30))
    assert [word for line in lines for word in line.split()] == words


def test_a_line_that_fits_stays_as_it_is_and_others_hang():
    """Columns set by spaces are kept; a continuation stands further in than its line."""
    assert list(wrapped("a   b\n  c", 20)) == ["a   b", "  c"]
    assert list(wrapped("  one two three four five six", 24)) == [
        "  one two three four",
        "    five six",
    ]


def test_a_long_name_is_divided_at_a_joint():
    """After a slash or a semicolon of its second half."""
    lines = list(wrapped("model/block/first;model/block/second", 24))
    assert lines == ["model/block/first;model/", "  block/second"]


@given(TEXTS, st.integers(2, 40))
def test_shortening_keeps_the_end(name, width):
    """As much of the end as there is room for, in columns."""
    short = shorten(name, width)
    assert columns(short) <= width
    assert name.endswith(short.removeprefix("…")) or short == name


@pytest.mark.parametrize("width", ["60", "80", "100"])
def test_numbers_in_tables_are_never_cut(capsys, monkeypatch, width):
    """Names lose their beginning, words fold; what is on the right stays whole and in its row."""
    monkeypatch.setenv("COLUMNS", width)
    rows = [
        (1234567, "BIDIRECTIONAL_SEQUENCE_LSTM", "a/very/long/name/of/a/tensor" * 3, 987654321)
    ] * 2
    print_table(
        [
            Column("op", "right"),
            Column("operator"),
            Column("layer", cut=True),
            Column("bytes", "right"),
        ],
        rows,
    )
    out = capsys.readouterr().out
    assert out.count("1234567") == out.count("987654321") == 2
    assert "".join(out.split()).count("BIDIRECTIONAL") == 2
    assert all(columns(line) <= int(width) for line in out.splitlines())
    assert all(line == line.rstrip() for line in out.splitlines())


def test_the_answer_stands_in_two_columns(capsys, monkeypatch):
    """Labels, and beside each its text, folded below itself."""
    monkeypatch.setenv("COLUMNS", "40")
    print_answer([("verdict", "word " * 10), ("remedy", "do\nthis")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("verdict  word word")
    assert lines[1].startswith("         word")
    assert lines[-1] == "remedy   do this"
    print_text("x" * 60, whole=True)
    assert capsys.readouterr().out == "x" * 60 + "\n"


def test_counting_things():
    """Items are told whole; one sample, two samples."""
    assert some([1, 20, 300], 3) == "1, 20, 300"
    assert some([1, 20, 300, 4000], 2) == "1, 20 and 2 more"
    assert (plural(1, "sample"), plural(2000, "sample")) == ("1 sample", "2,000 samples")


def test_the_name_of_an_operator_is_divided_last(capsys, monkeypatch):
    """Shapes fold and tensors' names lose more of their beginning before it does."""
    monkeypatch.setenv("COLUMNS", "80")
    row = (7, "DEPTHWISE_CONV_2D", "int8", "RODTCE", "1x112x112x32 1x112x112x32", "1x112x112x32")
    headings = [Column("op", "right"), Column("operator", whole=True), Column("kernel", fold=True),
                Column("runs", "right"), Column("in", fold=True), Column("out", fold=True),
                Column("output", cut=True)]  # fmt: skip
    print_table(headings, [(*row, "a/very/long/name/of/a/tensor" * 3)])
    out = capsys.readouterr().out
    assert "DEPTHWISE_CONV_2D" in out
    assert all(columns(line) <= 80 for line in out.splitlines())
