"""The named networks on the real MNIST (minutes; only where CHALKGRAD_MNIST says where it lies)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalkgrad.cli.main import main


@pytest.mark.parametrize(("network", "least"), [("mlp", 0.982), ("lenet", 0.991)])
@pytest.mark.long
@pytest.mark.usefixtures("one_thread_a_worker")
def test_accuracy_on_the_test_images(mnist_directory: Path, tmp_path: Path, network: str, least: float) -> None:
    command = ["train", "mnist", "--data", str(mnist_directory), "--network", network]
    assert main([*command, "--out", str(tmp_path), "--quiet", "--no-pictures"]) == 0
    assert json.loads((tmp_path / "test.json").read_text())["accuracy"] >= least
