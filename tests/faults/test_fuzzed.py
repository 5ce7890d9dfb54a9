"""Files with random damage: only the exceptions that are documented, whatever comes."""

from __future__ import annotations

import functools
import os
import random
import shutil
import signal
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from readers import Reader, readers
from trials import many

import chalkgrad as cg

ASKED = int(os.environ.get("CHALKGRAD_FUZZED", "0")) or many(0, 1_000_000)
TRIALS = [ASKED] if ASKED else [100, pytest.param(300, marks=pytest.mark.long)]
SECONDS = 20
"""One file takes no longer."""
WORDS = [
    b"\0", b"\xff" * 4, b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b", b"nan", b"inf", b"-", b"1e999", b"[", b"{", b'"', b"'", b"\n", b",", b"=",
    b"]", b"}", b"\\", b"#", b"../", b"/dev/zero", b"true", b"9" * 30, b"0x", b"\xef\xbb\xbf", b"\r", b";", b"\t", b".",
    b"type", b"O", b"|O", b"True", b"(", b")", b"[[", b"]]", "\u00e9\u2028".encode(),
]  # fmt: skip


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """The content with some damage."""
    content = bytearray(whole)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        size = len(content)
        at = chance.randrange(size + 1)
        match chance.randrange(9):
            case 0 if size:
                content[chance.randrange(size)] ^= 1 << chance.randrange(8)
            case 1 if size:
                content[chance.randrange(size)] = chance.randrange(256)
            case 2:
                del content[at:]
            case 3:
                del content[at : at + chance.randrange(1, 40)]
            case 4:
                content[at:at] = chance.choice(WORDS)
            case 5:
                content[at : at + 4] = struct.pack(chance.choice("<>") + "I", chance.choice((0, 1, 2**31, 2**32 - 1)))
            case 6:
                other = chance.randrange(size + 1)
                content[at:at] = content[other : other + chance.randrange(1, 60)]
            case 7:
                other = chance.randrange(size + 1)
                part = content[other : other + chance.randrange(1, 60)]
                content[at : at + len(part)] = part
            case _:
                content[at : at + 1] = chance.choice(WORDS)
        if len(content) > 4 * len(whole) + 1000:
            break
    return bytes(content)


class Late(BaseException):
    """A file takes too long; no reader catches it."""


def late(*_: object) -> None:
    raise Late(f"a file took longer than {SECONDS} s")


NAMES = [
    "checkpoint", "checkpoint, resumed from", "network.toml", "npy", "run.toml", "IDX", "IDX, gzipped", "npz", "npz, compressed", "CSV",
    "worked example", "claims, JSON", "claims, TOML", "claims, CSV", "claims, npz", "worksheet", "answers, TOML",
    "answers, JSON", "answers, CSV",
]  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Reader]]:
    """The directory of the honest files, and their readers by name."""
    place = tmp_path_factory.mktemp("honest")
    return place, {r.name: r for r in readers(place, 30)}


@pytest.mark.parametrize("trials", TRIALS)
@pytest.mark.parametrize("name", NAMES)
def test_fuzzed(
    tmp_path: Path, honest: tuple[Path, dict[str, Reader]], name: str, trials: int, record: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    place = Path("/dev/shm") / tmp_path.name if trials > 1000 and Path("/dev/shm").is_dir() else tmp_path
    files, found = honest
    shutil.copytree(files, place, dirs_exist_ok=True)
    request.addfinalizer(lambda: shutil.rmtree(place, ignore_errors=True) if place != tmp_path else None)
    monkeypatch.chdir(place)
    assert sorted(found) == sorted(NAMES)
    reader: Reader = found[name]
    path = place / reader.file
    path.write_bytes(reader.honest)
    reader.read(path)
    chance = random.Random(name)
    read = 0
    request.addfinalizer(functools.partial(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, late)))
    handle = os.open(path, os.O_RDWR)
    request.addfinalizer(functools.partial(os.close, handle))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trial in range(trials):
            content = reader.sealed(damaged(reader.honest, chance))
            os.ftruncate(handle, 0)
            os.pwrite(handle, content, 0)
            signal.alarm(SECONDS)
            try:
                reader.read(path)
                read += 1
            except cg.ChalkgradError:
                pass
            except BaseException as error:
                (tmp_path / "found").write_bytes(content)
                raise AssertionError(f"trial {trial}: {type(error).__name__}: {error}; see {tmp_path}/found") from error
            finally:
                signal.alarm(0)
    assert read < trials
    record("Fuzzing", name, trials, f"{trials - read:,} refused with a documented exception, {read:,} read, 0 others")
