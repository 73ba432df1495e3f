"""The client against a fake runtime: order, deaths, time limits, and nothing lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from refinterp.errors import StateError, UnsupportedError
from refinterp.runtimes import Died, Outcome, Ran, Refused, Runtime, RuntimeCase, open_runtime
from tests.runtimes import fake_worker

COMMAND = [sys.executable, fake_worker.__file__]


@pytest.fixture
def fake() -> Iterator[Runtime]:
    with open_runtime("runtime:fake", timeout=20, command=COMMAND) as runtime:
        yield runtime


def case(model: str, value: int = 0, size: int = 1, *, preserve: bool = False) -> RuntimeCase:
    return RuntimeCase(
        model.encode(), [[np.full(size, value, np.int32)]], f"case {value}", preserve
    )


def values(outcomes: list[Outcome]) -> list[int | str]:
    return [
        int(outcome.outputs[0][0][0]) if isinstance(outcome, Ran) else type(outcome).__name__
        for outcome in outcomes
    ]


def test_outcomes_come_in_order(fake: Runtime) -> None:
    """More cases than are ever under way at once come back one for one, in order."""
    outcomes = list(fake.run_many(case("echo", number) for number in range(500)))
    assert values(outcomes) == list(range(500))
    assert fake.version == "fake 1"
    assert fake.deaths == []


def test_large_arrays_do_not_block(fake: Runtime) -> None:
    """Cases far larger than a pipe's buffer go out while their answers come back."""
    outcomes = list(fake.run_many(case("echo", number, 500_000) for number in range(12)))
    assert values(outcomes) == list(range(12))
    assert all(outcome.outputs[0][0].size == 500_000 for outcome in outcomes)  # type: ignore[union-attr]


def test_death_costs_one_case(fake: Runtime) -> None:
    """The case a process dies on is reported and counted; all others run."""
    models = ["echo", "echo", "abort", "echo", "exit 3", "exit 4", "echo"]
    outcomes = list(fake.run_many(case(model, n) for n, model in enumerate(models)))
    assert values(outcomes) == [0, 1, "Died", 3, "Died", "Died", 6]
    assert outcomes[2] == Died("signal 6 (SIGABRT)", "about to abort\n")
    assert [outcome.reason for outcome in outcomes[4:6]] == ["exit code 3", "exit code 4"]  # type: ignore[union-attr]
    assert [death.label for death in fake.deaths] == ["case 2", "case 4", "case 5"]
    assert [death.cases_before for death in fake.deaths] == [2, 1, 0]
    assert all(death.reproduced for death in fake.deaths)


def test_innocent_victim_is_tried_again(fake: Runtime) -> None:
    """A death that an earlier case caused is counted, and the case it fell on still runs."""
    models = ["echo", "poison", "echo", "echo"]
    outcomes = list(fake.run_many(case(model, n) for n, model in enumerate(models)))
    assert values(outcomes) == [0, 1, 2, 3]
    (death,) = fake.deaths
    assert (death.label, death.cases_before, death.reproduced) == ("case 2", 2, False)


def test_time_limit_counts_as_death() -> None:
    """A case that takes too long is ended, even with requests stuck in its pipe behind it."""
    with open_runtime("runtime:fake", timeout=1.0, command=COMMAND) as runtime:
        cases = [case("echo"), case("sleep 60", 1), *(case("echo", n, 300_000) for n in (2, 3))]
        outcomes = list(runtime.run_many(cases))
        assert values(outcomes) == [0, "Died", 2, 3]
        assert [(d.label, d.reason) for d in runtime.deaths] == [("case 1", "timeout after 1 s")]


def test_refusal_carries_what_was_printed(fake: Runtime) -> None:
    """A refusal has the exception and only what this case printed; the process lives on."""
    first, refused, after = fake.run_many([case("print"), case("refuse", 1), case("echo", 2)])
    assert refused == Refused("RuntimeError: no", "the cause\n")
    assert str(refused) == "RuntimeError: no | the cause"
    assert values([first, after]) == [0, 2]
    assert fake.deaths == []


def test_retired_process_is_replaced_without_loss(fake: Runtime) -> None:
    """A process that asks to be replaced is no death, and the cases sent ahead run in the next."""
    models = ["echo", "retire", "echo", "echo"]
    outcomes = list(fake.run_many(case(m, n, preserve=True) for n, m in enumerate(models)))
    assert values(outcomes) == [0, 1, 2, 3]
    pids = [next(iter(o.tensors[0])) for o in outcomes if isinstance(o, Ran)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert fake.deaths == []


def test_one_batch_at_a_time(fake: Runtime) -> None:
    """Starting a run inside another is refused; dropping the first makes way for the next."""
    outcomes = fake.run_many(case("echo", number) for number in range(100))
    next(outcomes)
    with pytest.raises(StateError, match="run_many"):
        fake.run(b"echo", [[np.zeros(1)]])
    outcomes.close()  # type: ignore[attr-defined]
    assert values([fake.run(b"echo", [[np.full(1, 7)]])]) == [7]
    assert fake.deaths == []


def test_closed_runtime_starts_again(fake: Runtime) -> None:
    """close() ends the process, and a later case has another."""
    before = fake.run(b"echo", [[np.zeros(1)]], preserve=True)
    fake.close()
    after = fake.run(b"echo", [[np.zeros(1)]], preserve=True)
    assert isinstance(before, Ran)
    assert isinstance(after, Ran)
    assert before.tensors[0].keys() != after.tensors[0].keys()


def test_worker_that_does_not_start() -> None:
    """A worker that ends before it is ready says why."""
    with pytest.raises(UnsupportedError, match=r"exit code 1.*cannot import"):
        open_runtime("runtime:fake", command=[*COMMAND, "broken"])
