"""What the named networks reach on MNIST by their default recipes, over several seeds.

    python benchmarks/accuracy.py --data DIR [--networks mlp lenet] [--seeds 0 1 2]

Every training is the command `chalkgrad train mnist --network NAME --seed SEED` in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path


def train(network: str, seed: int, data: str | None, out: Path) -> tuple[float, float, int]:
    """Accuracy on the test images, seconds of training, epochs."""
    command = [sys.executable, "-m", "chalkgrad", "train", "mnist", "--network", network, "--seed", str(seed)]
    command += ["--out", str(out), "--quiet", "--no-pictures"] + (["--data", data] if data else [])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((out / "test.json").read_text())
    result = tomllib.loads((out / "run.toml").read_text())["result"]
    return found["accuracy"], result["seconds"], result["epochs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="where the four MNIST files lie")
    parser.add_argument("--networks", nargs="+", default=["mlp", "lenet"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    for network in arguments.networks:
        reached: list[float] = []
        for seed in arguments.seeds:
            with tempfile.TemporaryDirectory() as out:
                started = time.perf_counter()
                accuracy, seconds, epochs = train(network, seed, arguments.data, Path(out))
                whole = time.perf_counter() - started
            reached.append(accuracy)
            print(
                f"{network}, seed {seed}: {accuracy:.2%} after {epochs} epochs, "
                f"{seconds:.0f} s of training, {whole:.0f} s in all",
                flush=True,
            )
        print(f"{network}: lowest {min(reached):.2%}, median {statistics.median(reached):.2%}\n", flush=True)


if __name__ == "__main__":
    main()
