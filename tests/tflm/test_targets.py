"""Profiles: names, defaults, and which are measured."""

from __future__ import annotations

import pytest

from refinterp.errors import UsageError
from refinterp.tflm.targets import MEASURED, profile, profiles


def test_defaults_are_a_cortex_m4_with_cmsis_nn():
    """Without names the profile is the most common build."""
    assert profile().label == "cortex-m4, cmsis-nn, snapshot"
    assert profile("x86-64").kernels.name == "reference"
    assert profile("generic-32").kernels.name == "reference"
    assert profile(kernels="esp-nn-s3").target.name == "generic-32"


def test_the_wheel_implies_its_target_and_kernels():
    """The wheel is for x86-64 with reference kernels; anything else is a mistake."""
    assert profile(tflm="wheel-20261023").label == "x86-64, reference, wheel-20261023"
    with pytest.raises(UsageError, match="not built for cortex-m4"):
        profile("cortex-m4", tflm="wheel-20261023")
    with pytest.raises(UsageError, match="cmsis-nn"):
        profile("x86-64", "cmsis-nn", "wheel-20261023")


@pytest.mark.parametrize(
    "names",
    [("cortex-m9", None), ("cortex-m4", "arm-nn"), ("cortex-m4", "esp-nn")],
)
def test_unknown_names_list_what_there_is(names):
    """A name that does not exist, or kernels that do not run there, are usage errors."""
    with pytest.raises(UsageError, match=r"there are|run on"):
        profile(*names)
    with pytest.raises(UsageError, match="there are"):
        profile(tflm="yesterday")


def test_a_distribution_means_its_own_build_and_has_no_others():
    """Its target and kernels when none are given; what it is built for besides is derived."""
    assert profile(tflm="chirale-2.0.0").label == "cortex-m4, cmsis-nn, chirale-2.0.0 at 46da2f989"
    assert profile("generic-32", tflm="esp-tflite-micro").kernels.name == "esp-nn"
    assert profile(kernels="esp-nn-s3", tflm="esp-tflite-micro").provenance.startswith("derived")
    assert profile("cortex-m4", tflm="pico-tflmicro").provenance == "derived, not measured"
    with pytest.raises(UsageError, match="not built for x86-64; it is for cortex-m4 with cmsis-nn"):
        profile("x86-64", tflm="chirale-2.0.0")


def test_a_name_that_is_nearly_one_is_told_which():
    """A version's name mistyped, or in part, gets the nearest and the list."""
    with pytest.raises(UsageError, match=r"did you mean chirale-2\.0\.0\? There are snapshot, "):
        profile(tflm="Chirale")
    with pytest.raises(UsageError, match=r"did you mean zephyr\?"):
        profile(tflm="zefyr")


def test_pairs_that_were_not_measured_say_so():
    """Measured pairs are those of the figures; all others are derived."""
    for target, kernels in MEASURED:
        assert profile(target, kernels).provenance == "measured"
    assert profile("cortex-m3", "reference").provenance == "derived, not measured"
    assert profile("generic-32", "esp-nn").provenance == "measured on ESP32 by mcufit-bench"
    assert profile("generic-32", "esp-nn-s3").provenance == "derived, not measured"
    assert len({p.label for p in profiles()}) == len(profiles()) == len(MEASURED) + 3
