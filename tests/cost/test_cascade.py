"""A cascade: counted as running both models counts it, and what is refused."""

from __future__ import annotations

import json
import math

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.cost.cascade import Decided, best, cheapest, held_out, needed, wilson
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from refinterp.runtimes import open_runtime, unavailable
from tests.corpus import ROOT
from tests.cost.cascade_oracle import by_force
from tests.samples.models import relu, scores

DATA = ROOT / "refinterp" / "data"
SCHEMA = json.loads((ROOT / "schema" / "cascade.schema.json").read_text("utf-8"))
DIGITS = str(DATA / "digits_samples.npz")
OUTLIER, GOOD = str(DATA / "digits_outlier_int8.tflite"), str(DATA / "digits_int8.tflite")
PAIRS = {
    "margin": ("digits_outlier_int8", "digits_int8", "digits_samples", "image"),
    "top": ("digits_outlier_int8", "digits_float", "digits_samples", "image"),
    "entropy": ("shapes_int8", "shapes_float", "shapes_samples", None),
}


def document(capsys, *words, code=0):
    assert main(["cascade", *words, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize("kind", list(PAIRS))
def test_as_a_run_of_both_models_by_force(kind, capsys):
    """At 20 thresholds: as many samples for the big model, and the same accuracy, as by LiteRT."""
    if reason := unavailable("runtime:litert-reference"):
        pytest.skip(reason)
    small, big, data, name = PAIRS[kind]
    paths = [str(DATA / f"{one}.tflite") for one in (small, big)]
    found = document(capsys, *paths, "--data", str(DATA / f"{data}.npz"), "--confidence", kind)
    with np.load(DATA / f"{data}.npz") as archive:
        labels = archive["labels"].tolist()
        samples = list(archive[name or next(n for n in archive.files if n != "labels")])
    levels = [t["threshold"] for t in found["thresholds"] if t["threshold"] is not None]
    low, high = min(levels), max(levels)
    tried = np.linspace(low - 0.01, high + 0.01, 20).tolist()
    models = [(DATA / f"{one}.tflite").read_bytes() for one in (small, big)]
    seen = set()
    with open_runtime("runtime:litert-reference") as runtime:
        for threshold in tried:
            to_big, accuracy = by_force(runtime, *models, samples, labels, kind, threshold)
            point = next(
                t for t in found["thresholds"]
                if t["threshold"] is None or t["threshold"] >= threshold - 1e-12
            )  # fmt: skip
            assert (point["to_big"], point["accuracy"]) == (to_big, float(accuracy))
            seen.add(to_big)
    assert {0, len(samples)} <= seen
    assert len(seen) > 5


def dense(dtype: str, classes: int, seed: int) -> object:
    """A dense layer on four inputs, then SOFTMAX, or LOGISTIC where there is one score."""
    rng = np.random.default_rng(seed)
    zero = {"uint8": 128}.get(dtype, 0)
    more = {} if dtype == "float32" else {"scale": 0.05, "zero_point": zero}
    g = GraphBuilder()
    x = g.input("x", (1, 4), dtype, **more)
    if dtype == "float32":
        w = g.constant("w", rng.normal(0, 1, (classes, 4)).astype(np.float32))
        b = g.constant("b", np.zeros(classes, np.float32))
    else:
        codes = rng.integers(-120, 120, (classes, 4)) + zero
        w = g.constant("w", codes.astype(dtype), scale=0.02, zero_point=zero)
        b = g.constant("b", np.zeros(classes, np.int32), scale=0.001)
    y = g.tensor("y", (1, classes), dtype, **({**more, "scale": 0.1} if more else {}))
    last = {"scale": 1 / 256, "zero_point": zero - 128} if more else {}
    z = g.tensor("z", (1, classes), dtype, **last)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    one = classes == 1
    g.operator("LOGISTIC" if one else "SOFTMAX", [y], [z], {} if one else {"beta": 1.0})
    return g.build(outputs=[z])


@pytest.mark.parametrize("kind", ["margin", "top", "entropy"])
@pytest.mark.parametrize(
    ("small", "big"),
    [(("uint8", 3), ("float32", 3)), (("float32", 3), ("uint8", 3)), (("int8", 1), ("int8", 2)),
     (("uint8", 1), ("float32", 1)), (("int8", 2), ("uint8", 1))],
    ids=lambda one: "-".join(map(str, one)),
)  # fmt: skip
def test_other_types_by_force(small, big, kind, tmp_path, capsys):
    """Types mixed, one probability for two classes, and ties: every sample is there twice."""
    if reason := unavailable("runtime:litert-reference"):
        pytest.skip(reason)
    paths = [tmp_path / "small.tflite", tmp_path / "big.tflite"]
    for seed, (path, words) in enumerate(zip(paths, (small, big), strict=True)):
        save_model(dense(*words, seed), path)
    rng = np.random.default_rng(5)
    x = np.repeat(np.round(rng.normal(0, 2, (24, 4)) / 0.05) * 0.05, 2, axis=0).astype(np.float32)
    labels = rng.integers(0, max(2, small[1]), len(x))
    np.savez(tmp_path / "d.npz", x=x, labels=labels)
    words = [*map(str, paths), "--data", str(tmp_path / "d.npz"), "--confidence", kind]
    found = document(capsys, *words)
    levels = [t["threshold"] for t in found["thresholds"] if t["threshold"] is not None]
    tried = np.linspace(min(levels) - 0.01, max(levels) + 0.01, 20).tolist()
    models = [path.read_bytes() for path in paths]
    seen = set()
    with open_runtime("runtime:litert-reference") as runtime:
        for threshold in tried:
            to_big, accuracy = by_force(runtime, *models, list(x), labels.tolist(), kind, threshold)
            point = next(
                t for t in found["thresholds"]
                if t["threshold"] is None or t["threshold"] >= threshold - 1e-12
            )  # fmt: skip
            assert (point["to_big"], point["accuracy"]) == (to_big, float(accuracy))
            assert to_big % 2 == 0
            seen.add(to_big)
    assert {0, len(x)} <= seen
    assert len(seen) > 5


def test_the_threshold_in_codes_decides_alike(capsys):
    """A device that subtracts two codes sends the same samples to the big model."""
    if reason := unavailable("runtime:litert-reference"):
        pytest.skip(reason)
    found = document(capsys, OUTLIER, GOOD, "--data", DIGITS)
    with np.load(DIGITS) as archive:
        samples = archive["image"]
    from tests.cost.cascade_oracle import fed

    model = (DATA / "digits_outlier_int8.tflite").read_bytes()
    with open_runtime("runtime:litert-reference") as runtime:
        ran = runtime.run(model, [[fed(model, x)] for x in samples])
    gaps = np.array([np.diff(np.sort(o[0].reshape(-1).astype(int))[-2:])[0] for o in ran.outputs])
    for point in found["thresholds"][:-1]:
        assert int((gaps < point["threshold_codes"]).sum()) == point["to_big"]
    assert found["thresholds"][-1]["threshold_codes"] is None


def test_every_threshold_as_its_definition():
    """Random decisions with many ties: each point is what counting one by one gives."""
    rng = np.random.default_rng(5)
    for count in (1, 2, 7, 60):
        sure = rng.integers(0, 9, count) / 8
        decided = Decided(sure, rng.random(count) < 0.6, rng.random(count) < 0.9)
        points = decided.points()
        assert [p.threshold for p in points] == [*sorted(set(sure.tolist())), math.inf]
        for p in points:
            stays = [s >= p.threshold for s in sure]
            right = [
                bool(a) if stay else bool(b)
                for stay, a, b in zip(stays, decided.small, decided.big, strict=True)
            ]
            assert (p.to_big, p.correct) == (stays.count(False), sum(right))
            assert decided.at(p.threshold) == p
        for wanted in range(count + 1):
            able = [p.to_big for p in points if p.correct >= wanted]
            found = cheapest(points, wanted)
            assert (None if found is None else found.to_big) == (min(able) if able else None)
        assert best(points).correct == max(p.correct for p in points)
        accuracy, share = held_out(decided, None)
        assert 0 <= accuracy <= 1
        assert 0 <= share <= 1


def test_held_out_is_not_chosen_on_itself():
    """Confidence that is noise: on other samples the chosen threshold keeps nothing it promised."""
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(40):
        decided = Decided(rng.random(40), rng.random(40) < 0.5, rng.random(40) < 0.5)
        top = best(decided.points())
        gaps.append(top.correct / 40 - held_out(decided, top.correct / 40)[0])
    assert np.mean(gaps) > 0.05


def test_interval_and_aim():
    """Wilson's interval of 45 of 50 is 78.6..95.7 %; 98 % of 128 are 126."""
    low, high = wilson(45, 50)
    assert (round(100 * low, 1), round(100 * high, 1)) == (78.6, 95.7)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
    assert (needed(0.98, 128), needed(0.5, 10), needed(1.0, 7)) == (126, 5, 7)


def test_costs_are_means(capsys):
    """Mean time and energy: the small model's, and the big one's share; measured stays measured."""
    words = [OUTLIER, GOOD, "--data", DIGITS, "--accuracy", "95%"]
    times = ["--measured", "digits_outlier_int8=2ms", "--measured", f"{GOOD}=30ms"]
    energies = ["--measured", "digits_outlier_int8.tflite=40uJ", "--measured", "digits_int8=0.5mJ"]
    found = document(capsys, *words, *times, *energies)
    assert "missing" not in found["summary"]
    for point in found["thresholds"]:
        share = point["to_big"] / 128
        assert point["mean_time"]["value"] == pytest.approx(0.002 + share * 0.030)
        assert point["mean_energy"]["value"] == pytest.approx(40e-6 + share * 500e-6)
        assert point["mean_time"]["basis"] == "measured"
        assert point["mean_macs"] == pytest.approx(found["small"]["macs"] * (1 + share))
    chosen = found["chosen"]
    assert chosen["accuracy"] >= 0.95
    cheaper = [t for t in found["thresholds"] if t["to_big"] < chosen["to_big"]]
    assert cheaper
    assert all(t["accuracy"] < 0.95 for t in cheaper)
    without = document(capsys, *words)
    assert without["thresholds"][0]["mean_time"] is None
    assert "time and energy of both models" in without["summary"]["missing"]


def test_an_accuracy_that_is_not_reached(capsys):
    """Exit code 1, and what the best threshold gives."""
    found = document(capsys, OUTLIER, GOOD, "--data", DIGITS, "--accuracy", "0.999", code=1)
    assert found["chosen"] is None
    assert "is not reached" in found["summary"]["verdict"]
    assert main(["cascade", OUTLIER, GOOD, "--data", DIGITS, "--accuracy", "0.999"]) == 1
    assert capsys.readouterr().out.startswith("verdict")


def test_limit_takes_the_first(capsys):
    """20 samples of 128, and a page that holds the document."""
    found = document(capsys, OUTLIER, GOOD, "--data", DIGITS, "--limit", "20")
    assert found["samples"] == 20
    assert found["thresholds"][-1]["to_big"] == 20


def test_the_page(tmp_path, capsys):
    """The page carries the document, and marks the recommended threshold."""
    page = tmp_path / "c.html"
    words = [OUTLIER, GOOD, "--data", DIGITS, "--html", str(page)]
    times = ["--measured", "digits_outlier_int8=2ms", "--measured", "digits_int8=30ms"]
    found = document(capsys, *words, *times)
    text = page.read_text("utf-8")
    inside = text.partition('id="document">')[2].partition("</script>")[0]
    assert json.loads(inside)["chosen"] == found["chosen"]
    assert "marked" in text
    assert "mean time" in text


def single(name: str, bias: int) -> object:
    """A model of one probability: LOGISTIC of a weighted sum of two inputs."""
    g = GraphBuilder()
    x = g.input("x", (1, 2), "float32")
    w = g.constant("w", np.array([[1.0, 0.5]], np.float32))
    b = g.constant("b", np.array([bias], np.float32))
    y = g.tensor("y", (1, 1), "float32")
    z = g.tensor(name, (1, 1), "float32")
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    g.operator("LOGISTIC", [y], [z])
    return g.build(outputs=[z])


def test_one_probability_stands_for_two_classes(tmp_path, capsys):
    """More than half is class 1, and how far from half is how sure."""
    for name, bias in (("a", 0), ("b", 1)):
        save_model(single(name, bias), tmp_path / f"{name}.tflite")
    x = np.random.default_rng(2).normal(0, 2, (30, 2)).astype(np.float32)
    z = x @ np.array([1.0, 0.5], np.float32)
    labels = (z + 1 > 0).astype(np.int64)
    np.savez(tmp_path / "d.npz", x=x, labels=labels)
    words = [str(tmp_path / "a.tflite"), str(tmp_path / "b.tflite"), "--data"]
    found = document(capsys, *words, str(tmp_path / "d.npz"))
    assert found["big"]["accuracy"] == 1
    small = float(np.mean((z > 0) == (labels == 1)))
    assert found["small"]["accuracy"] == pytest.approx(small)
    unsure = np.abs(2 / (1 + np.exp(-z.astype(np.float64))) - 1)
    middle = float(np.sort(unsure)[14:16].mean())
    point = next(t for t in found["thresholds"] if t["threshold"] >= middle)
    assert point["to_big"] == 15


@pytest.fixture
def files(tmp_path):
    """Models and data that do not belong together."""
    save_model(scores(64, 4), tmp_path / "four.tflite")
    save_model(relu((1, 8, 8, 1)), tmp_path / "image.tflite")
    save_model(scores(9, 10), tmp_path / "nine.tflite")
    np.save(tmp_path / "x.npy", np.zeros((6, 8, 8, 1), np.float32))
    np.save(tmp_path / "big.npy", np.zeros((5, 9), np.float32))
    (tmp_path / "words.txt").write_text("\n".join("abcdef"))
    np.save(tmp_path / "reals.npy", np.linspace(0, 1, 6))
    np.save(tmp_path / "far.npy", np.array([0, 1, 2, 3, 4, 99]))
    np.save(tmp_path / "few.npy", np.array([0, 1]))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([OUTLIER, GOOD], "needs --data PATH"),
        (["-", "-", "--data", DIGITS], "both models cannot come from standard input"),
        (["-", GOOD, "--data", "-"], "cannot both come from standard input"),
        ([OUTLIER, GOOD, "--data", "x.npy"], "the data have no labels"),
        ([OUTLIER, GOOD, "--data", "x.npy", "--labels", "few.npy"], "2 label(s) for 6"),
        ([OUTLIER, GOOD, "--data", "x.npy", "--labels", "far.npy"], "is no class"),
        ([OUTLIER, GOOD, "--data", "x.npy", "--labels", "reals.npy"], "are no class numbers"),
        ([OUTLIER, "four.tflite", "--data", DIGITS], "10 classes and"),
        (["image.tflite", GOOD, "--data", DIGITS], "no output is scores of classes"),
        ([OUTLIER, "nine.tflite", "--data", DIGITS], "--big-data PATH"),
        ([OUTLIER, "nine.tflite", "--data", DIGITS, "--big-data", "big.npy"], "5 samples, and 128"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--accuracy", "98"], "is no accuracy"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--accuracy", "nan"], "is no accuracy"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--measured", "digits_int8"], "is no measurement"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--measured", "a=0ms"], "is no measurement"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--measured", "a=1.2.3ms"], "is no measurement"),
        ([OUTLIER, GOOD, "--data", DIGITS, "--measured", "a=1ms"], "means none of the models"),
        ([OUTLIER, GOOD, "--data", DIGITS, *["--measured", "digits_int8=1ms"] * 2], "given twice"),
        (["nowhere.tflite", GOOD, "--data", DIGITS], "nowhere.tflite"),
        ([OUTLIER, "nowhere.tflite", "--data", DIGITS], "nowhere.tflite"),
    ],
)  # fmt: skip
def test_what_is_refused(words, said, files, monkeypatch, capsys):
    """Exit code 2, what is wrong with what, and nothing on standard output."""
    monkeypatch.chdir(files)
    assert main(["cascade", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_model_with_state_is_refused(tmp_path, capsys):
    """What the big model is not shown would be missing from its state."""
    from tests.corpus import corpus

    lstm = str(corpus() / "models" / "trained_lstm_int8.tflite")
    np.save(tmp_path / "x.npy", np.zeros((3, 28, 28), np.float32))
    np.save(tmp_path / "y.npy", np.zeros(3, np.int64))
    words = ["cascade", lstm, lstm, "--data", str(tmp_path / "x.npy")]
    assert main([*words, "--labels", str(tmp_path / "y.npy")]) == 2
    assert "carries a state" in capsys.readouterr().err


def test_data_of_its_own_for_the_big_model(tmp_path, capsys):
    """Samples of another shape, one for one."""
    save_model(scores(9, 10), tmp_path / "nine.tflite")
    np.save(tmp_path / "own.npy", np.random.default_rng(1).random((128, 9), np.float32))
    nine, own = str(tmp_path / "nine.tflite"), str(tmp_path / "own.npy")
    found = document(capsys, nine, GOOD, "--data", own, "--big-data", DIGITS,
                     "--labels", f"{DIGITS}:labels")  # fmt: skip
    assert found["big"]["accuracy"] == 125 / 128
    assert found["small"]["macs"] == 90
