"""The installed runtimes themselves, on real models."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from refinterp.runtimes import (
    RUNTIMES,
    Allocation,
    Allocations,
    Died,
    Ran,
    Refused,
    Runtime,
    RuntimeCase,
    open_runtime,
    unavailable,
)
from tests.corpus import corpus

HELLO = "models/hello_world_int8.tflite"
LITERT = [name for name in RUNTIMES if name != "runtime:tflm"]


def opened(name: str) -> Runtime:
    if reason := unavailable(name):
        pytest.skip(reason)
    return open_runtime(name)


def model(name: str) -> bytes:
    return (corpus() / name).read_bytes()


def codes(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-128, 128, shape, dtype=np.int8)


@pytest.mark.parametrize("name", RUNTIMES)
def test_sine_of_three_values(name: str) -> None:
    """hello_world gives the sine within its error, and its tensors include its output."""
    angles = np.array([0.0, 1.5, 4.7])
    scale, zero = 0.024573976, -128
    samples = [[np.array([[round(a / scale) + zero]], np.int8)] for a in angles]
    with opened(name) as runtime:
        ran = runtime.run(model(HELLO), samples, preserve=True)
    assert isinstance(ran, Ran)
    sine = [(int(out[0][0, 0]) - 4) * 0.008288 for out in ran.outputs]
    assert np.abs(sine - np.sin(angles)).max() < 0.1
    (at,) = ran.outputs_at
    assert ran.details[at] == (ran.details[at].name, (1, 1), np.int8)
    for outputs, tensors in zip(ran.outputs, ran.tensors, strict=True):
        assert np.array_equal(tensors[at], outputs[0])
        assert len(tensors) == 10


@pytest.mark.parametrize("name", ["runtime:litert-reference", "runtime:tflm"])
def test_state_is_kept_unless_reset(name: str) -> None:
    """An LSTM's second answer depends on the first sample, unless the state is reset between."""
    lstm = model("models/trained_lstm_int8.tflite")
    samples = [[codes((1, 28, 28))]] * 2
    with opened(name) as runtime:
        kept, reset = (
            runtime.run(lstm, samples, preserve=True, reset_between=between)
            for between in (False, True)
        )
    assert isinstance(kept, Ran)
    assert isinstance(reset, Ran)
    first, second = kept.tensors
    assert any(not np.array_equal(first[i], second[i]) for i in first)
    first, second = reset.tensors
    assert all(np.array_equal(first[i], second[i]) for i in first)


@pytest.mark.parametrize("name", LITERT)
def test_resized_batch_equals_single_runs(name: str) -> None:
    """A model resized to a batch of three gives the three single answers."""
    batch = codes((3, 1))
    with opened(name) as runtime:
        whole = runtime.run(model(HELLO), [[batch]], resize={0: (3, 1)})
        single = runtime.run(model(HELLO), [[row[None]] for row in batch])
    assert isinstance(whole, Ran)
    assert isinstance(single, Ran)
    assert np.array_equal(whole.outputs[0][0], np.concatenate([o[0] for o in single.outputs]))


@pytest.mark.parametrize("name", LITERT)
def test_litert_refuses_person_detect(name: str) -> None:
    """What LiteRT refuses comes with LiteRT's reason."""
    with opened(name) as runtime:
        refused = runtime.run(model("models/person_detect.tflite"))
        assert isinstance(refused, Refused)
        assert "Tensor 33 has invalid quantization parameters" in refused.reason
        assert runtime.deaths == []


@pytest.mark.parametrize("name", RUNTIMES)
def test_wrong_inputs_are_refused(name: str) -> None:
    """Too few arrays, a wrong type and a wrong shape are refusals, not deaths."""
    bad = [[], [np.zeros((1, 1), np.float32)], [np.zeros((1, 2), np.int8)]]
    with opened(name) as runtime:
        outcomes = list(runtime.run_many(RuntimeCase(model(HELLO), [sample]) for sample in bad))
        assert [type(outcome) for outcome in outcomes] == [Refused] * 3
        assert runtime.deaths == []


@pytest.mark.parametrize("name", ["runtime:litert-reference", "runtime:tflm"])
def test_abort_in_a_kernel_is_a_death(name: str) -> None:
    """SOFTMAX over 1000 equal int8 codes aborts both runtimes; the next case still runs."""
    softmax = model("oneop/softmax_i8_big.tflite")
    with opened(name) as runtime:
        loaded = runtime.run(softmax)
        assert isinstance(loaded, Ran)
        inputs = [np.zeros(loaded.details[i].shape, np.int8) for i in loaded.inputs]
        died, after = runtime.run_many(
            [
                RuntimeCase(softmax, [inputs], "softmax"),
                RuntimeCase(model(HELLO), [[codes((1, 1))]]),
            ]
        )
        assert isinstance(died, Died)
        assert died.reason == "signal 6 (SIGABRT)"
        assert isinstance(after, Ran)
        assert [death.label for death in runtime.deaths] == ["softmax"]


def test_corrupted_heap_does_not_spread() -> None:
    """keyword_scrambled spoils the reference kernels' heap; whatever that does, others run."""
    scrambled, hello = model("models/keyword_scrambled_8bit.tflite"), model(HELLO)
    with opened("runtime:litert-reference") as runtime:
        loaded = runtime.run(scrambled)
        assert isinstance(loaded, Ran)
        sample = [
            [np.ones(loaded.details[i].shape, loaded.details[i].dtype)] for i in loaded.inputs
        ]
        alone = runtime.run(hello, [[codes((1, 1))]])
        assert isinstance(alone, Ran)
        cases = [RuntimeCase(scrambled, sample * 3, "scrambled")] + [
            RuntimeCase(hello, [[codes((1, 1))]])
        ] * 20
        spoiled, *others = runtime.run_many(cases)
        assert isinstance(spoiled, Ran | Died)
        assert isinstance(spoiled, Ran) or "scrambled" in [d.label for d in runtime.deaths]
        for other in others:
            assert isinstance(other, Ran)
            assert np.array_equal(other.outputs[0][0], alone.outputs[0][0])


def test_tflm_person_detect_known_answers() -> None:
    """TFLM's two example images give the outputs its own example is known for."""
    samples = []
    for image in ("no_person", "person"):
        file = (corpus() / f"inputs/{image}.bmp").read_bytes()
        start = int.from_bytes(file[10:14], "little")
        rows = np.frombuffer(file, np.int8, 96 * 96, start).reshape(1, 96, 96, 1)
        samples.append([rows[:, ::-1]])  # a bitmap's rows are stored bottom-up
    with opened("runtime:tflm") as runtime:
        ran = runtime.run(model("models/person_detect.tflite"), samples)
    assert isinstance(ran, Ran)
    assert [out[0].tolist() for out in ran.outputs] == [[[57, -57]], [[-113, 113]]]


def test_tflm_grows_the_arena() -> None:
    """A model that fits in no small arena runs, with all tensors preserved as well."""
    large = model("models/mobilenet_v2_224_int8.tflite")
    with opened("runtime:tflm") as runtime:
        assert isinstance(runtime.run(large, preserve=True), Ran)
        allocations = runtime.allocations(large)
    assert isinstance(allocations, Allocations)
    assert allocations.head_bytes == 1_505_280


def test_tflm_preserving_changes_no_output() -> None:
    """The planner that preserves tensors and the one that reuses memory give the same outputs."""
    resnet = model("models/resnet8_cifar_int8.tflite")
    samples = [[codes((1, 32, 32, 3), seed)] for seed in range(3)]
    with opened("runtime:tflm") as runtime:
        plain, preserved = (runtime.run(resnet, samples, preserve=p) for p in (False, True))
    assert isinstance(plain, Ran)
    assert isinstance(preserved, Ran)
    for left, right, tensors in zip(
        plain.outputs, preserved.outputs, preserved.tensors, strict=True
    ):
        assert np.array_equal(left[0], right[0])
        assert np.array_equal(left[0], tensors[preserved.outputs_at[0]])
    weights = [
        i for i in preserved.tensors[0] if preserved.tensors[0][i] is preserved.tensors[1][i]
    ]
    assert weights


def test_tflm_allocations_of_hello_world() -> None:
    """The recording allocator's print is read: three sums, and each category."""
    with opened("runtime:tflm") as runtime:
        allocations = runtime.allocations(model(HELLO))
        refused = runtime.allocations(model("oneop/addn_i.tflite"))
    assert isinstance(allocations, Allocations)
    assert allocations.head_bytes == 32
    assert allocations.total_bytes == allocations.head_bytes + allocations.tail_bytes
    assert Allocation("TfLiteEvalTensor data", 240, 240, 10) in allocations.categories
    assert isinstance(refused, Refused)
    assert "ADD_N" in refused.stderr


def test_only_tflm_records_and_only_litert_resizes() -> None:
    """What a runtime does not offer is refused in words."""
    with opened("runtime:tflm") as tflm, opened("runtime:litert") as litert:
        resized = tflm.run(model(HELLO), resize={0: (2, 1)})
        recorded = litert.allocations(model(HELLO))
    assert isinstance(resized, Refused)
    assert "resize" in resized.reason
    assert isinstance(recorded, Refused)
    assert "runtime:tflm" in recorded.reason
