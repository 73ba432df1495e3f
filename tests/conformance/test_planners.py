"""What is said of the planners is what the committed results hold, and they are current."""

from __future__ import annotations

import copy
import json

import pytest

from conformance.planners import measure as planners
from conformance.planners import page as planners_page
from conformance.planners.graphs import KINDS, WASTE, crowds, draw, hard_graphs
from conformance.planners.measure import LARGE, large, solve, sources
from conformance.planners.page import ENOUGH, MOST_SECONDS, RESULTS, good, page, page_path
from refinterp.arena.greedy import greedy
from refinterp.arena.judge import lower_bound
from refinterp.arena.optimal import optimal
from refinterp.arena.problem import Buffer, Problem


@pytest.fixture(scope="module")
def results():
    """The committed results."""
    return json.loads(RESULTS.read_text("utf-8"))


def test_the_results_are_of_the_present_planners(results):
    """The hash is that of the sources the figures speak of."""
    assert results["sources"] == sources(), "stale: run python -m conformance.planners.measure"


def test_the_page_is_generated(results):
    """The page is what the results give, to the letter."""
    assert page_path().read_text("utf-8") == page(results)


def test_every_row_holds_what_is_asked(results):
    """50 graphs within 2 % or proven, nine crowds within 5 %, in time; greedy in a second."""
    assert len(results["graphs"]) == 50
    assert len(results["crowds"]) == 9
    assert {row["buffers"] for row in results["crowds"]} == {2000}
    for group in ENOUGH:
        for row in results[group]:
            assert good(group, row)
            assert row["seconds"] <= results["time_limits"][group] + 1
            assert row["lower_bound_bytes"] <= row["optimal_bytes"] <= row["greedy_bytes"]
    assert all(row["greedy_bytes"] >= WASTE * row["live_bytes"] for row in results["graphs"])
    assert {row["buffers"] for row in results["large"]} == {LARGE}
    assert all(row["seconds"] < MOST_SECONDS for row in results["large"])
    assert len([row for row in results["crowds"] if "solver" in row]) >= 2


def test_rows_are_of_the_problems_they_name(results):
    """A kind and a seed give the problem again, whose bytes are those of the row."""
    drawn = {(k, s): p for k, s, p in (*hard_graphs(50), *crowds(9))}
    rows = {(r["kind"], r["seed"]): r for r in (*results["graphs"], *results["crowds"])}
    assert rows.keys() == drawn.keys()
    for key, row in rows.items():
        assert row["live_bytes"] == lower_bound(drawn[key])
        assert row["greedy_bytes"] == greedy(drawn[key]).extent


def test_a_row_that_misses_is_called_so(results):
    """Above its bound by too much it is bad, unless a solver does no better."""
    row = copy.deepcopy(results["crowds"][0])
    row |= {"proven": False, "optimal_bytes": int(1.06 * row["lower_bound_bytes"])}
    row.pop("solver", None)
    assert not good("crowds", row)
    assert good("crowds", {**row, "solver": {"bytes": row["optimal_bytes"]}})
    assert not good("crowds", {**row, "solver": {"bytes": row["optimal_bytes"] - 16}})
    assert not good("crowds", {**row, "solver": {"bytes": None}})
    assert "6.0" in page({**results, "crowds": [row]})


def test_every_kind_is_drawn():
    """All kinds have as many buffers as asked for, and are the same for the same seed."""
    for kind in KINDS:
        assert len(draw(kind, 7, 300).buffers) == 300
        assert draw(kind, 7) == draw(kind, 7)
        assert 40 <= len(draw(kind, 8).buffers) <= 120
    assert len(dict(large(50))) == len(KINDS) + 3


def test_the_command(tmp_path, monkeypatch):
    """A short run writes results and page; with --solver the solver's answers are added."""
    pytest.importorskip("ortools")
    monkeypatch.setattr(planners, "RESULTS", tmp_path / "planners.json")
    monkeypatch.setattr(planners_page, "RESULTS", tmp_path / "planners.json")
    monkeypatch.setattr(planners_page, "page_path", lambda: tmp_path / "planners.md")
    short = ["--graphs", "2", "--crowds", "2", "--crowd-size", "60", "--large", "50"]
    assert planners.main(short) == 0
    before = (tmp_path / "planners.md").read_text("utf-8")
    assert "2 planned optimally, with proof" in before
    assert "CP-SAT" not in before
    assert planners.main(["--solver", "--solved", "1", "--solver-seconds", "20"]) == 0
    rows = json.loads((tmp_path / "planners.json").read_text("utf-8"))["crowds"]
    asked = [row for row in rows if "solver" in row]
    assert [row["solver"]["bytes"] for row in asked] == [row["optimal_bytes"] for row in asked]
    assert len(asked) == 1
    assert "CP-SAT" in (tmp_path / "planners.md").read_text("utf-8")
    assert planners.main(short) == 0
    assert "CP-SAT" in (tmp_path / "planners.md").read_text("utf-8")


def test_the_solver_agrees():
    """On a small problem CP-SAT's optimum is ours; without time it has none."""
    pytest.importorskip("ortools")
    _, _, problem = next(iter(hard_graphs(1)))
    small = Problem(problem.buffers[:12])
    extent, bound = solve(small, 30)
    assert extent == bound == optimal(small).plan.extent
    assert solve(Problem((Buffer(16, 0, 1), Buffer(32, 1, 2))), 5) == (48, 48)
