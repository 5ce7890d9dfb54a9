"""One epoch of the MNIST perceptron 784-128-10 (float32): chalkgrad beside PyTorch eager and scikit-learn.

    python benchmarks/mlp_epoch.py [--data DIR] [--batch 32 256] [--rounds 7]

Every peer that is installed lives in a process of its own (so that no library's threads disturb another's) and
runs an epoch in its turn, round after round, on the same data and with the same work: shuffled mini-batches, SGD
with learning rate 0.1, ReLU, softmax with cross-entropy. PyTorch runs with one and with two threads. Printed are
medians over the rounds after one warm-up, the lowest time, and the loss at the end, by which one sees that all
did the same. Without MNIST (--data) the pictures are random, which takes as long.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

Peer = tuple[Callable[[int], None], Callable[[], float]]
"""An epoch by its number, and the loss on all samples."""


def chalkgrad(x: Any, y: Any, batch: int) -> Peer:
    import chalkgrad as cg

    net = cg.Network([cg.Dense(128), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=784, loss="CrossEntropy")

    def epoch(number: int) -> None:
        net.fit(x, y, optimizer=cg.SGD(0.1), batch_size=batch, seed=number)

    return epoch, lambda: net.evaluate(x, y).loss


def pytorch(x: Any, y: Any, batch: int, threads: int) -> Peer:
    import torch
    from torch import nn

    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    xs, ys = torch.from_numpy(x), torch.from_numpy(y)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer, criterion = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()

    def epoch(number: int) -> None:
        order = torch.randperm(len(xs))
        for begin in range(0, len(xs), batch):
            chosen = order[begin : begin + batch]
            optimizer.zero_grad()
            criterion(model(xs[chosen]), ys[chosen]).backward()
            optimizer.step()

    def loss() -> float:
        with torch.no_grad():
            return float(criterion(model(xs), ys))

    return epoch, loss


def sklearn(x: Any, y: Any, batch: int) -> Peer:
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (128,), solver="sgd", alpha=0, batch_size=batch, learning_rate_init=0.1, momentum=0, max_iter=1
    )

    def epoch(number: int) -> None:
        model.partial_fit(x, y, classes=np.arange(10))

    return epoch, lambda: float(log_loss(y, model.predict_proba(x)))


def pytorch_1(x: Any, y: Any, batch: int) -> Peer:
    return pytorch(x, y, batch, 1)


def pytorch_2(x: Any, y: Any, batch: int) -> Peer:
    return pytorch(x, y, batch, 2)


PEERS: dict[str, tuple[str, Callable[[Any, Any, int], Peer]]] = {
    "chalkgrad": ("chalkgrad", chalkgrad),
    "PyTorch, 1 thread": ("torch", pytorch_1),
    "PyTorch, 2 threads": ("torch", pytorch_2),
    "scikit-learn": ("sklearn", sklearn),
}


def samples(directory: str | None) -> tuple[Any, Any]:
    if directory is None:
        rng = np.random.default_rng(0)
        return rng.random((60000, 784), np.float32), rng.integers(0, 10, 60000)
    from chalkgrad.data import mnist

    data = mnist(directory)
    return data.x_train.reshape(60000, 784), data.y_train


def worker(name: str, directory: str | None, batch: int, orders: Connection) -> None:
    """Runs an epoch at every order and answers with its seconds; at the end with the loss."""
    epoch, loss = PEERS[name][1](*samples(directory), batch)
    orders.send(0.0)
    while (number := orders.recv()) is not None:
        started = time.perf_counter()
        epoch(number)
        orders.send(time.perf_counter() - started)
    orders.send(loss())


def compare(names: list[str], directory: str | None, batch: int, rounds: int) -> None:
    context = multiprocessing.get_context("spawn")
    lines: dict[str, Connection] = {}
    for name in names:
        lines[name], there = context.Pipe()
        context.Process(target=worker, args=(name, directory, batch, there), daemon=True).start()
        lines[name].recv()
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name, line in lines.items():
            line.send(number)
            seconds = line.recv()
            if number:
                times[name].append(seconds)
    own = statistics.median(times["chalkgrad"])
    print(f"\nbatch {batch}: seconds per epoch, median of {rounds} (lowest), and as a multiple of chalkgrad's median")
    for name, line in lines.items():
        line.send(None)
        middle = statistics.median(times[name])
        print(f"  {name:20s} {middle:.3f} ({min(times[name]):.3f})  {middle / own:5.2f}   loss {line.recv():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="where the four MNIST files lie")
    parser.add_argument("--batch", nargs="+", type=int, default=[32, 256])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    names = [name for name, (module, _) in PEERS.items() if importlib.util.find_spec(module)]
    if missing := [name for name in PEERS if name not in names]:
        print(f"not installed and so not compared: {', '.join(missing)}")
    for batch in arguments.batch:
        compare(names, arguments.data, batch, arguments.rounds)


if __name__ == "__main__":
    main()
