"""Names and texts as ids: what stands for what, what does not count, and which files are no texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chalkgrad import DataError, OptionError
from chalkgrad.base.errors import CheckpointError
from chalkgrad.data import names, read_text
from chalkgrad.data.dataset import IGNORED
from chalkgrad.data.names import first_names
from chalkgrad.data.vocabulary import MOST, Vocabulary


def test_the_names_ship_with_the_package() -> None:
    texts = first_names()
    assert len(texts) == len(set(texts)) == 5163
    assert texts == sorted(texts)
    assert {"mary", "james", "zulma"} <= set(texts)
    data = names()
    assert data.x_train.shape == data.y_train.shape == (4647, 12)
    assert data.x_test.shape == data.y_test.shape == (516, 12)
    assert data.classes == ("end", *"abcdefghijklmnopqrstuvwxyz")
    assert data.ids == 27
    assert "public domain" in data.source


def test_a_name_begins_ends_and_is_filled_up() -> None:
    data = names()
    assert data.vocabulary is not None
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    assert sorted(data.vocabulary.decode(row) for row in x) == first_names()
    for ids, following in zip(x, y, strict=True):
        length = int((ids > 0).sum())
        assert ids[0] == 0
        assert following[length] == 0
        assert (following[:length] == ids[1 : length + 1]).all()
        assert (following[length + 1 :] == IGNORED).all()
        assert (ids[length + 1 :] == 0).all()


def test_a_vocabulary_there_and_back() -> None:
    for vocabulary in (Vocabulary("abc"), Vocabulary("abc", ends=True)):
        assert vocabulary.decode(vocabulary.encode("cab")) == "cab"
        assert len(vocabulary.labels) == vocabulary.size
        assert Vocabulary.from_table(vocabulary.to_table(), "run.toml") == vocabulary
    assert Vocabulary("abc", ends=True).encode("ab").tolist() == [1, 2]
    assert Vocabulary("abc", ends=True).decode([0, 2, 1, 0]) == "ba"
    with pytest.raises(DataError, match=r"character 2 of the text, 'x', is none of the 3 .*: \"abc\""):
        Vocabulary("abc").encode("axy")
    with pytest.raises(DataError, match="character 1"):
        Vocabulary("abc").encode("\U0001f600")
    for damaged in ({}, {"characters": 3}, {"characters": "ba"}, {"characters": "aa"}, {"characters": "", "ends": True},
                    {"characters": "ab", "ends": 1}, {"characters": "".join(map(chr, range(200, 201 + MOST)))}):  # fmt: skip
        with pytest.raises(CheckpointError, match="no list of characters"):
            Vocabulary.from_table(damaged, "run.toml")


TEXT = "the quick brown fox\njumps over the lazy dog\n" * 30


def test_windows_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(TEXT)
    data = read_text(tmp_path / "book.txt", window=20)
    assert data.vocabulary is not None
    assert data.name == "book"
    assert data.vocabulary.characters == "".join(sorted(set(TEXT)))
    length = len(TEXT) - len(TEXT) // 10
    assert data.x_train.shape == ((length - 1) // 20, 20)
    written = data.vocabulary.decode(data.x_train.ravel())
    assert TEXT.startswith(written)
    assert data.vocabulary.decode(data.y_train.ravel()) == TEXT[1 : len(written) + 1]
    last = data.vocabulary.decode(data.x_test.ravel())
    assert TEXT[length:].startswith(last), "the last tenth"
    assert f"{len(TEXT):,} characters, 28 different ones, in windows of 20" in data.notes[0]


def test_byte_order_marks_and_line_ends_are_no_characters(tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text(TEXT)
    for name, content in (
        ("bom.txt", b"\xef\xbb\xbf" + TEXT.encode()),
        ("windows.txt", TEXT.replace("\n", "\r\n").encode()),
        ("old.txt", TEXT.replace("\n", "\r").encode()),
    ):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(read_text(tmp_path / name).x_train, read_text(plain).x_train), name


def test_too_many_characters_are_read_as_one(tmp_path: Path) -> None:
    """Each of the first 1,100 once, and then some of them often."""
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 1100)))
    (tmp_path / "t.txt").write_text(letters + letters[:50] * 20, encoding="utf-8")
    data = read_text(tmp_path / "t.txt", window=8)
    assert data.vocabulary is not None
    assert data.vocabulary.size == MOST
    assert data.vocabulary.characters[-1] == "\ufffd"
    assert set(letters[:50]) < set(data.vocabulary.characters)
    assert any("the 101 rarest of its 1,100" in note for note in data.notes)


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b"\n  \r\n", "is empty"),
    "short": (b"hello world", "holds 11 characters; windows of 64 need at least 650"),
    "nearly": (TEXT.encode()[:649], "need at least 650; --window 63 fits"),
    "one": (b"a" * 900, "nothing but the character 'a'"),
    "binary": (bytes(range(256)) * 9, "holds zero bytes"),
    "latin": ("caf\xe9\n".encode("latin-1") * 300, "line 1 is no text in UTF-8"),
    "later": (b"cafe\n" * 300 + b"\xff", "line 301 is no text in UTF-8"),
    "utf16": (TEXT.encode("utf-16"), "UTF-16"),
}


@pytest.mark.parametrize("name", BAD)
def test_no_texts(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    (tmp_path / "t.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "t.txt")


def test_no_file_and_no_window(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_text(tmp_path)
    with pytest.raises(OptionError, match="window"):
        read_text(tmp_path, window=0)
