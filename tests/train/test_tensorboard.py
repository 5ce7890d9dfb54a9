"""TensorBoard's event files hold what the history says."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

X = np.random.default_rng(0).standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)


def network() -> cg.Network:
    return cg.Network([cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy")


def written(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of the event files in a folder: a record is its length, a checksum, an Event, a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack("<Q", content[at : at + 8])
            event = Event.FromString(content[at + 12 : at + 12 + size])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += size + 16
    return found


def test_event_files_hold_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    folder = tmp_path / "a" / "logs"
    history = network().fit(X, Y, epochs=3, validation=0.25, metrics=["f1"], callbacks=[cg.TensorBoard(folder)])
    found = written(folder)
    names = {"loss/training": "loss", "loss/validation": "val_loss", "accuracy/validation": "val_accuracy",
             "f1/training": "f1", "f1/validation": "val_f1", "learning_rate": "learning_rate"}  # fmt: skip
    assert set(found) == set(names)
    for tag, column in names.items():
        assert [step for step, _ in found[tag]] == [1, 2, 3]
        assert [value for _, value in found[tag]] == pytest.approx(history.column(column), rel=1e-6)


def test_a_resumed_training_goes_on_in_them(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    settings: dict[str, Any] = {"callbacks": [cg.TensorBoard(str(tmp_path / "logs"))]}
    network().fit(X, Y, epochs=2, checkpoints=tmp_path / "kept", **settings)
    history = network().fit(X, Y, epochs=4, resume=tmp_path / "kept", **settings)
    found = written(tmp_path / "logs")
    assert [step for step, _ in found["loss/training"]] == [1, 2, 3, 4]
    assert [value for _, value in found["loss/training"]] == pytest.approx(history.column("loss"), rel=1e-6)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cg.OptionError, match="directory is a path"):
        cg.TensorBoard(3)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(cg.OptionError, match=r"pip install 'chalkgrad\[tensorboard\]'"):
        cg.TensorBoard(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("")
    with pytest.raises(cg.OptionError, match="cannot be made"):
        cg.TensorBoard(tmp_path / "file" / "logs")
