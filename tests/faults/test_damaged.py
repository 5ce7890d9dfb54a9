"""Every single-bit flip and every truncation of a small checkpoint: it is refused, or is the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import many

import chalkgrad as cg
from chalkgrad.files.checkpoint import Checkpoint
from chalkgrad.train.checkpoints import checkpoint_files


def network() -> cg.Network:
    return cg.Network([cg.Dense(2), cg.Tanh(), cg.Dense(1)], input_shape=(2,), loss="SquaredError")


def content(path: Path) -> tuple[Any, dict[str, bytes]]:
    found = Checkpoint(path)
    return found.table, {n: found.read(n, p.dtype, p.shape).tobytes() for n, p in found.parts.items()}


def damaged(whole: bytes, step: int) -> Iterator[tuple[str, bytes]]:
    """The content with one bit turned over, or cut off."""
    for bit in range(0, 8 * len(whole), step):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", bytes(changed)
    for length in range(0, len(whole), max(step // 8, 1)):
        yield f"cut after {length}", whole[:length]


def test_a_checkpoint(tmp_path: Path, record: Callable[..., None]) -> None:
    net = network()
    net.fit(np.ones((3, 2)), np.ones(3), max_steps=2, batch_size=2, optimizer="Adam", checkpoints=tmp_path)
    path = checkpoint_files(tmp_path)[-1][2]
    whole, expected = path.read_bytes(), content(path)
    trials = refused = 0
    for what, bad in damaged(whole, many(41, 1)):
        trials += 1
        path.write_bytes(bad)
        try:
            found = content(path)
        except cg.CheckpointError:
            refused += 1
            continue
        assert found == expected, f"silently different: {what}"
    assert refused > 0.99 * trials
    record("Damage", f"every bit of a checkpoint of {len(whole):,} bytes, and every truncation", trials,
           f"{refused:,} refused, {trials - refused:,} loaded identical, 0 silently different")  # fmt: skip


@pytest.mark.long
def test_a_saved_network(tmp_path: Path, record: Callable[..., None]) -> None:
    net = network()
    net.save(tmp_path / "whole")
    expected = net.to_table()
    trials = refused = size = 0
    for file in sorted(p for p in (tmp_path / "whole").rglob("*") if p.is_file()):
        place = tmp_path / "damaged"
        shutil.copytree(tmp_path / "whole", place)
        target = place / file.relative_to(tmp_path / "whole")
        whole = file.read_bytes()
        size += len(whole)
        for what, bad in damaged(whole, many(41, 1)):
            trials += 1
            target.write_bytes(bad)
            try:
                found = cg.load(place)
            except cg.ChalkgradError:
                refused += 1
                continue
            same = found.to_table() == expected and found.steps_taken == net.steps_taken
            assert same, f"{file.name}, silently different: {what}"
            assert np.array_equal(found.flat, net.flat)
        shutil.rmtree(place)
    record("Damage", f"every bit of a saved network's files, {size:,} bytes in all, and every truncation", trials,
           f"{refused:,} refused, {trials - refused:,} loaded identical, 0 silently different")  # fmt: skip
