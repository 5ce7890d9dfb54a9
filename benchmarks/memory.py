"""Peak memory of `chalkgrad train mnist`, beside the same training in PyTorch: python benchmarks/memory.py --data DIR

PyTorch trains the recipe's network (784-512-10) twice: with the images as float32, as most programs hold them, and
with the images kept as bytes, of which each batch is made to numbers. Every training is a process of its own, whose
largest resident size is read when it has ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

EPOCHS = 2
TORCH = """
import sys, torch
from chalkgrad.data import mnist
torch.set_num_threads(2)
data = mnist(sys.argv[1], as_bytes=True)
as_bytes = sys.argv[2] == "bytes"
images, y = torch.from_numpy(data.x_train.stored), torch.from_numpy(data.y_train)
if not as_bytes:
    images = images.float().div_(255)
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
optimizer, criterion = torch.optim.SGD(model.parameters(), 0.1), torch.nn.CrossEntropyLoss()
for _ in range(int(sys.argv[3])):
    order = torch.randperm(len(images))
    for begin in range(0, len(images), 32):
        chosen = order[begin : begin + 32]
        x = images[chosen].float().div_(255) if as_bytes else images[chosen]
        optimizer.zero_grad()
        criterion(model(x), y[chosen]).backward()
        optimizer.step()
"""


def peak(command: list[str]) -> float:
    """The largest resident size of a process, in MiB.

    Raises:
        SystemExit: where it fails.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        assert process.stderr is not None
        sys.exit(f"{command[:4]} failed: {process.stderr.read()[-400:]}")
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="the directory of the four MNIST files")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as out:
        own = [
            sys.executable,
            "-m",
            "chalkgrad",
            "train",
            "mnist",
            "--data",
            data,
            "--epochs",
            str(EPOCHS),
            "--out",
            out,
        ]
        rows = {
            "chalkgrad train mnist": own,
            "chalkgrad train mnist --no-pictures": [*own, "--no-pictures"],
            "PyTorch, images as float32": [sys.executable, "-c", TORCH, data, "float32", str(EPOCHS)],
            "PyTorch, images as bytes": [sys.executable, "-c", TORCH, data, "bytes", str(EPOCHS)],
        }
        for name, command in rows.items():
            print(f"{name:<38}{peak(command):>8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
