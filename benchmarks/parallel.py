"""When is it worth it to have a batch's shards computed by several processes, or on Ray? Measured beside a model.

A step of a training with S shards takes, in one process,

    S p + u                 p: the pass over one shard; u: the sum and the update

and with W workers

    ceil(S / W) p + u + t(P),    t(P) about l + (W + S) P / b

where P are the bytes of the parameters: every worker is sent them once a step, and every shard's gradients come back.
t(P) is measured with workers that only give back what they are sent (l: the time to ask all of them once; b: the bytes
a second of larger blocks), p and u with one process. The model knows nothing else of a step by workers.

For dense layers p is about 6 (P/4) (n/S) / F, with n samples in a batch and F operations a second, so that P cancels:
what decides is the batch. It has to have more than n* = (W + S) 4 F / (6 b (1 - 1/W)) samples. Layers that use a weight
at many places or times (Conv2D, LSTM, Attention) need that many fewer.

    python benchmarks/parallel.py            # two processes
    python benchmarks/parallel.py --ray      # and two actors on a Ray cluster that is started here
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.base.columns import table
from chalkgrad.parallel.crew import crew

SHARDS, WORKERS = 4, 2
CASES: dict[str, tuple[Callable[[], list[cg.Layer]], tuple[int, ...], int]] = {
    "784-128-10": (lambda: [cg.Dense(128), cg.ReLU()], (784,), 64),
    "784-128-10, large batch": (lambda: [cg.Dense(128), cg.ReLU()], (784,), 2048),
    "784-1024-1024-10": (lambda: [cg.Dense(1024), cg.ReLU(), cg.Dense(1024), cg.ReLU()], (784,), 256),
    "784-1024-1024-10, large batch": (lambda: [cg.Dense(1024), cg.ReLU(), cg.Dense(1024), cg.ReLU()], (784,), 4096),
    "CNN, 28 x 28": (
        lambda: [
            *(cg.Conv2D(8, 5), cg.ReLU(), cg.MaxPool2D(2)),
            *(cg.Conv2D(16, 5), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(64), cg.ReLU()),
        ],
        (1, 28, 28),
        256,
    ),
    "LSTM, 32 steps": (lambda: [cg.LSTM(128)], (32, 32), 256),
}


class Echo:
    """A worker that gives back so many blocks of what it is sent."""

    def __call__(self, item: tuple[np.ndarray, int]) -> list[np.ndarray]:
        return [item[0].copy() for _ in range(item[1])]


def transfer(ray: str | None, sizes: list[int]) -> list[float]:
    """Seconds of a step in which nothing is computed, for parameters of so many bytes each."""
    hands = crew(Echo, WORKERS, ray)
    try:
        seconds: list[float] = []
        for size in sizes:
            items = [(np.zeros(size // 4, np.float32), SHARDS // WORKERS)] * WORKERS
            hands.do(items)
            seconds.append(best(lambda items=items: hands.do(items), 30))
        return seconds
    finally:
        hands.close()


def best(what: Callable[[], object], times: int) -> float:
    """The shortest of so many runs: on a machine that others use, the one that they disturbed least."""
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        taken.append(time.perf_counter() - start)
    return min(taken)


class Clock(cg.Callback):
    """The shortest step of a training."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.last = 0.0

    def on_step(self, training: Any) -> None:
        now = time.perf_counter()
        if training.step > 3:  # the first steps make what is kept
            self.steps.append(now - self.last)
        self.last = now


def step(case: str, seconds: float, **settings: Any) -> tuple[float, int, str]:
    """Seconds of a step, bytes of the parameters, and the engine."""
    layers, shape, batch = CASES[case]
    net = cg.Network([*layers(), cg.Dense(10), cg.Softmax()], input_shape=shape, loss=cg.CrossEntropy())
    random = np.random.default_rng(0)
    x = random.normal(size=(batch, *shape)).astype(np.float32)
    y = random.integers(0, 10, batch)
    clock = Clock()
    start = time.perf_counter()

    class Enough(cg.Callback):
        def on_step(self, training: Any) -> None:
            if training.step > 8 and time.perf_counter() - start > seconds:
                training.stop()

    history = net.fit(x, y, batch_size=batch, max_steps=2000, callbacks=[clock, Enough()], shuffle=False, **settings)
    return min(clock.steps), net.flat.nbytes, history.engine


def update(size: int) -> float:
    """Seconds to add up the shards' blocks of so many bytes, and to update by SGD, about."""
    blocks = [np.ones(size // 4, np.float32) for _ in range(SHARDS)]
    total = np.zeros(size // 4, np.float32)

    def work() -> None:
        total[...] = 0
        for block in blocks:
            np.add(total, np.float32(0.25) * block, out=total)
        blocks[0] - np.float32(0.1) * total

    return best(work, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ray", action="store_true", help="on Ray too")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement (default 2)")
    arguments = parser.parse_args()
    ways: dict[str, str | None] = {"processes": None}
    if arguments.ray:
        import ray

        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        ways["Ray"] = "auto"
    cores = len(os.sched_getaffinity(0))
    print(
        f"{cores} cores, {SHARDS} shards, {WORKERS} workers, float32, SGD; milliseconds a step, the shortest of many\n"
    )
    for way, ray_address in ways.items():
        alone = {case: step(case, arguments.seconds, shards=SHARDS) for case in CASES}
        sizes = [size for _, size, _ in alone.values()]
        latency, large, *moving = transfer(ray_address, [32, 2**22, *sizes])
        bandwidth = (WORKERS + SHARDS) * 2**22 / (large - latency)
        print(f"{way}: l = {1e3 * latency:.2f} ms, b = {bandwidth / 1e9:.2f} GB/s")
        rows: list[list[str]] = []
        for (case, (one, size, _)), moved in zip(alone.items(), moving, strict=True):
            batch = CASES[case][2]
            u = update(size)
            p = (one - u) / SHARDS
            model = ceil(SHARDS / WORKERS) * p + u + moved
            two = step(case, arguments.seconds, shards=cg.Shards(SHARDS, WORKERS, ray_address))[0]
            whole = step(case, arguments.seconds, engine="numpy")[0]
            compiled = step(case, arguments.seconds, engine="compiled")[0]
            rows.append(
                [
                    case, str(batch), f"{size / 2**20:.2f}", *(f"{1e3 * t:.2f}" for t in (one, two, model)),
                    f"{one / two:.2f}", *(f"{1e3 * t:.2f}" for t in (whole, compiled)),
                ]
            )  # fmt: skip
        head = ["network", "batch", "MiB", "1 process", "2 workers", "model", "gain", "unsharded", "compiled"]
        print(table(head, rows, range(1, len(head))), end="\n\n")


if __name__ == "__main__":
    main()
