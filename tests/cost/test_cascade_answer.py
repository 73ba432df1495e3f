"""What a cascade says of costs that are not known, and of an accuracy that is out of reach."""

from __future__ import annotations

import pytest

from refinterp.cli.main import main
from tests.cost.test_cascade import DATA, DIGITS, GOOD, OUTLIER, document

FLOAT = str(DATA / "digits_float.tflite")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "time and energy of both models: --measured digits_outlier_int8.tflite=12.3ms "),
        (["digits_int8=2ms"], "time of digits_outlier_int8.tflite; energy of both models: "
         "--measured digits_outlier_int8.tflite=12.3ms --measured digits_outlier_int8.tflite=450uJ "
         "--measured digits_int8.tflite=450uJ, with your own figures, say it"),
        (["digits_int8=2ms", "digits_outlier_int8=2ms", "digits_int8=1mJ"],
         "energy of digits_outlier_int8.tflite: --measured digits_outlier_int8.tflite=450uJ, with "
         "your own figures, says it"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_of_the_model_that_lacks_it(given, said, capsys):
    """A figure that is known is not asked for."""
    words = [word for one in given for word in ("--measured", one)]
    found = document(capsys, OUTLIER, GOOD, "--data", DIGITS, *words)
    assert found["summary"]["missing"].startswith(said)


def test_why_there_is_no_estimate_is_told_once_with_the_models(capsys):
    """Of a float model the time, which its energy needs too; of both the same only once."""
    data = ["--data", DIGITS, "--board", "nano 33 ble"]
    assert main(["cascade", GOOD, FLOAT, *data]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "no estimate" in line]
    assert len(said) == 2
    assert "digits_int8.tflite: no estimate of energy: no current of nRF52840" in said[0]
    assert "digits_float.tflite: no estimate of time and energy: 100 % of the" in said[1]
    assert main(["cascade", OUTLIER, GOOD, *data]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "no estimate" in line]
    assert f"{OUTLIER} and {GOOD}: no estimate of energy" in line


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ((0, 1), "the best is 97.7 %, at margin 0.9219, where 39.1 % of the samples go to the big"),
        ((1, 0), "the best is 97.7 %, which the small model has alone"),
    ],
)
def test_the_best_that_is_short_of_the_accuracy_says_who_decides(models, said, capsys):
    """Nothing is called a threshold where the small model decides every sample."""
    small, big = ((OUTLIER, GOOD)[place] for place in models)
    found = document(capsys, small, big, "--data", DIGITS, "--accuracy", "99.9%", code=1)
    assert found["summary"]["verdict"].startswith(f"accuracy 99.9 % is not reached: {said}")
