"""Arrays, tables, sound and folders as samples: what is found in them, and what is said."""

from __future__ import annotations

import struct
import wave
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.run.opening import with_data
from refinterp.samples.labels import with_labels
from refinterp.samples.request import DataRequest
from refinterp.samples.source import open_samples
from tests.samples.models import free, scores, spec

X = np.arange(6 * 16, dtype=np.float32).reshape(6, 4, 4, 1) / 96
IMAGE = spec((1, 4, 4, 1))


def everything(samples):
    return np.stack([values for (values,) in samples])


class TestNpz:
    def save(self, tmp_path, **named):
        path = tmp_path / "d.npz"
        np.savez(path, **named)
        return path

    def test_a_lone_array_of_another_name_is_taken_and_said(self, tmp_path):
        samples = open_samples(self.save(tmp_path, foo=X), [IMAGE])
        np.testing.assert_array_equal(everything(samples).reshape(X.shape), X)
        assert any("'foo' is taken" in note for note in samples.notes)

    def test_the_only_one_that_fits(self, tmp_path):
        path = self.save(tmp_path, foo=X, other=np.zeros((6, 3)))
        assert open_samples(path, [IMAGE]).count == 6

    def test_several_that_fit_are_an_error_that_lists_them(self, tmp_path):
        path = self.save(tmp_path, a=X, b=X[:2])
        with pytest.raises(UsageError, match=r"'a' \(float32 \[6, 4, 4, 1\]\).*'b'.*d.npz:NAME"):
            open_samples(path, [IMAGE])
        assert open_samples(f"{path}:b", [IMAGE]).count == 2
        with pytest.raises(UsageError, match="no array 'c'; it holds 'a'"):
            open_samples(f"{path}:c", [IMAGE])

    def test_test_data_of_keras_with_its_labels(self, tmp_path):
        y = np.arange(6)
        path = self.save(tmp_path, x_train=X[:4], y_train=y[:4], x_test=X, y_test=y)
        samples = open_samples(path, [IMAGE])
        assert samples.count == 6
        assert samples.labels_origin.endswith("y_test")
        assert any("x_train" in note for note in samples.notes)
        train = open_samples(f"{path}:x_train", [IMAGE])
        assert train.count == len(train.labels) == 4

    def test_inputs_by_name_and_by_choice(self, tmp_path):
        one = spec((1, 2), "float32", None)
        two = spec((1, 3), "float32", None)
        inputs = [one, two]
        object.__setattr__(two, "names", ("z",))
        path = self.save(tmp_path, x=np.ones((4, 2)), z=np.zeros((4, 3)))
        assert [v.shape for v in open_samples(path, inputs).get(3)] == [(1, 2), (1, 3)]
        path = self.save(tmp_path, p=np.ones((4, 2)), q=np.zeros((4, 3)))
        with pytest.raises(UsageError, match="x=NAME,z=NAME"):
            open_samples(path, inputs)
        assert open_samples(f"{path}:x=p,z=q", inputs).get(0)[0].tolist() == [[1, 1]]

    def test_counts_that_differ(self, tmp_path):
        inputs = [spec((1, 2), "float32", None), spec((1, 3), "float32", None)]
        object.__setattr__(inputs[1], "names", ("z",))
        object.__setattr__(inputs[1].spec, "name", "z")
        path = self.save(tmp_path, x=np.ones((4, 2)), z=np.zeros((5, 3)))
        with pytest.raises(UsageError, match="'x': 4, 'z': 5"):
            open_samples(path, inputs)

    @pytest.mark.parametrize("at", [0, 60, 200])
    def test_damaged_archives_name_the_file(self, tmp_path, at):
        path = self.save(tmp_path, x=X)
        raw = bytearray(path.read_bytes())
        raw[at : at + 8] = b"\xff" * 8
        path.write_bytes(raw)
        with pytest.raises(UsageError, match=r"d\.npz"):
            everything(open_samples(path, [IMAGE]))

    def test_objects_are_not_unpickled(self, tmp_path):
        path = tmp_path / "o.npy"
        np.save(path, np.array([{}], object), allow_pickle=True)
        with pytest.raises(UsageError, match="Python objects"):
            open_samples(path, [IMAGE])


FLOATS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.just(4)),
    elements=st.floats(-1e6, 1e6, width=32, allow_nan=False),
)  # fmt: skip


class TestTables:
    def write(self, folder, text, name="t.csv"):
        path = folder / name
        path.write_text(text, "utf-8")
        return path

    @given(FLOATS, st.sampled_from([",", ";", "\t", ", "]), st.booleans(), st.booleans())
    def test_rows_are_samples(self, tmp_path_factory, values, delimiter, header, mark):
        """Whatever separates the columns, with a header or not, the numbers come back."""
        lines = [delimiter.join(f"c{i}" for i in range(4))] if header else []
        lines += [delimiter.join(f"{v!r}" for v in row.tolist()) for row in values]
        text = "\ufeff" * mark + "\n".join(lines) + "\n\n"
        path = self.write(tmp_path_factory.mktemp("t"), text)
        samples = open_samples(path, [spec((1, 4), "float32", None)])
        np.testing.assert_array_equal(everything(samples).reshape(values.shape), values)

    def test_whole_numbers_are_integers(self, tmp_path):
        path = self.write(tmp_path, "1,2,3,250\n4,5,6,0\n")
        samples = open_samples(path, [spec((1, 4))])
        assert "pixels" in samples.taken[0]
        samples = open_samples(path, [spec((1, 4), "int32", None)])
        assert everything(samples).dtype == np.int32

    def test_frames_with_their_index_and_labels(self, tmp_path):
        text = ",a,b,c,d,species\n0,.5,.1,.2,.3,dog\n1,.5,.1,.2,.4,cat\n"
        samples = open_samples(self.write(tmp_path, text), [spec((1, 4), "float32", None)])
        assert samples.labels.tolist() == [1, 0]
        assert samples.class_names == ("cat", "dog")
        assert samples.get(1)[0].tolist() == [[0.5, np.float32(0.1), np.float32(0.2),
                                               np.float32(0.4)]]  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("a,b,c,d\n.1,.2,.3,.4\n", 1),
            (".1,.2,.3,.4\n.1,.2,.3,.4\n", 2),
            ("0,1,2,3\n.1,.2,.3,.4\n", 1),
            (",0,1,2,3\n0,.1,.2,.3,.4\n", 1),
            (",f1,f2,f3,f4,label\n0,.1,.2,.3,.4,dog\n", 1),
            (".1,.2,.3,.4\n", 1),
        ],
    )
    def test_headers_are_told_from_rows(self, tmp_path, text, count):
        samples = open_samples(self.write(tmp_path, text), [spec((1, 4), "float32", None)])
        assert samples.count == count

    def test_words_as_labels_without_a_header(self, tmp_path):
        path = self.write(tmp_path, ".1,.2,.3,.4,dog\n.1,.2,.3,.4,cat\n")
        wanted = [spec((1, 4), "float32", None)]
        samples = open_samples(path, wanted, label_column="4")
        assert samples.labels.tolist() == [1, 0]

    def test_label_columns_by_name_and_number(self, tmp_path):
        path = self.write(tmp_path, "0,1,2,3,7\n4,5,6,7,8\n")
        wanted = [spec((1, 4), "float32", None)]
        with pytest.raises(UsageError, match="--labels COLUMN"):
            open_samples(path, wanted)
        for column in ("4", "-1"):
            samples = open_samples(path, wanted, label_column=column)
            assert samples.labels.tolist() == [7, 8]
        with pytest.raises(UsageError, match=r"no column 'x'.*0\.\.4"):
            open_samples(path, wanted, label_column="x")

    def test_columns_are_chosen(self, tmp_path):
        path = self.write(tmp_path, "t,a,b,c,d\n9,.1,.2,.3,.4\n9,.5,.6,.7,.8\n")
        samples = open_samples(f"{path}:a,b,c,d", [spec((1, 4), "float32", None)])
        assert samples.get(1)[0].tolist() == np.array([[0.5, 0.6, 0.7, 0.8]], np.float32).tolist()

    def test_all_rows_as_one_sample(self, tmp_path):
        path = self.write(tmp_path, "1.5,2\n3,4\n5,6\n")
        samples = open_samples(path, [spec((1, 3, 2), "float32", None)])
        assert samples.count == 1
        assert samples.get(0)[0].tolist() == [[[1.5, 2], [3, 4], [5, 6]]]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no rows"),
            ("a,b,c,d\n", "no rows"),
            ("a,b,c,d\n.1,.2,.3\n", "line 2: 3 cells; the others have 4"),
            ("a,b,c,d\n1.5,oops,3,4\n", "line 2, column 'b': 'oops' is no number"),
            ("a;b;c;d\n0,5;1;2;3\n", "decimals with a point"),
            (".1,.2,.3,.4\n.1,.2,,.4\n", r"line 2 \(sample 1\): nan at \[0, 2\]"),
            (".1,.2,inf,.4\n", "inf at"),
            ("1,2,3,99999999999999999999\n", "too large"),
        ],
    )
    def test_what_is_wrong_is_told_by_line(self, tmp_path, text, said):
        path = self.write(tmp_path, text)
        with pytest.raises(UsageError, match=said) as caught:
            everything(open_samples(path, [spec((1, 4), "float32", None)]))
        assert "t.csv" in str(caught.value)


class TestSound:
    def write(self, folder, codes, *, width=2, channels=1, rate=16000, name="s.wav"):
        path = folder / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            raw = b"".join(int(c).to_bytes(width, "little", signed=width > 1) for c in codes)
            file.writeframes(raw)
        return path

    @pytest.mark.parametrize("width", [1, 2, 3, 4])
    def test_every_width_is_a_fraction_of_its_range(self, tmp_path, width):
        """A code is code / 2**(bits - 1); 8-bit codes count from 128."""
        top = 2 ** (8 * width - 1)
        codes = [0, top // 2, -top, top - 1] if width > 1 else [128, 192, 0, 255]
        path = self.write(tmp_path, codes, width=width)
        values = open_samples(path, [spec((1, 4), "float32", None)]).get(0)[0]
        assert values[0].tolist() == pytest.approx([0, 0.5, -1, (top - 1) / top], abs=1e-7)

    def test_int16_inputs_get_codes(self, tmp_path):
        path = self.write(tmp_path, [1, -2, 3, -4])
        values = open_samples(path, [spec((1, 2), "int16", None)])
        assert everything(values).tolist() == [[[1, -2]], [[3, -4]]]

    def test_windows_channels_and_short_sounds_are_told(self, tmp_path):
        path = self.write(tmp_path, [100, 300, 0, 0, 5, 7], channels=2)
        samples = open_samples(path, [spec((1, 4), "int16", None)])
        assert samples.get(0)[0].tolist() == [[200, 0, 6, 0]]
        assert any("2 channels" in note for note in samples.notes)
        assert any("silence" in note for note in samples.notes)
        path = self.write(tmp_path, range(10))
        samples = open_samples(path, [spec((1, 4), "int16", None)], window_stride=3)
        assert [v.tolist()[0][0] for (v,) in samples] == [0, 3, 6]

    def test_an_open_length_takes_the_whole_sound(self, tmp_path):
        path = self.write(tmp_path, range(10))
        samples = open_samples(path, [free((1,), (-1,))])
        assert samples.inputs[0].spec.shape == (10,)

    @pytest.mark.parametrize("cut", [3, 20, 43, 45, 50])
    def test_files_that_end_early(self, tmp_path, cut):
        path = self.write(tmp_path, range(10))
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(UsageError, match=r"s\.wav"):
            open_samples(path, [spec((1, 4), "int16", None)])

    def test_streams_whose_head_does_not_know_the_length(self, tmp_path):
        path = self.write(tmp_path, range(8))
        raw = bytearray(path.read_bytes())
        raw[4:8] = raw[40:44] = struct.pack("<I", 0xFFFFFFFF)
        path.write_bytes(raw)
        assert open_samples(path, [spec((1, 4), "int16", None)]).count == 2

    def test_float_wav_says_how_to_convert(self, tmp_path):
        path = self.write(tmp_path, range(8))
        raw = bytearray(path.read_bytes())
        raw[20:22] = struct.pack("<H", 3)
        path.write_bytes(raw)
        with pytest.raises(UsageError, match="ffmpeg"):
            open_samples(path, [spec((1, 4), "int16", None)])


class TestFolders:
    def test_files_in_name_order_and_what_is_left_out(self, tmp_path):
        for i in (2, 0, 1):
            np.save(tmp_path / f"s{i}.npy", X[i])
        (tmp_path / "notes.md").write_text("x")
        (tmp_path / ".hidden.npy").write_text("x")
        samples = open_samples(tmp_path, [IMAGE])
        np.testing.assert_array_equal(everything(samples).reshape(-1, 4, 4, 1), X[:3])
        assert any(".md" in note for note in samples.notes)
        assert any("3 files" in note for note in samples.notes)

    def test_more_files_than_may_be_open(self, tmp_path):
        for i in range(300):
            np.save(tmp_path / f"{i:04}.npy", np.full((1, 2), i, np.float32))
        samples = open_samples(tmp_path, [spec((1, 2), "float32", None)])
        assert [int(v[0, 0]) for (v,) in samples] == list(range(300))

    def test_a_file_per_input(self, tmp_path):
        inputs = [spec((1, 2), "float32", None), spec((1, 3), "float32", None)]
        object.__setattr__(inputs[1], "names", ("z",))
        np.save(tmp_path / "z.npy", np.zeros((4, 3)))
        with pytest.raises(UsageError, match="no file for input 'x'"):
            open_samples(tmp_path, inputs)
        np.save(tmp_path / "x.npy", np.ones((4, 2)))
        assert [v.shape for v in open_samples(tmp_path, inputs).get(0)] == [(1, 2), (1, 3)]

    def classes(self, folder, names):
        for place, name in enumerate(names):
            (folder / name).mkdir()
            np.save(folder / name / "a.npy", np.full((2, 1, 2), place, np.float32))
        return open_samples(folder, [spec((1, 2), "float32", None)])

    def test_classes_are_numbered_in_the_order_of_their_names(self, tmp_path):
        samples = self.classes(tmp_path, ["dog", "cat", "bee"])
        assert samples.class_names == ("bee", "cat", "dog")
        assert samples.labels.tolist() == [0, 0, 1, 1, 2, 2]
        assert [int(v[0, 0]) for (v,) in samples] == [2, 2, 1, 1, 0, 0]

    def test_numbers_are_their_own(self, tmp_path):
        samples = self.classes(tmp_path, [str(i) for i in range(11)])
        assert samples.labels.tolist() == [i for i in range(11) for _ in "ab"]

    def test_names_of_the_model_number_them(self, tmp_path):
        samples = self.classes(tmp_path, ["dog", "cat"])
        (tmp_path / "labels.txt").write_text("bee\ndog\ncat\n")
        samples = with_labels(samples, str(tmp_path / "labels.txt"))
        assert samples.labels.tolist() == [2, 2, 1, 1]

    def test_nested_and_empty_folders(self, tmp_path):
        (tmp_path / "test" / "dog").mkdir(parents=True)
        np.save(tmp_path / "test" / "dog" / "a.npy", np.zeros((1, 2), np.float32))
        with pytest.raises(UsageError, match="give the one whose folders are the classes"):
            open_samples(tmp_path, [spec((1, 2), "float32", None)])
        (tmp_path / "none").mkdir()
        with pytest.raises(UsageError, match="it holds nothing"):
            open_samples(tmp_path / "none", [IMAGE])


class TestLabels:
    SAMPLES = None

    def samples(self, tmp_path):
        path = tmp_path / "x.npy"
        np.save(path, X)
        return open_samples(path, [IMAGE])

    @pytest.mark.parametrize(
        ("name", "content", "labels"),
        [
            ("l.txt", "0\n1\n2\n3\n4\n5\n", [0, 1, 2, 3, 4, 5]),
            ("l.txt", "b\na\nb\na\na\na\n", [1, 0, 1, 0, 0, 0]),
            ("l.csv", "id,label\n9,0\n9,1\n9,0\n9,1\n9,0\n9,3\n", [0, 1, 0, 1, 0, 3]),
            ("l.csv", "5\n4\n3\n2\n1\n0\n", [5, 4, 3, 2, 1, 0]),
            ("l.npy", np.eye(6, dtype=int), [0, 1, 2, 3, 4, 5]),
            ("l.npy", np.arange(6.0).reshape(6, 1), [[0], [1], [2], [3], [4], [5]]),
        ],
    )
    def test_every_kind(self, tmp_path, name, content, labels):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.save(path, content)
        assert with_labels(self.samples(tmp_path), str(path)).labels.tolist() == labels

    def test_a_column_and_an_array_by_name(self, tmp_path):
        (tmp_path / "l.csv").write_text("a,b\n" + "1,2\n" * 6)
        labels = with_labels(self.samples(tmp_path), f"{tmp_path}/l.csv:b").labels
        assert labels.tolist() == [2] * 6
        np.savez(tmp_path / "l.npz", y_test=np.arange(6), y_train=np.arange(9))
        labels = with_labels(self.samples(tmp_path), f"{tmp_path}/l.npz:y_test").labels
        assert labels.tolist() == list(range(6))

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("l.txt", "1\n2\n", r"2 label\(s\) for 6 sample\(s\)"),
            ("l.npy", np.arange(7), r"7 label\(s\) for 6"),
            ("l.npy", np.float32(3), r"0 label\(s\) for 6"),
            ("l.npy", np.array(["a"] * 6), "labels are <U1"),
            ("l.npy", np.array([0, 1, np.nan, 3, 4, 5]), r"label \[2\] is nan"),
            ("l.csv", "a,b\n1,2\n", "which column"),
        ],
    )
    def test_what_cannot_be_meant(self, tmp_path, name, content, said):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        else:
            np.save(path, content)
        with pytest.raises(UsageError, match=said) as caught:
            with_labels(self.samples(tmp_path), str(path))
        assert name in str(caught.value)

    def test_no_such_file(self, tmp_path):
        with pytest.raises(UsageError, match="no such file"):
            with_labels(self.samples(tmp_path), str(tmp_path / "none.txt"))


def test_inputs_without_a_name_can_be_chosen(tmp_path):
    """TFLM's own models have tensors whose name is empty."""
    g = GraphBuilder()
    x = g.input("", (1, 2), "float32")
    model = g.build(outputs=[x])
    path = tmp_path / "d.npz"
    np.savez(path, a=np.zeros((2, 2)), b=np.ones((3, 2)))
    with pytest.raises(UsageError, match="'input 0'"):
        with_data(model, DataRequest(str(path)))
    assert with_data(model, DataRequest(f"{path}:b"))[1].count == 3


def test_a_folder_of_many_kinds(tmp_path):
    """In name order; what is done to many files is said once."""
    image = pytest.importorskip("PIL.Image")
    for i in range(5):
        image.fromarray(np.full((6, 6), i, np.uint8)).save(tmp_path / f"{i}.png")
    np.save(tmp_path / "9.npy", np.zeros((1, 4, 4, 1), np.float32))
    samples = open_samples(tmp_path, [IMAGE])
    assert samples.count == 6
    assert any(line.startswith("5 files: 1 of 1 image(s) resized") for line in samples.look())


def test_labels_inside_the_model_number_class_folders(tmp_path):
    """TFLite metadata carries the classes' names in a zip archive behind the flatbuffer."""
    path = tmp_path / "m.tflite"
    save_model(scores(4, 3), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "dog\nowl\ncat\n")
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        np.save(tmp_path / "data" / name / "a.npy", np.zeros((2, 4), np.float32))
    _, samples = with_data(read_model(path), DataRequest(str(tmp_path / "data")))
    assert samples.labels.tolist() == [2, 2, 0, 0]
    assert "inside the model" in samples.labels_origin
