"""Energy and battery life: products of what is known, held against what was published."""

from __future__ import annotations

import csv
import json
import math
import re
from statistics import median

import jsonschema
import pytest

from conformance.cost import energy as published
from conformance.cost import fit as fit_module
from conformance.cost.measurements import mlperf_rows
from conformance.cost.mlperf_terms import IDS
from refinterp.cli.main import main
from refinterp.cost.device import Device, DutyCycle, device_cost
from refinterp.cost.energy import (
    INFERENCE,
    BatteryLife,
    Phase,
    active_current,
    battery_life,
    currents,
    energy,
    rows_of,
    sleep_current,
    usual_supply,
)
from refinterp.cost.latency import NoEstimate
from refinterp.cost.quantity import Quantity
from refinterp.cost.written import capacity, clock, current, duration, phase, volts
from refinterp.modelfile.reader import read_model
from tests.corpus import ROOT

DIGITS = str(ROOT / "refinterp" / "data" / "digits_int8.tflite")
SCHEMA = json.loads((ROOT / "schema" / "fit.schema.json").read_text("utf-8"))


def fit(capsys, *words):
    assert main(["fit", DIGITS, *words, "--json"]) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


def test_the_figures_are_those_published():
    """Every current of the package is one of the source's; 26 were measured during inference."""
    assert list(currents()) == published.current_rows()
    with published.SOURCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(currents()) == 52
    for row, own in zip(rows, currents(), strict=True):
        told = row["active_uA_per_MHz"]
        assert own.per_mhz == (pytest.approx(float(told) * 1e-6) if told else None)
        assert (own.kind == INFERENCE) == ("measured in MLPerf Tiny" in row["family"])
    assert sum(row.kind == INFERENCE for row in currents()) == 26


def test_the_page_is_written_from_the_errors():
    """Its figures are computed again; at least ten currents, held back one by one."""
    found = published.errors()
    assert published.PAGE.read_text("utf-8") == published.page(found, currents())
    assert len({one.row for one in found}) >= 10
    assert median(abs(one.timed / one.published - 1) for one in found) < 0.10
    timed = [one for one in found if one.estimated is not None]
    assert median(abs(one.estimated / one.published - 1) for one in timed) < 0.20


def test_an_error_by_hand():
    """One held-back figure from the published file alone: U575 at 160 MHz, round 1.2."""
    one = next(
        e for e in published.errors()
        if e.chip == "STM32U575" and e.version == "v1.2" and e.model == "ic"
    )  # fmt: skip
    others = [92.9e-6, 88.8e-6, 91.7e-6, 81.4e-6]  # A a MHz, without the 80.5 held back
    assert one.timed == pytest.approx(median(others) * 160 * 1.8 * 0.111074, rel=1e-4)
    row = next(r for r in mlperf_rows() if r["system"] == "NUCLEO_U575ZI_Q"
               and r["round"] == "v1.2" and r["model"] == "ic")  # fmt: skip
    assert one.published == pytest.approx(float(row["energy_uj"]) * 1e-6)


def test_the_band_of_a_current_holds_nine_of_ten():
    """Of held-back energies with the measured time."""
    ratios = [one.timed / one.published for one in published.errors()]
    inside = [1 / 1.3 <= ratio <= 1.3 for ratio in ratios]
    assert sum(inside) >= 0.9 * len(inside)


def test_energy_is_a_product():
    """Value and both ends."""
    time = Quantity(0.01, 0.005, 0.02, "s", "estimate")
    found = energy(time, Quantity(0.002, 0.001, 0.004, "A", "estimate"), 3.0)
    ends = (60e-6, 15e-6, 240e-6)
    assert (found.value, found.low, found.high) == pytest.approx(ends)
    assert found.basis == "estimate"
    both = energy(Quantity.measured(0.01, "s", ""), Quantity.measured(0.002, "A", ""), 3.0)
    assert both.basis == "measured"


def test_battery_life_by_hand():
    """100 ms at 5 mA and 20 ms at 1 mA a second, 10 µA between, from 220 mAh: 14.9 days."""
    phases = [
        Phase("sensor", Quantity.measured(0.02, "s", ""), Quantity.measured(1e-3, "A", "")),
        Phase("inference", Quantity.measured(0.1, "s", ""), Quantity.measured(5e-3, "A", "")),
    ]
    found = battery_life(1.0, 0.220 * 3600, phases, Quantity.measured(10e-6, "A", ""))
    assert isinstance(found, BatteryLife)
    mean = 0.02 * 1e-3 + 0.1 * 5e-3 + 0.88 * 10e-6
    assert found.average.value == pytest.approx(mean)
    assert found.hours.value == pytest.approx(0.220 / mean)
    assert found.hours.basis == "measured"
    assert dict(found.shares)["inference"] == pytest.approx(5e-4 / mean)
    assert sum(share for _, share in found.shares) == pytest.approx(1)
    assert str(found).startswith("17.3 days, at 529 µA")
    late = battery_life(0.1, 1.0, phases, Quantity.measured(1e-6, "A", ""))
    assert isinstance(late, NoEstimate)
    assert "--every has to be longer" in late.why
    assert "what comes every 100 ms takes" in late.why


def test_the_life_of_an_estimate_has_a_band():
    """Shortest where everything takes most."""
    time = Quantity(0.1, 0.05, 0.2, "s", "estimate")
    sleeping = Quantity.measured(1e-6, "A", "")
    found = battery_life(
        1.0, 3600.0, [Phase("inference", time, Quantity.measured(1e-3, "A", ""))], sleeping
    )
    assert isinstance(found, BatteryLife)
    # the ends add up: longest inference with longest sleep, as if both could be
    assert found.hours.low == pytest.approx(1 / (0.2e-3 + 0.95e-6))
    assert found.hours.high == pytest.approx(1 / (0.05e-3 + 0.8e-6))
    assert str(found).startswith("estimate ")


def test_a_life_is_told_in_its_own_size():
    """Minutes to years, in everyday numbers."""
    for hours, told in ((0.05, "3 minutes"), (3.0, "3 hours"), (72.0, "3 days"),
                        (8766 * 68000.0, "68,000 years")):  # fmt: skip
        one = Quantity(hours, hours / 2, hours * 2, "h", "estimate")
        text = str(BatteryLife(one, Quantity.measured(1e-3, "A", ""), ()))
        assert text.startswith(f"estimate {told} (")
        assert text.endswith("1 mA on average")


def test_what_a_life_leaves_open_is_said():
    """An inference that may last into the next one; a life that no battery has."""
    model = read_model(DIGITS)
    time = Quantity(0.1, 0.05, 0.2, "s", "estimate")
    for every, sleeping, told in (
        (0.15, 1e-6, "not over when the next"),
        (1e9, 1e-9, "discharges"),
    ):
        duty = DutyCycle(every, 7200.0, sleeping=sleeping)
        device = Device("cortex-m4", amperes=1e-3, volts=3.0, duty=duty, measured={"s": time})
        found = device_cost(model, device)
        assert isinstance(found.battery, BatteryLife)
        assert told in " ".join(found.notes)


def test_tables_carry_what_the_terms_ask():
    """Beside the tables and in the files of the package that are made of them."""
    texts = [fit_module.ORIGINS.read_text("utf-8"), published.FIGURES.read_text("utf-8"),
             fit_module.FIGURES.read_text("utf-8")]  # fmt: skip
    for text in texts:
        plain = " ".join(text.split())
        for words in (
            "registered and unregistered trademarks of MLCommons", "1 December 2026",
            "not an MLPerf result", "Only round v1.2's repository holds the IDs",
        ):  # fmt: skip
            assert words in plain, words
    for own in IDS.values():
        assert own in texts[0]
    measured = [row.source for row in currents() if row.kind == INFERENCE]
    assert all("(result 1.2-00" in one for one in measured if "tiny_results_v1.2/" in one)
    assert sum("(result 1.2-00" in one for one in measured) >= 3


def test_currents_of_chips():
    """By the longest name that a chip's begins with; nothing where none was measured."""
    assert usual_supply("STM32L4R5ZIT6") == 1.8
    found = active_current("STM32U575ZIT6Q", 160)
    assert isinstance(found, Quantity)
    assert found.value == pytest.approx(88.8e-6 * 160)
    assert {row.chip for row in rows_of("nRF54L15_xxAA")} == {"nRF54L15"}
    assert rows_of("") == []
    for chip in ("nRF54L15", "MK64FN1M0", ""):
        none = active_current(chip, 64)
        assert isinstance(none, NoEstimate)
        assert "--current 5.2mA" in none.why
    assert "not for inference" in str(active_current("nRF54L15", 64))
    asleep = sleep_current("nRF54L15")
    assert asleep is not None
    assert asleep[0].value == pytest.approx(0.7e-6)
    assert sleep_current("STM32L4R5") is None


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (duration, "12.3ms", 0.0123), (duration, "1s", 1), (duration, "10min", 600),
        (duration, "1h", 3600), (duration, "250 µs", 250e-6), (duration, "1d", 86400),
        (current, "5.2mA", 0.0052), (current, "300nA", 3e-7), (current, "12µA", 12e-6),
        (capacity, "220mAh", 792), (capacity, "2Ah", 7200), (clock, "64M", 64),
        (clock, "64MHz", 64), (clock, "48,000,000", 48), (volts, "1.8V", 1.8), (volts, "3", 3),
        (phase, "20ms@1mA", (0.02, 0.001)),
    ],
)  # fmt: skip
def test_what_people_type(read, text, value):
    """Units of everyday use."""
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "words",
    [
        ["--every", "1"], ["--every", "0s"], ["--every", "-1s"], ["--every", "1x"],
        ["--current", "5"], ["--current", "5 volts"], ["--battery", "220"], ["--clock", "fast"],
        ["--clock", "0"], ["--supply", "3A"], ["--sensor", "20ms"], ["--wake", "@1mA"],
        ["--every", "1s"], ["--battery", "1mAh"], ["--sensor", "1ms@1mA"], ["--runtime", "cuda"],
        ["--profile", "x"], ["--profile", "a=b"], ["--profile", "digits_int8=none.json"],
        ["--measured", "nobody=1ms"], ["--every", "1e999s"], ["--every", "nan s"],
    ],
)  # fmt: skip
def test_what_cannot_be_meant(words, capsys):
    """Exit code 2, one line that says what is allowed."""
    assert main(["fit", DIGITS, "--target", "cortex-m4", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words[0] in err or words[1].rpartition("=")[0] in err or "none.json" in err
    assert "bug" not in err


def test_fit_tells_time_energy_and_battery(capsys):
    """On a board with a published current; each as the product of the others."""
    duty = ["--every", "1s", "--battery", "220mAh", "--sleep-current", "2uA"]
    found = fit(capsys, "--board", "nucleo-l4r5zi", *duty, "--sensor", "20ms@1mA")
    cost = found["cost"]
    assert cost["missing"] == {}
    assert cost["time"]["basis"] == cost["energy"]["basis"] == "estimate"
    product = cost["time"]["value"] * cost["current"]["value"] * 1.8
    assert cost["energy"]["value"] == pytest.approx(product)
    charge = cost["time"]["value"] * cost["current"]["value"] + 20e-6
    charge += (1 - 0.02 - cost["time"]["value"]) * 2e-6
    assert cost["battery"]["hours"]["value"] == pytest.approx(0.220 / charge)
    for name in ("time", "energy", "battery"):
        assert found["summary"][name].startswith("estimate ")
        assert ".." in found["summary"][name]


def test_fit_says_what_is_missing(capsys):
    """No current of the chip, no clock, no core that was measured."""
    board = fit(capsys, "--board", "Arduino Nano 33 BLE")
    assert board["cost"]["time"]["value"] > 0
    assert "nRF52840" in board["cost"]["missing"]["energy"]
    assert board["cost"]["energy"] is None
    target = fit(capsys, "--target", "cortex-m4")
    assert "--clock" in target["cost"]["missing"]["time"]
    unknown = fit(capsys, "--target", "cortex-m55", "--clock", "400M")
    assert "cortex-m55" in unknown["cost"]["missing"]["time"]
    given = fit(capsys, "--board", "Arduino Nano 33 BLE", "--current", "5mA", "--supply", "3V")
    energy_of = given["cost"]["energy"]["value"]
    assert energy_of == pytest.approx(given["cost"]["time"]["value"] * 0.005 * 3)


def test_what_was_measured_is_taken(capsys, tmp_path):
    """The model's own time and energy as they are; another's narrows; a profile by operator."""
    words = ["--board", "Arduino Nano 33 BLE"]
    own = fit(capsys, *words, "--measured", "digits_int8=20ms", "--measured", "digits_int8=0.3mJ")
    assert own["cost"]["time"]["value"] == 0.02
    assert own["cost"]["time"]["basis"] == own["cost"]["energy"]["basis"] == "measured"
    before = fit(capsys, *words)["cost"]["time"]
    other = str(ROOT / "refinterp" / "data" / "shapes_int8.tflite")
    narrowed = fit(capsys, *words, "--measured", f"{other}=2s")["cost"]["time"]
    assert narrowed["value"] > 2 * before["value"]
    assert "scaled by 1 measured model" in narrowed["why"]
    profile = tmp_path / "p.json"
    profile.write_text(json.dumps({"total_ms": 100, "operators": {"CONV_2D": 60.0}}))
    by_operator = fit(capsys, *words, "--profile", f"{other}={profile}")["cost"]["time"]
    assert "by their own times" in by_operator["why"]
    mine = fit(capsys, *words, "--profile", f"{DIGITS}={profile}")["cost"]["time"]
    assert (mine["value"], mine["basis"]) == (0.1, "measured")
    for wrong in ("[]", "{", '{"operators": {}}', '{"operators": {"CONV_2D": "x"}}',
                  '{"operators": {"SVDF": 1}}', '{"operators": {"CONV_2D": -1}}'):  # fmt: skip
        profile.write_text(wrong)
        assert main(["fit", DIGITS, *words, "--profile", f"{other}={profile}"]) == 2
        assert str(profile) in capsys.readouterr().err


def test_a_battery_with_measured_energy():
    """The current follows from energy, time and supply."""
    model = read_model(DIGITS)
    duty = DutyCycle(1.0, 3600.0, sleeping=1e-6)
    measured = {"s": Quantity.measured(0.1, "s", ""), "J": Quantity.measured(3e-4, "J", "")}
    device = Device("cortex-m4", volts=3.0, duty=duty, measured=measured)
    found = device_cost(model, device).battery
    assert isinstance(found, BatteryLife)
    assert found.hours.value == pytest.approx(1 / (1e-4 + 0.9e-6))
    none = device_cost(model, Device("cortex-m4", duty=duty)).battery
    assert isinstance(none, NoEstimate)
    assert math.isfinite(found.hours.high)


def test_boards_as_a_table_have_times_with_bands(capsys):
    """Each time is an estimate with its band, or a question mark."""
    boards = ["--board", "nucleo-l4r5zi", "--board", "Arduino Nano 33 BLE"]
    assert main(["fit", DIGITS, *boards]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "ms (estimate)" in out
    assert len(re.findall(r"\d \([\d.]+\.\.[\d.]+\)", out)) == 2
