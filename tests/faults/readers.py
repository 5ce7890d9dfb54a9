"""Every reader of files, with an honest file for each: what the hostile and the fuzzed ones are made from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.data import read_csv, read_idx, read_npz, write_idx
from chalkgrad.diagnosis.claims.file import read_claims_file
from chalkgrad.examples.example import FOLDER
from chalkgrad.files.checkpoint import MAGIC, Checkpoint
from chalkgrad.files.npy import read_npy
from chalkgrad.model.saved import SEAL
from chalkgrad.runs import directory as run_directory
from chalkgrad.train.checkpoints import checkpoint_files
from chalkgrad.worksheet.answers import read_answers
from chalkgrad.worksheet.worksheet import read_worksheet


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        name: its name.
        file: the file's name.
        honest: an honest content.
        read: what reads it, given the file's path.
        sealed: gives damaged content the digest that it should have, so that not all is found by that alone.
    """

    name: str
    file: str
    honest: bytes
    read: Callable[[Path], Any]
    sealed: Callable[[bytes], bytes] = bytes


def _sealed(content: bytes) -> bytes:
    """A checkpoint whose head has the manifest's digest and length, where it can be found."""
    head, _, rest = content.partition(b"\n")
    end = rest.find(b'"}]}', rest.find(b'"parts"')) + 4
    if not head.startswith(MAGIC.encode()) or end < 4:
        return content
    manifest, arrays = rest[:end], rest[end:]
    digest = hashlib.sha256(manifest).hexdigest()
    return f"{MAGIC} 1 {len(manifest)} {digest}\n".encode() + manifest + arrays


def network(size: int = 2) -> cg.Network:
    return cg.Network([cg.Dense(size), cg.Tanh(), cg.Dense(1)], input_shape=(size,), loss="SquaredError")


def _checkpoint(place: Path, size: int) -> bytes:
    net = network(size)
    x = np.ones((3, size))
    net.fit(x, np.ones(3), max_steps=2, batch_size=2, optimizer="Adam", checkpoints=place / "checkpoints")
    return checkpoint_files(place / "checkpoints")[-1][2].read_bytes()


def _read_checkpoint(path: Path) -> None:
    found = Checkpoint(path)
    for name, part in found.parts.items():
        found.read(name, part.dtype, part.shape)


def _read_npy(path: Path, shape: tuple[int, ...]) -> None:
    with path.open("rb") as file:
        read_npy(file, str(path), path.stat().st_size, shape)


def readers(place: Path, numbers: int) -> list[Reader]:
    """All readers; `place` is a directory to work in.

    Args:
        place: the directory.
        numbers: about how many numbers the honest files hold.
    """
    side = max(int(numbers**0.5), 2)
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (side, side), dtype=np.uint8)
    made: list[Reader] = []

    def add(name: str, file: str, honest: bytes, read: Callable[[Path], Any]) -> None:
        made.append(Reader(name, file, honest, read))

    checkpoint = _checkpoint(place, side)
    add("checkpoint", "a.checkpoint", checkpoint, _read_checkpoint)
    x, y = np.ones((3, side)), np.ones(3)
    assert _sealed(checkpoint) == checkpoint

    def resumed(path: Path) -> None:
        network(side).fit(x, y, max_steps=2, batch_size=2, optimizer="Adam", resume=path)

    made.append(Reader("checkpoint, resumed from", "a.checkpoint", checkpoint, resumed, _sealed))
    saved = place / "saved"
    network(side).save(saved)
    weights = next(saved.glob("weights-*/W1.npy"))
    described = (saved / "network.toml").read_bytes().partition(SEAL.encode())[2].partition(b"\n")[2]
    add("network.toml", "saved/network.toml", described, lambda p: cg.load(p.parent))
    add("npy", "W1.npy", weights.read_bytes(), lambda p: _read_npy(p, (side, side)))
    assert main(["train", "spiral", "--epochs", "1", "--quiet", "--no-pictures", "--keep", "0", "--out", str(place / "run")]) == 0  # fmt: skip
    run = (place / "run" / "run.toml").read_bytes()
    add("run.toml", "run/run.toml", run, lambda p: run_directory.read_run(p.parent))
    write_idx(place / "idx", array)
    idx = (place / "idx").read_bytes()
    add("IDX", "images", idx, read_idx)
    add("IDX, gzipped", "images.gz", gzip.compress(idx, mtime=0), read_idx)
    for name, save in (("npz", np.savez), ("npz, compressed", np.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, x=rng.random((side, side), np.float32), y=np.arange(side) % 3)
        add(name, "data.npz", buffer.getvalue(), read_npz)
    rows = rng.random((side, side)).round(4).tolist()
    text = "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    add("CSV", "data.csv", text.encode(), read_csv)
    web = (FOLDER / "web.toml").read_bytes()
    add("worked example", "web.toml", web, cg.load_example)
    claims = {"dW1": [[0.1, 0.2], [0.3, 0.4]], "z1[0, 0]": 0.5, "L": 1e-3}
    add("claims, JSON", "claims.json", json.dumps(claims).encode(), read_claims_file)
    add(
        "claims, TOML", "claims.toml", b'dW1 = [[0.1, 0.2], [0.3, 0.4]]\n"z1[0, 0]" = 0.5\nL = 1e-3\n', read_claims_file
    )
    add("claims, CSV", "claims.csv", b'address,value\n"dW1[0, 1]",0.2\nL,1e-3\n', read_claims_file)
    buffer = io.BytesIO()
    np.savez(buffer, dW1=np.ones((2, 2)), L=np.array(0.1))
    add("claims, npz", "claims.npz", buffer.getvalue(), read_claims_file)
    assert main(["worksheet", "web", "--kind", "gradients", "--out", str(place / "sheet")]) == 0
    sheet_file = (place / "sheet" / "worksheet.toml").read_bytes()
    add("worksheet", "worksheet.toml", sheet_file, read_worksheet)
    sheet = read_worksheet(place / "sheet" / "worksheet.toml")
    words = [sheet.words[b.address] for b in sheet.blanks]
    toml = "".join(f'"{w}" = "0.0821"\n' for w in words).encode()
    add("answers, TOML", "answers.toml", toml, lambda p: read_answers(p, sheet))
    filled = json.dumps(dict.fromkeys(words, "1/3")).encode()
    add("answers, JSON", "answers.json", filled, lambda p: read_answers(p, sheet))
    lines = "".join(f'"{w}";0,0821\n' for w in words).encode()
    add("answers, CSV", "answers.csv", lines, lambda p: read_answers(p, sheet))
    return made
