"""What is said of distributions is what the committed results hold, and these are right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.planners import distributions as command
from conformance.planners import distributions_page
from conformance.planners.distributions_page import RESULTS, WRONG, page, page_path
from refinterp.tflm.distributions import DISTRIBUTIONS
from tests.corpus import corpus


@pytest.fixture(scope="module")
def results():
    """The committed results."""
    return json.loads(RESULTS.read_text("utf-8"))


def test_the_page_is_generated(results):
    """The page is what the results give, to the letter."""
    assert page_path().read_text("utf-8") == page(results)


def test_nothing_is_off(results):
    """Every figure is equal, every refusal shared, on all models that were measured."""
    facts = json.loads(command.FIGURES.read_text("utf-8"))
    assert results["models"] == len(facts["models"])
    assert not results["missing"]
    for name, row in results["counts"].items():
        assert row["equal"] + row["both_refuse"] == results["models"], name
        assert not row["off"] + row["only_it_refuses"] + row["only_we_refuse"]
    assert len(results["on_chips"]) == 8
    for row in results["on_chips"]:
        assert row["refinterp_bytes"] == row["arena_used_bytes"]


def test_every_distribution_is_told_of():
    """What each does wrong stands on the page."""
    assert set(WRONG) == {version.name for version in DISTRIBUTIONS}


def test_the_command_writes_what_is_committed(results, tmp_path, monkeypatch, capsys):
    """Run again on the corpus it finds the same but for the date."""
    folder = corpus()
    for module in (command, distributions_page):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "distributions.json")
        monkeypatch.setattr(module, "page_path", lambda: tmp_path / "page.md")
    assert command.main(["--corpus", str(folder)]) == 0
    again = json.loads((tmp_path / "distributions.json").read_text("utf-8"))
    assert again | {"date": results["date"]} == results
    assert (tmp_path / "page.md").exists()
    assert "0 figures or refusals differ" in capsys.readouterr().out


def test_a_corpus_that_is_none_is_a_usage_error(capsys):
    """A folder without models says so."""
    with pytest.raises(SystemExit) as exit_:
        command.main(["--corpus", str(Path(__file__).parent)])
    assert exit_.value.code == 2
    assert "no corpus of models" in capsys.readouterr().err
