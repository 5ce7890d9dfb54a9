from __future__ import annotations

import hashlib
import io
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import DataError
from chalkgrad.base.errors import DataWarning
from chalkgrad.data import digits, mnist, read_csv, read_npz, spiral, split_indices, vertical, write_idx
from chalkgrad.data import mnist as mnist_function
from chalkgrad.data.mnist import FILES, cache_directory

pytestmark = pytest.mark.usefixtures("own_cache")  # downloads are kept there
mnist_module = __import__("chalkgrad.data.mnist", fromlist=["mnist"])


def test_the_digits_ship_with_the_package() -> None:
    data = digits()
    assert data.x_train.shape == (1438, 1, 8, 8)
    assert data.x_test.shape == (359, 1, 8, 8)
    assert data.x_train.dtype == np.float32
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert np.bincount(data.y_train).sum() + np.bincount(data.y_test).sum() == 1797
    assert np.bincount(data.y_test).tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    assert "CC BY 4.0" in data.source


def test_splits_are_even_over_classes_and_drawn_from_the_seed() -> None:
    classes = np.repeat([0, 1, 2], [50, 30, 20])
    stay, aside = split_indices(100, 0.2, 5, classes)
    assert np.bincount(classes[aside]).tolist() == [10, 6, 4]
    assert sorted([*stay, *aside]) == list(range(100))
    assert (split_indices(100, 0.2, 5, classes)[1] == aside).all()
    assert (split_indices(100, 0.2, 6, classes)[1] != aside).any()
    assert len(split_indices(2, 0.01, 0)[1]) == 1
    assert len(split_indices(2, 0.99, 0)[0]) == 1
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(DataError):
            split_indices(10, share, 0)


def test_toy_data() -> None:
    for data in (spiral(), vertical()):
        assert data.x_train.shape == data.x_test.shape == (300, 2)
        assert (data.x_train != data.x_test).any()
        assert np.bincount(data.y_train).tolist() == [100, 100, 100]
    x, _ = cg.data.spiral_data(50, 2, noise=0.0)
    radius = np.hypot(*x.T)
    np.testing.assert_allclose(radius, np.tile(np.linspace(0, 1, 50), 2), atol=1e-6)
    with pytest.raises(cg.OptionError):
        cg.data.vertical_data(0)


def small_mnist(directory: Path, dotted: bool = False, suffix: str = "") -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        for what, array in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            name = f"{part}-{what}-ubyte"
            write_idx(directory / ((name.replace("-idx", ".idx") if dotted else name) + suffix), array)


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_mnist_from_a_directory_in_every_spelling(tmp_path: Path, dotted: bool, suffix: str) -> None:
    small_mnist(tmp_path, dotted, suffix)
    data = mnist(tmp_path)
    assert data.x_train.shape == (20, 1, 28, 28)
    assert data.x_train.dtype == np.float32
    assert data.x_train.max() <= 1
    assert data.y_test.tolist() == list(range(10))


def test_mnist_in_the_directory_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    small_mnist(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert len(mnist().x_train) == 20


def test_mnist_that_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no directory"):
        mnist(tmp_path / "nothing")
    small_mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(9, np.uint8))
    with pytest.raises(DataError, match="10 images but 9 labels"):
        mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.full(10, 10, np.uint8))
    with pytest.raises(DataError, match="label 10 is out of range"):
        mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros((10, 28, 28), np.uint8))
    with pytest.raises(DataError, match="labels have 1; is it the right file"):
        mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"lacks t10k-labels-idx1-ubyte; it should hold the four files"):
        mnist(tmp_path)


class Net:
    """A stand-in for the network: answers for some hosts, is away for the others."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, url: str, timeout: float) -> Any:
        self.asked.append(url)
        for host, content in self.answers.items():
            if host in url:
                return io.BytesIO(content)
        raise urllib.error.URLError("no route")


def test_without_a_network_one_error_says_which_files_go_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("urllib.request.urlopen", Net({}))
    with pytest.raises(DataError) as caught:
        mnist_function()
    message = str(caught.value)
    assert "\n" not in message
    assert all(name in message for name in FILES)
    assert "--data" in message


def test_a_download_is_checked_and_the_next_mirror_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small_mnist(tmp_path, suffix=".gz")
    content = {name: (tmp_path / f"{name}.gz").read_bytes() for name in FILES}
    sums = {name: (len(c), hashlib.sha256(c).hexdigest()) for name, c in content.items()}
    monkeypatch.setattr(mnist_module, "FILES", sums)

    class Mirrors(Net):
        def __call__(self, url: str, timeout: float) -> Any:
            self.asked.append(url)
            if "ossci" in url:
                return io.BytesIO(b"<html>not here</html>")
            return io.BytesIO(content[url.rsplit("/", 1)[1].removesuffix(".gz")])

    net = Mirrors({})
    monkeypatch.setattr("urllib.request.urlopen", net)
    assert len(mnist_function().x_train) == 20
    assert len(net.asked) == 8
    assert len(mnist_function().x_train) == 20
    assert len(net.asked) == 8, "the second time it comes from the cache"
    assert sorted(p.name for p in cache_directory().iterdir()) == sorted(f"{name}.gz" for name in FILES)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_of_classes(tmp_path: Path) -> None:
    rows = "".join(f"{i / 10},{-i},{'ab'[i % 2]}\n" for i in range(20))
    data = read_csv(write(tmp_path / "t.csv", "u,v,kind\n" + rows))
    assert data.classes == ("a", "b")
    assert data.x_train.shape == (16, 2)
    assert len(data.x_test) == 4
    by_name = read_csv(
        write(tmp_path / "t.csv", "kind;u\n" + "".join(f"{'ab'[i % 2]};{i}\n" for i in range(20))), target="kind"
    )
    assert by_name.classes == ("a", "b")
    by_number = read_csv(tmp_path / "t.csv", target="1")
    np.testing.assert_array_equal(by_number.x_train, by_name.x_train)


def test_csv_of_numbers_without_a_header(tmp_path: Path) -> None:
    data = read_csv(write(tmp_path / "t.csv", "".join(f"{i},{i * 0.5 + 0.25}\n" for i in range(10))))
    assert data.classes == ()
    assert data.y_train.shape == (8, 1)
    whole = read_csv(write(tmp_path / "t.csv", "".join(f"{i},{i % 3}\n" for i in range(10))))
    assert whole.classes == ("0", "1", "2")


BAD_CSV = {
    "": "is empty",
    "a,b\n": "no samples",
    "a\n1\n2\n": "one column",
    "a,b\n1,2\n3\n": "line 3: 1 cells",
    "a,b\n1,2\nx,2\n3,4\n4,4\n5,5\n": "line 3, column a: 'x' is no finite number",
    "a,b\n1,2\nnan,2\n": "no finite number",
    "a,b\n1,2\ninf,2\n": "no finite number",
    "a,b\n1,2\n3,4\n": "too few",
}


@pytest.mark.parametrize("text", BAD_CSV)
def test_bad_csv(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=BAD_CSV[text]):
        read_csv(write(tmp_path / "t.csv", text))


def test_csv_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'kindd'; did you mean 'kind'"):
        read_csv(write(tmp_path / "t.csv", "u,kind\n1,2\n"), target="kindd")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="no CSV file"):
        read_csv(tmp_path / "t.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")


def test_npz(tmp_path: Path) -> None:
    x, y = np.zeros((20, 8, 8), np.uint8) + 255, np.arange(20) % 4
    np.savez(tmp_path / "a.npz", x=x, y=y)
    data = read_npz(tmp_path / "a.npz")
    assert data.input_shape == (1, 8, 8)
    assert data.x_train.max() == 1
    assert data.classes == ("0", "1", "2", "3")
    named = {
        "x_train": x,
        "y_train": y,
        "x_test": x[:4],
        "y_test": y[:4],
        "classes": np.array(["a", "b", "c", "d"]),
    }
    np.savez_compressed(tmp_path / "b.npz", **named)
    assert read_npz(tmp_path / "b.npz").classes == ("a", "b", "c", "d")
    np.savez(tmp_path / "c.npz", x=np.ones((10, 3)), y=np.ones((10, 2)))
    assert read_npz(tmp_path / "c.npz").classes == ()


def test_bad_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.ones((10, 3)))
    with pytest.raises(DataError, match="x_train is missing"):
        read_npz(path)
    np.savez(path, x=np.ones((10, 3)), y=np.arange(9))
    with pytest.raises(DataError, match="10 samples, but 9 targets"):
        read_npz(path)
    np.savez(path, x=np.array([object()]), y=np.arange(1))
    with pytest.raises(DataError, match="Python objects"):
        read_npz(path)
    np.savez(path, x=np.full((10, 3), np.nan), y=np.arange(10))
    with pytest.raises(DataError, match="NaN"):
        read_npz(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot be read"):
        read_npz(path)


def test_the_real_mnist(mnist_directory: Path) -> None:
    data = mnist(mnist_directory)
    assert data.x_train.shape == (60000, 1, 28, 28)
    assert data.x_test.shape == (10000, 1, 28, 28)
    assert np.bincount(data.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, x=np.eye(20), y=np.arange(20) % 2, sample_weight=np.ones(20), note=np.ones(1))
    with pytest.warns(DataWarning, match="own.npz: sample_weight, note not read; known are x, y, x_train"):
        read_npz(path)
