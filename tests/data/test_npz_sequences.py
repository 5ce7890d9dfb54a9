"""Sequences in .npz archives: values or ids, and targets for each sequence or for each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalkgrad import DataError
from chalkgrad.base.errors import DataWarning
from chalkgrad.data import mnist, read_sequences
from chalkgrad.data.dataset import IGNORED, Dataset

RNG = np.random.default_rng(0)
VALUES = RNG.standard_normal((40, 6, 3))
IDS = RNG.integers(0, 5, (40, 6))
KINDS = VALUES.sum(axis=(1, 2)) > 0


def read(path: Path, task: str | None = None, **arrays: Any) -> Dataset:
    np.savez(path / "d.npz", **arrays)
    return read_sequences(path / "d.npz", task=task)


TARGETS = {
    "a class for each": (KINDS.astype(int), (), 2),
    "a word for each": (np.where(KINDS, "up", "down"), (), 2),
    "a class for each step": (np.arange(240).reshape(40, 6) % 4, (6,), 4),
    "a word for each step": (np.where(VALUES[:, :, 0] > 0, "up", "down"), (6,), 2),
    "one-hot rows for each step": (np.eye(3)[IDS % 3], (6,), 3),
    "a number for each": (VALUES[:, 0, 0], (1,), 0),
    "numbers for each": (VALUES[:, 0, :2], (2,), 0),
    "a number for each step": (VALUES[:, :, 0], (6, 1), 0),
    "numbers for each step": (VALUES[:, :, :2], (6, 2), 0),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_of_sequences(kind: str, tmp_path: Path) -> None:
    y, shape, classes = TARGETS[kind]
    data = read(tmp_path, x=VALUES, y=y)
    assert (data.input_shape, data.ids, data.is_sequence) == ((6, 3), 0, True)
    assert (data.y_train.shape, data.y_test.shape) == ((32, *shape), (8, *shape))
    assert len(data.classes) == classes
    joined = {x.tobytes(): t for x, t in zip(data.x_train, data.y_train, strict=True)}
    for x, target in zip(VALUES, y, strict=True):
        if x.tobytes() in joined:
            found = joined[x.tobytes()]
            if classes and target.ndim == 2:
                assert (found == target.argmax(axis=1)).all()
            elif classes:
                assert (np.array(data.classes)[found] == np.asarray(target).astype(str)).all()
            else:
                np.testing.assert_array_equal(found.ravel(), np.asarray(target).ravel())


def test_whole_numbers_are_ids(tmp_path: Path) -> None:
    for name in ("x", "ids"):
        data = read(tmp_path, **{name: IDS, "y": IDS.max(axis=1)})
        assert (data.ids, data.x_train.dtype, data.input_shape) == (5, np.dtype("int64"), (6,))
        assert data.astype("float32").x_train.dtype == np.dtype("int64")
    parts = {"ids_train": IDS[:30], "y_train": IDS[:30, 0], "ids_test": IDS[30:], "y_test": IDS[30:, 0]}
    data = read(tmp_path, **parts)
    assert (data.x_train == IDS[:30]).all()
    assert (data.x_test == IDS[30:]).all()


def test_steps_that_do_not_count(tmp_path: Path) -> None:
    y = (IDS + 1) % 5
    y[:, 4:] = IGNORED
    data = read(tmp_path, x=IDS, y=y)
    assert data.classes == ("0", "1", "2", "3", "4")
    assert (data.y_train[:, 4:] == IGNORED).all()
    assert (data.y_train[:, :4] >= 0).all()
    as_numbers = read(tmp_path, "regression", x=IDS, y=y)
    assert as_numbers.y_train.shape == (32, 6, 1)
    with pytest.raises(DataError, match="does not count"):
        read(tmp_path, x=IDS, y=np.full((40, 6), IGNORED))


BAD = [
    ({"x": VALUES[:, :, 0], "y": KINDS}, r"use x\[:, :, None\] for one value a step"),
    ({"x": VALUES[..., None], "y": KINDS}, r"must be sequences of values, \(N, T, I\), or ids"),
    ({"x": IDS - 1, "y": KINDS}, r"ids, which are 0 or more, but -1 came at \["),
    ({"x": IDS * 10**7, "y": KINDS}, "number those that occur"),
    ({"x": VALUES, "y": VALUES[:, :5]}, "targets for 5 steps"),
    ({"x": VALUES, "y": KINDS[:30]}, "40 samples, but 30 targets"),
    ({"x": VALUES[:3], "y": KINDS[:3]}, "too few"),
    ({"y": KINDS}, "is missing"),
    ({"x": VALUES * np.nan, "y": KINDS}, "NaN"),
    ({"x": np.array(["a"] * 40)[:, None], "y": KINDS}, "must hold numbers"),
    ({"x_train": IDS, "y_train": KINDS, "x_test": IDS[:, :3], "y_test": KINDS}, "the shapes"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD, ids=[m for _, m in BAD])
def test_no_sequences(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, **arrays)


def test_large_values_are_said(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match=r"divide it by .* before"):
        read(tmp_path, x=VALUES * 1000, y=KINDS)


def test_images_as_rows(mnist_directory: Path) -> None:
    images = mnist(mnist_directory, as_bytes=True)
    rows = images.as_rows()
    assert rows.input_shape == (28, 28)
    assert rows.x_test.nbytes == images.x_test.nbytes, "bytes stay bytes"
    assert (rows.x_test[5] == images.x_test[5][0]).all()
    with pytest.raises(DataError, match="images of one channel"):
        rows.as_rows()


def test_a_mask_leaves_steps_out(tmp_path: Path) -> None:
    mask = np.arange(6) < RNG.integers(1, 7, (40, 1))
    y = np.where(mask, IDS % 4, 77)  # what stands in padding is no class
    data = read(tmp_path, ids=IDS, y=y, mask=mask)
    assert data.classes == ("0", "1", "2", "3")
    both = np.concatenate([data.y_train, data.y_test])
    assert (both == IGNORED).sum() == (~mask).sum()
    parts = {f"{n}_{p}": a[s] for n, a in (("x", VALUES), ("y", IDS % 2), ("mask", mask.astype(int)))
             for p, s in (("train", slice(30)), ("test", slice(30, 40)))}  # fmt: skip
    data = read(tmp_path, **parts)
    np.testing.assert_array_equal(data.y_test == IGNORED, ~mask[30:])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"mask": np.full((40, 6), 2)}, r"mask\[0, 0\] is 2; 1 is a step that counts"),
        ({"mask": np.arange(40)[:, None] * np.ones((1, 6)) > 0}, r"mask\[0\] is 0 everywhere, so no step counts"),
        ({"mask": np.ones((40, 5))}, r"mask must be a number for every step, \(40, 6\); it is float64 \(40, 5\)"),
        ({"mask_train": np.ones((40, 6))}, "needs mask for its masks; it has mask_train"),
        ({"mask": np.ones((40, 6)), "y": KINDS.astype(int)}, "a mask goes with a class for every step"),
        ({"mask": np.ones((40, 6)), "y": VALUES[:, :, 0]}, "a mask goes with a class for every step"),
    ],
)
def test_masks_that_are_none(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, **{"x": VALUES, "y": IDS % 2, **arrays})
