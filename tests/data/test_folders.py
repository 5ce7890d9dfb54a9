"""Images in folders, one folder a class."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.data.folders import read_size

Image: Any = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def save(path: Path, pixels: Any, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def pets(root: Path, counts: dict[str, int], size: tuple[int, ...] = (8, 6), ending: str = "png") -> dict[str, Any]:
    """Folders of images: those of the k-th class are darker by k * 60."""
    made: dict[str, Any] = {}
    for k, (name, count) in enumerate(counts.items()):
        for i in range(count):
            made[f"{name}/{i:02d}"] = RNG.integers(150, 200, size, dtype=np.uint8) - np.uint8(60 * k)
            save(root / name / f"{i:02d}.{ending}", made[f"{name}/{i:02d}"])
    return made


def test_folders_of_grey_images(tmp_path: Path) -> None:
    made = pets(tmp_path / "pets", {"dog": 10, "cat": 5})
    (tmp_path / "pets" / ".hidden").mkdir()
    data = cg.data.read_folders(tmp_path / "pets")
    assert (data.name, data.classes, data.input_shape) == ("pets", ("cat", "dog"), (1, 8, 6))
    assert (len(data.x_train), len(data.x_test)) == (12, 3)
    assert sorted(data.y_test.tolist()) == [0, 1, 1]
    assert data.notes == ()
    every = {image.tobytes() for image in made.values()}
    assert {np.uint8(np.round(np.asarray(x) * 255)).tobytes() for x in (*data.x_train, *data.x_test)} == every
    assert data.x_train[0].dtype == np.float32


@pytest.mark.parametrize("test", ["test", "val"])
def test_train_and_test_apart_and_colour(tmp_path: Path, test: str) -> None:
    pets(tmp_path / "train", {"a": 3, "b": 2}, (5, 5, 3))
    made = pets(tmp_path / test, {"b": 1}, (5, 5, 3))
    save(tmp_path / "train" / "a" / "grey.JPG", RNG.integers(0, 255, (5, 5), dtype=np.uint8))
    (tmp_path / "train" / "a" / "notes.txt").write_text("hello")
    data = cg.data.read_folders(tmp_path)
    assert data.input_shape == (3, 5, 5), "one in colour is enough"
    assert data.y_train.tolist() == [0, 0, 0, 0, 1, 1]
    assert data.y_test.tolist() == [1]
    assert np.allclose(data.x_test[0], made["b/00"].transpose(2, 0, 1) / 255)
    assert any("notes.txt" in note for note in data.notes)


def test_all_resized_or_the_file_named(tmp_path: Path) -> None:
    pets(tmp_path, {"a": 5, "b": 5})
    save(tmp_path / "b" / "large.png", RNG.integers(0, 255, (16, 12), dtype=np.uint8))
    with pytest.raises(cg.DataError, match=r"b/large.png is 16 x 12 .*a/00.png is 8 x 6: .*--size 8x6"):
        cg.data.read_folders(tmp_path)
    data = cg.data.read_folders(tmp_path, size=(4, 3))
    assert data.input_shape == (1, 4, 3)
    assert (read_size("4"), read_size("4x3")) == ((4, 4), (4, 3))
    for text in ("", "0x4", "4x", "4096x4097", "-3", "4x3x2", "ten"):
        with pytest.raises(cg.DataError, match="a size is a height and a width"):
            read_size(text)


def test_opacity_and_palettes(tmp_path: Path) -> None:
    pets(tmp_path, {"a": 5, "b": 5}, (4, 4, 3))
    save(tmp_path / "a" / "z.png", RNG.integers(0, 255, (4, 4, 4), dtype=np.uint8))
    save(tmp_path / "b" / "z.png", RNG.integers(0, 255, (4, 4, 3), dtype=np.uint8), "P")
    data = cg.data.read_folders(tmp_path)
    assert data.input_shape == (3, 4, 4)
    assert data.notes == ("some images have an opacity, which is left out",)


def bomb(path: Path, side: int) -> None:
    """A PNG whose head claims side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    path.write_bytes(content)


def damaged(root: Path, kind: str) -> str:
    file = root / "a" / "bad.png"
    match kind:
        case "bomb":
            bomb(file, 30_000)
            return "far more|more pixels|unpack"
        case "smaller bomb":
            bomb(file, 9_000)
            return "unpack"
        case "no image":
            file.write_bytes(b"hello")
            return "no PNG or JPEG, whatever its name says"
        case "another format":
            Image.fromarray(np.zeros((8, 6), np.uint8)).save(file, format="GIF")
            return "no PNG or JPEG, whatever its name says"
        case "cut off":
            whole = (root / "a" / "00.png").read_bytes()
            file.write_bytes(whole[: len(whole) - 25])
            return "bad.png"
        case "16 bits":
            Image.fromarray(np.zeros((8, 6), np.uint16)).save(file)
            return "8 bits a channel"
        case "folder":
            (root / "a" / "inner").mkdir()
            return "is a folder in the folder of a class"
        case "one class":
            for path in (root / "b").iterdir():
                path.unlink()
            (root / "b").rmdir()
            return "has 1 folders"
        case _:
            for path in [*(root / "a").iterdir(), *(root / "b").iterdir()]:
                path.unlink()
            return "there is no PNG or JPEG"


@pytest.mark.parametrize(
    "kind",
    ["bomb", "smaller bomb", "no image", "another format", "cut off", "16 bits", "folder", "one class", "empty"],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    pets(tmp_path, {"a": 5, "b": 5})
    with pytest.raises(cg.DataError, match=damaged(tmp_path, kind)):
        cg.data.read_folders(tmp_path)


def test_train_and_test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    pets(Path("pets"), {"dog": 20, "cat": 20}, (10, 9))
    quick = ["--epochs", "200", "--optimizer", "Adam", "--learning-rate", "0.01", "--quiet", "--no-pictures"]
    assert main(["train", "pets/", "--size", "8", *quick]) == 0
    assert cg.load("runs/pets-mlp").input_shape == (1, 8, 8)
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "pets")
    assert main(["test", "../runs/pets-mlp"]) == 0
    assert "accuracy 100.00%" in capsys.readouterr().out
    save(Path("cat") / "00.png", np.zeros((10, 9), np.uint8))
    assert main(["test", "../runs/pets-mlp"]) == 2
    assert "trained on other data" in capsys.readouterr().err
    assert main(["train", "digits", "--size", "8", *quick]) == 2
    assert "--size is about images in folders" in capsys.readouterr().err
