"""Training and predicting side by side: chalkgrad's engines, PyTorch, JAX and scikit-learn, with the same work.

    python benchmarks/engines.py [--data DIR] [--rounds 5] [--only mlp-32 cnn-64] [--json FILE] [--chart FILE]
                                 [--growth]
    CHALKGRAD_THREADS=2 python benchmarks/engines.py --data DIR --only lstm-64 gpt-32 strided-64 mlp-1

Every peer that is installed lives in a process of its own and runs an epoch (of the worked example cnn: as many steps
as take a while) in its turn, round after round, after a warm-up that is timed apart (compiling). Printed are medians,
the lowest time, how often chalkgrad's compiled engine is contained in it, and the loss afterwards, by which one sees
that all did the same work. PyTorch runs eagerly with one and two threads, with flushed denormals, for images also
with channels last, and compiled where that works; JAX with a whole epoch in one jitted scan, for convolutions a
jitted step. `--growth` draws how chalkgrad's time grows with width, depth, batch and data, and what share of the
machine's matrix-product peak that is. MNIST's pixels are 81 % zeros, which chalkgrad's compiled engine skips in
training where a dense layer sees them; two lines are of pictures without zeros. The last four lines are predictions:
from an array of images to one of probabilities, by networks that were not trained. Without MNIST (--data) the pictures
are random, of as many zeros, which lie apart: the skipping lines then take longer.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[int], "float | None"]
Peer = tuple[Run, Callable[[], float], int]
"""An epoch by its number (which may say itself how long it took), the loss afterwards, the steps of an epoch."""
PAUSE = 0.4
"""Seconds between two runs: the threads of some libraries go on spinning for a while."""


@dataclass(frozen=True)
class Work:
    """One line of the table: what is trained, in batches of how many, by which optimizer; without `zeros` on pictures
    that have none: 1/255 stands for 0. Where it `predicts`, so many images at once are all that is computed.
    """

    title: str
    network: str
    batch: int
    optimizer: str = "SGD"
    zeros: bool = True
    predicts: int = 0

    @property
    def calls(self) -> int:
        """How many predictions are a round."""
        return max(5, 5000 // self.predicts)

    @property
    def unit(self) -> str:
        """What the time is of."""
        return "call" if self.predicts else "step" if self.network in ("000", "gpt") else "epoch"


WORKS = {
    "lstm-64": Work("MNIST's rows, LSTM 128, SGD, batch 64, 6,400 samples", "lstm", 64),
    "gpt-32": Work("GPT, 2 blocks of width 64, T = 64, AdamW, batch 32", "gpt", 32, "AdamW"),
    "strided-64": Work("CNN 32-64 with strides of 2, 32 x 32 images, SGD, batch 64, 1,280 samples", "strided", 64),
    "cnn-000": Work("the worked example cnn", "000", 1),
    "mlp-32": Work("MNIST 784-128-10, SGD, batch 32", "mlp", 32),
    "mlp-256": Work("MNIST 784-128-10, SGD, batch 256", "mlp", 256),
    "adam-32": Work("MNIST 784-128-10, Adam, batch 32", "mlp", 32, "Adam"),
    "full-32": Work("the same without zeros, SGD, batch 32", "mlp", 32, zeros=False),
    "full-256": Work("the same without zeros, SGD, batch 256", "mlp", 256, zeros=False),
    "cnn-64": Work("MNIST CNN 8-16-10, SGD, batch 64", "cnn", 64),
    "mlp-1": Work("784-128-10 predicts 1 image", "mlp", 32, predicts=1),
    "mlp-10000": Work("784-128-10 predicts 10,000 images", "mlp", 32, predicts=10_000),
    "cnn-1": Work("CNN 8-16-10 predicts 1 image", "cnn", 64, predicts=1),
    "cnn-10000": Work("CNN 8-16-10 predicts 10,000 images", "cnn", 64, predicts=10_000),
}
OF_README = ("mlp-32", "cnn-64", "lstm-64", "gpt-32", "mlp-1")
"""The five lines that the README shows; docs/engines.md has all."""
RATES = {"SGD": 0.1, "Adam": 0.001, "AdamW": 0.001}
IDS, HEADS, BLOCKS = 65, 4, 2
"""The GPT's vocabulary, heads and blocks."""
STEPS = 1_000_000
"""Steps of the worked example cnn in a round by the quick ones; the others make"""
SLOW_STEPS = 5_000


def samples(directory: str | None, work: Work) -> tuple[Any, Any]:
    if work.network == "gpt":
        drawn = np.random.default_rng(0).integers(0, IDS, (640, 65))
        return drawn[:, :-1], drawn[:, 1:]
    if work.network == "lstm":
        x, y = samples(directory, replace(work, network="mlp"))
        return x[:6400].reshape(-1, 28, 28), y[:6400]
    if work.network == "strided":
        rng = np.random.default_rng(0)
        return rng.random((1280, 3, 32, 32), np.float32), rng.integers(0, 10, 1280)
    shape = (60000, 1, 28, 28) if work.network == "cnn" else (60000, 784)
    if directory is None:
        rng = np.random.default_rng(0)
        x, y = rng.random(shape, np.float32) * (rng.random(shape, np.float32) < 0.19), rng.integers(0, 10, 60000)
    else:
        from chalkgrad.data import mnist

        data = mnist(directory)
        x, y = data.x_train.reshape(shape), data.y_train
    return x if work.zeros else np.maximum(x, np.float32(1 / 255)), y


def again(work: Work, predict: Callable[[], Any]) -> Run:
    """A round of predictions."""

    def calls(number: int) -> None:
        for _ in range(work.calls):
            predict()

    return calls


def document_000() -> Any:
    from chalkgrad.examples.example import load_example

    return load_example("cnn")


# -- chalkgrad -------------------------------------------------------------------------------------------------------


def layers(network: str) -> list[Any]:
    """The layers of the MNIST networks, "mlp", "cnn" and "lstm", of the CNN with strides and of the GPT."""
    import chalkgrad as cg

    if network == "lstm":
        return [cg.LSTM(128), cg.Dense(10), cg.Softmax()]
    if network == "gpt":
        blocks: list[Any] = []
        for _ in range(BLOCKS):
            blocks.append(cg.Residual([cg.LayerNorm(), cg.Attention(HEADS, causal=True)]))
            blocks.append(cg.Residual([cg.LayerNorm(), cg.Dense(256), cg.GELU(), cg.Dense(64)]))
        return [cg.Embedding(IDS, 64), cg.Positions(), *blocks, cg.LayerNorm(), cg.Dense(IDS), cg.Softmax()]
    if network == "strided":
        return [
            cg.Conv2D(32, 3, stride=2, padding=1), cg.ReLU(), cg.Conv2D(64, 3, stride=2, padding=1), cg.ReLU(),
            cg.Flatten(), cg.Dense(10), cg.Softmax(),
        ]  # fmt: skip
    if network == "mlp":
        return [cg.Dense(128), cg.ReLU(), cg.Dense(10), cg.Softmax()]
    return [
        cg.Conv2D(8, 3, padding="same"), cg.ReLU(), cg.MaxPool2D(2),
        cg.Conv2D(16, 3, padding="same"), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(10), cg.Softmax(),
    ]  # fmt: skip


def chalkgrad(work: Work, directory: str | None, engine: str) -> Peer:
    import chalkgrad as cg

    if work.network == "000":
        example = document_000()
        steps = STEPS if engine == "compiled" else SLOW_STEPS

        def document(number: int) -> float:
            nonlocal net
            net = example.network.copy()
            settings: dict[str, Any] = {"batch_size": None, "shuffle": False, "max_steps": steps, "engine": engine}
            return net.fit(example.x, example.y, optimizer=cg.SGD(0.01), **settings).seconds

        net = example.network
        return document, lambda: net.evaluate(example.x, example.y, engine="numpy").loss, steps
    x, y = samples(directory, work)
    net = cg.Network(layers(work.network), input_shape=x.shape[1:], loss="CrossEntropy")
    if work.predicts:
        images = x[: work.predicts]
        return again(work, lambda: net.predict(images, engine=engine)), lambda: net.evaluate(x, y).loss, work.calls
    optimizer = {"SGD": cg.SGD, "Adam": cg.Adam, "AdamW": cg.AdamW}[work.optimizer](RATES[work.optimizer])

    def epoch(number: int) -> float:  # without looking through x for what is not finite, which is done once
        return net.fit(x, y, optimizer=optimizer, batch_size=work.batch, seed=number, engine=engine).seconds

    return epoch, lambda: net.evaluate(x, y).loss, -(-len(x) // work.batch)


# -- PyTorch -----------------------------------------------------------------------------------------------------------


def pytorch(work: Work, directory: str | None, threads: int, variant: str = "") -> Peer:
    import torch
    from torch import nn

    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    if work.network == "000":
        return pytorch_000(torch, nn)
    x, y = samples(directory, work)
    torch.manual_seed(0)
    xs, ys = torch.from_numpy(x), torch.from_numpy(y)
    if work.network == "cnn":
        model = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10),
        )  # fmt: skip
    elif work.network == "strided":
        model = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(4096, 10),
        )  # fmt: skip
    elif work.network in ("lstm", "gpt"):
        from sequences import pytorch_gpt, pytorch_lstm

        model = pytorch_lstm(nn) if work.network == "lstm" else pytorch_gpt(torch, nn, IDS, HEADS, BLOCKS)
    else:
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    if variant == "channels last":
        model, xs = model.to(memory_format=torch.channels_last), xs.to(memory_format=torch.channels_last)
    kind = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}[work.optimizer]
    optimizer, criterion = kind(model.parameters(), RATES[work.optimizer]), nn.CrossEntropyLoss()
    call = torch.compile(model) if variant == "compiled" else model

    def epoch(number: int) -> None:
        order = torch.randperm(len(xs))
        for begin in range(0, len(xs), work.batch):
            chosen = order[begin : begin + work.batch]
            optimizer.zero_grad()
            criterion(call(xs[chosen]), ys[chosen].flatten()).backward()
            optimizer.step()

    def loss() -> float:
        with torch.no_grad():
            return float(criterion(model(xs), ys.flatten()))

    def predict() -> Any:
        with torch.inference_mode():
            return call(images).softmax(1)

    if work.predicts:
        images = xs[: work.predicts]
        return again(work, predict), loss, work.calls
    return epoch, loss, -(-len(xs) // work.batch)


def pytorch_000(torch: Any, nn: Any) -> Peer:
    example = document_000()
    p = {n: torch.tensor(v) for n, v in example.network.parameters.items()}
    x, y = torch.tensor(example.x), torch.tensor(example.y)
    weights: list[Any] = []

    def forward() -> Any:
        a = torch.sigmoid(nn.functional.max_pool2d(nn.functional.conv2d(x, weights[0]), 2).flatten(1))
        return torch.sigmoid(torch.sigmoid(a @ weights[1]) @ weights[2])

    def steps(number: int) -> None:
        weights[:] = [w.clone().requires_grad_() for w in p.values()]
        optimizer = torch.optim.SGD(weights, 0.01)
        for _ in range(SLOW_STEPS):
            optimizer.zero_grad()
            ((forward() - y) ** 2).sum().backward()
            optimizer.step()

    return steps, lambda: float(((forward() - y) ** 2).sum()), SLOW_STEPS


# -- JAX ---------------------------------------------------------------------------------------------------------------


def jax(work: Work, directory: str | None) -> Peer:
    import jax as j
    from jax import numpy as jnp

    if work.network == "000":
        return jax_000(j, jnp)
    x, y = samples(directory, work)
    rng = np.random.default_rng(0)

    def drawn(*shape: int, fan: int) -> Any:
        return jnp.asarray(rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan)))

    images = work.network in ("cnn", "strided")
    if work.network in ("lstm", "gpt"):
        from sequences import jax_gpt, jax_lstm

        w, forward = jax_lstm(j, jnp, drawn) if work.network == "lstm" else jax_gpt(j, jnp, drawn, IDS, HEADS, BLOCKS)
    elif work.network == "strided":
        w = [drawn(32, 3, 3, 3, fan=27), jnp.zeros(32), drawn(64, 32, 3, 3, fan=288), jnp.zeros(64),
             drawn(4096, 10, fan=4096), jnp.zeros(10)]  # fmt: skip
    elif work.network == "cnn":
        w = [drawn(8, 1, 3, 3, fan=9), jnp.zeros(8), drawn(16, 8, 3, 3, fan=72), jnp.zeros(16),
             drawn(784, 10, fan=784), jnp.zeros(10)]  # fmt: skip
    else:
        w = [drawn(784, 128, fan=784), jnp.zeros(128), drawn(128, 10, fan=128), jnp.zeros(10)]

    def strided(a: Any, kernel: Any, bias: Any) -> Any:
        return j.nn.relu(j.lax.conv_general_dilated(a, kernel, (2, 2), ((1, 1), (1, 1))) + bias[:, None, None])

    def layer(a: Any, kernel: Any, bias: Any) -> Any:
        z = j.nn.relu(j.lax.conv(a, kernel, (1, 1), "SAME") + bias[:, None, None])
        return j.lax.reduce_window(z, -jnp.inf, j.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def logits(w: Any, x: Any) -> Any:
        if work.network in ("lstm", "gpt"):
            return forward(w, x)
        if images:
            each = layer if work.network == "cnn" else strided
            a = each(each(x, w[0], w[1]), w[2], w[3])
            return a.reshape(len(a), -1) @ w[4] + w[5]
        return j.nn.relu(x @ w[0] + w[1]) @ w[2] + w[3]

    def cost(w: Any, x: Any, y: Any) -> Any:
        return -jnp.take_along_axis(j.nn.log_softmax(logits(w, x)), y.reshape(-1, 1), 1).mean()

    rate = RATES[work.optimizer]

    def update(state: Any, x: Any, y: Any) -> Any:
        w, m, v, t = state
        g = j.grad(cost)(w, x, y)
        if work.optimizer == "SGD":
            return [a - rate * b for a, b in zip(w, g, strict=True)], m, v, t
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        decay = 1 - rate * 0.01 if work.optimizer == "AdamW" else 1
        w = [
            a * decay - rate * (b / (1 - 0.9**t)) / (jnp.sqrt(c / (1 - 0.999**t)) + 1e-8)
            for a, b, c in zip(w, m, v, strict=True)
        ]
        return w, m, v, t

    zeros = [jnp.zeros_like(a) for a in w]
    state: Any = (w, zeros, zeros, jnp.float32(0))
    xs, ys = jnp.asarray(x), jnp.asarray(y)
    whole = len(x) // work.batch

    def scanned(state: Any, order: Any) -> Any:
        return j.lax.scan(lambda s, c: (update(s, xs[c], ys[c]), None), state, order)[0]

    step, scan = j.jit(update), j.jit(scanned)

    def epoch(number: int) -> None:
        nonlocal state
        order = np.random.default_rng(number).permutation(len(x))[: whole * work.batch].reshape(whole, work.batch)
        if images:
            for chosen in order:
                state = step(state, x[chosen], y[chosen])
        else:
            state = scan(state, jnp.asarray(order))
        j.block_until_ready(state)

    def loss() -> float:
        return float(j.jit(cost)(state[0], xs, ys))

    if work.predicts:
        few, probabilities = np.ascontiguousarray(x[: work.predicts]), j.jit(lambda w, x: j.nn.softmax(logits(w, x)))
        return again(work, lambda: np.asarray(probabilities(w, few))), loss, work.calls  # from NumPy to NumPy
    return epoch, loss, whole


def jax_000(j: Any, jnp: Any) -> Peer:
    j.config.update("jax_enable_x64", True)
    example = document_000()
    x, y = jnp.asarray(example.x), jnp.asarray(example.y)
    start = [jnp.asarray(v) for v in example.network.parameters.values()]

    def cost(w: Any) -> Any:
        z = j.lax.conv(x, w[0], (1, 1), "VALID")
        p = j.lax.reduce_window(z, -jnp.inf, j.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        a = j.nn.sigmoid(p.reshape(1, 4))
        return ((j.nn.sigmoid(j.nn.sigmoid(a @ w[1]) @ w[2]) - y) ** 2).sum()

    def body(state: Any) -> Any:
        k, w = state
        return k + 1, [a - 0.01 * b for a, b in zip(w, j.grad(cost)(w), strict=True)]

    run = j.jit(lambda w: j.lax.while_loop(lambda s: s[0] < STEPS, body, (0, w))[1])
    last: Any = start

    def steps(number: int) -> None:
        nonlocal last
        last = j.block_until_ready(run(start))

    return steps, lambda: float(cost(last)), STEPS


# -- scikit-learn ------------------------------------------------------------------------------------------------------


def sklearn(work: Work, directory: str | None) -> Peer:
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    x, y = samples(directory, work)
    model = MLPClassifier(
        (128,), solver=work.optimizer.lower(), alpha=0, batch_size=work.batch,
        learning_rate_init=RATES[work.optimizer], momentum=0, max_iter=1,
    )  # fmt: skip

    def epoch(number: int) -> None:
        model.partial_fit(x, y, classes=np.arange(10))

    def loss() -> float:
        return float(log_loss(y, model.predict_proba(x)))

    if work.predicts:
        model.partial_fit(x[:32], y[:32], classes=np.arange(10))
        images = x[: work.predicts]
        return again(work, lambda: model.predict_proba(images)), loss, work.calls
    return epoch, loss, -(-len(x) // work.batch)


# -- side by side ------------------------------------------------------------------------------------------------------


def peers(work: Work) -> dict[str, tuple[str, Callable[..., Peer], tuple[Any, ...]]]:
    """Every peer's name, the module it needs, and what makes it."""
    known: dict[str, tuple[str, Callable[..., Peer], tuple[Any, ...]]] = {
        "chalkgrad compiled": ("chalkgrad", chalkgrad, ("compiled",)),
        "chalkgrad NumPy": ("chalkgrad", chalkgrad, ("numpy",)),
        "PyTorch, 1 thread": ("torch", pytorch, (1,)),
        "PyTorch, 2 threads": ("torch", pytorch, (2,)),
    }
    if work.network in ("cnn", "strided"):
        known["PyTorch, 2 threads, channels last"] = ("torch", pytorch, (2, "channels last"))
    if work.network != "000":
        known["PyTorch, 2 threads, compiled"] = ("torch", pytorch, (2, "compiled"))
    known["JAX"] = ("jax", jax, ())
    if work.network == "mlp":
        known["scikit-learn"] = ("sklearn", sklearn, ())
    return known


def worker(name: str, key: str, directory: str | None, line: Connection) -> None:
    """Runs an epoch at every order and answers with its seconds; at the end with loss, steps and peak memory."""
    import resource

    work = WORKS[key]
    _, make, further = peers(work)[name]
    try:
        started = time.perf_counter()
        run, loss, steps = make(work, directory, *further)
        run(0)
        line.send(time.perf_counter() - started)
        while (number := line.recv()) is not None:
            time.sleep(PAUSE)
            started = time.perf_counter()
            own = run(number)
            line.send(own or time.perf_counter() - started)
        line.send((loss(), steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    except Exception as error:  # a peer that does not work here is reported and left out
        line.send(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:100])


def compare(key: str, directory: str | None, rounds: int) -> list[dict[str, Any]]:
    """Runs one line of the table; returns what was measured, a record for each peer."""
    work = WORKS[key]
    context = multiprocessing.get_context("spawn")
    names = [n for n, (module, _, _) in peers(work).items() if importlib.util.find_spec(module)]
    lines: dict[str, Connection] = {}
    first: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name in names:  # one after the other, so that warm-ups do not disturb each other
        lines[name], there = context.Pipe()
        context.Process(target=worker, args=(name, key, directory, there), daemon=True).start()
        answer = lines[name].recv()
        if isinstance(answer, str):
            failed[name] = answer
            del lines[name]
        else:
            first[name] = answer
    times: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(1, rounds + 1):
        for name, line in lines.items():
            line.send(number)
            times[name].append(line.recv())
    found: list[dict[str, Any]] = []
    for name, line in lines.items():
        line.send(None)
        loss, steps, memory = line.recv()
        unit = 1 if work.unit == "epoch" else steps
        found.append(
            {
                "work": key, "title": work.title, "peer": name, "unit": work.unit,
                "seconds": statistics.median(times[name]) / unit, "lowest": min(times[name]) / unit,
                "all": [t / unit for t in times[name]], "warm_up": first[name] - statistics.median(times[name]),
                "loss": loss, "steps": steps, "peak_MiB": memory,
            }
        )  # fmt: skip
    own = next(r["seconds"] for r in found if r["peer"] == "chalkgrad compiled")
    print(f"\n{work.title}: seconds per {found[0]['unit']}, median of {rounds} (lowest), as a multiple of chalkgrad's")
    for record in found:
        record["times"] = record["seconds"] / own
        print(
            f"  {record['peer']:34s} {shown(record['seconds']):>9s} ({shown(record['lowest']):>9s}) "
            f"{record['times']:8.2f}   warm-up {record['warm_up']:5.1f} s   loss {record['loss']:.4g}   "
            f"peak {record['peak_MiB']:.0f} MiB"
        )
    for name, why in failed.items():
        print(f"  {name:34s} does not work here: {why}")
    return found


def shown(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} us" if seconds < 1e-3 else f"{seconds:.3f} s"


def often(times: float) -> str:
    return f"{times:.3g}" if times < 999.5 else f"{times:,.0f}"


def markdown(records: list[dict[str, Any]]) -> str:
    """The README's table: the best setting of every peer, and how often chalkgrad is contained in it."""
    lines = [
        "| work | chalkgrad compiled | chalkgrad NumPy | PyTorch, best | JAX | scikit-learn |",
        "|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys(r["work"] for r in records):
        own = [r for r in records if r["work"] == key]
        cells: list[str] = []
        for kind in ("chalkgrad compiled", "chalkgrad NumPy", "PyTorch", "JAX", "scikit-learn"):
            best = min((r for r in own if r["peer"].startswith(kind)), key=lambda r: r["seconds"], default=None)
            times = "" if best is None or kind == "chalkgrad compiled" else f" ({often(best['times'])})"
            cells.append("-" if best is None else f"{shown(best['seconds'])}{times}")
        lines.append(f"| {own[0]['title']}, per {own[0]['unit']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of_readme(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of the five lines that the README shows."""
    return [r for key in OF_README for r in records if r["work"] == key]


def further(records: list[dict[str, Any]]) -> str:
    """What the first round took beyond the others (compiling among it), and the most memory."""
    lines = ["| work | chalkgrad: warm-up, peak memory | PyTorch, best: warm-up, peak memory |", "|---|---|---|"]
    for key in dict.fromkeys(r["work"] for r in records):
        cells: list[str] = []
        for kind in ("chalkgrad compiled", "PyTorch"):
            own = [r for r in records if r["work"] == key and r["peer"].startswith(kind)]
            best = min(own, key=lambda r: r["seconds"], default=None)
            cells.append("-" if best is None else f"{best['warm_up']:.1f} s, {best['peak_MiB']:.0f} MiB")
        lines.append(f"| {key} | {' | '.join(cells)} |")
    return "\n".join(lines)


def limit_of_lstm() -> str:
    """The time that the LSTM's products take at the machine's peak: z, the gradients of W and U, and dh."""
    top = peak()
    operations = 2 * 6400 * 28 * 4 * 128 * (2 * (28 + 128) + 128)
    return f"LSTM: its products at the peak of {top / 1e9:.0f} GFLOP/s (2048 x 2048) take {operations / top:.2f} s"


# -- growth ------------------------------------------------------------------------------------------------------------


def peak() -> float:
    """The machine's matrix-product peak: operations in a second, float32, the best that NumPy or PyTorch reach."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2048, 2048), np.float32), rng.random((2048, 2048), np.float32)
    products: list[Callable[[], Any]] = [lambda: a @ b]
    if importlib.util.find_spec("torch"):
        import torch

        left, right = torch.from_numpy(a), torch.from_numpy(b)
        products.append(lambda: left @ right)
    best = 0.0
    for product in products * 8:
        started = time.perf_counter()
        product()
        best = max(best, 2 * 2048**3 / (time.perf_counter() - started))
    return best


def growth(rounds: int) -> list[dict[str, Any]]:
    """How the compiled engine's time for an epoch grows with width, depth, batch and data."""
    import chalkgrad as cg

    top = peak()
    print(f"\nmatrix products (2048 x 2048, the best of NumPy and PyTorch): {top / 1e9:.0f} GFLOP/s")
    found: list[dict[str, Any]] = []
    cases: dict[str, list[dict[str, int]]] = {
        "width": [{"width": n} for n in (16, 32, 64, 128, 256, 512, 1024)],
        "depth": [{"depth": n} for n in (1, 2, 4, 8)],
        "batch": [{"batch": n} for n in (1, 8, 32, 128, 512)],
        "data": [{"data": n} for n in (1000, 4000, 16000, 60000)],
    }
    rng = np.random.default_rng(0)
    for what, settings in cases.items():
        for given in settings:
            c = {"width": 128, "depth": 1, "batch": 32, "data": 8000, **given}
            hidden = [layer for _ in range(c["depth"]) for layer in (cg.Dense(c["width"]), cg.ReLU())]
            net = cg.Network([*hidden, cg.Dense(10), cg.Softmax()], input_shape=784, loss="CrossEntropy")
            x, y = rng.random((c["data"], 784), np.float32), rng.integers(0, 10, c["data"])
            times: list[float] = []
            for number in range(rounds + 1):
                times.append(net.fit(x, y, batch_size=c["batch"], seed=number, engine="compiled").seconds)
            seconds = statistics.median(times[1:])
            sizes = [784, *[c["width"]] * c["depth"], 10]
            products = sum(a * b for a, b in itertools.pairwise(sizes))
            work = 2 * c["data"] * (3 * products - 784 * c["width"])  # nobody needs the derivative of the input
            found.append({"what": what, **c, "seconds": seconds, "share": work / seconds / top})
            print(f"  {what} {given[what]:6d}: {seconds:8.4f} s, {work / seconds / top:4.0%} of the peak")
    return found


def chart(records: list[dict[str, Any]], grown: list[dict[str, Any]], path: Path) -> None:
    """Bars of every line of the table, and how time grows."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    works = list(dict.fromkeys(r["title"] for r in records))
    kinds = list(dict.fromkeys(g["what"] for g in grown))
    columns = 4
    bars = -(-len(works) // columns)  # rows of them
    rows = bars + -(-len(kinds) // columns)
    size = 4 * columns, 3.4 * rows
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, constrained_layout=True)
    for axis in axes.ravel():
        axis.axis("off")
    for axis, title in zip(axes[:bars].ravel(), works, strict=False):
        own = sorted((r for r in records if r["title"] == title), key=lambda r: -r["seconds"])
        axis.axis("on")
        names = [r["peer"].replace(", ", ",\n", 1) for r in own]
        colours = ["#c0392b" if r["peer"] == "chalkgrad compiled" else "#7f8c8d" for r in own]
        scale, of_time = (1e6, "microseconds") if own[0]["seconds"] < 1e-3 else (1.0, "seconds")
        axis.barh(names, [r["seconds"] * scale for r in own], color=colours)
        for place, record in enumerate(own):
            axis.annotate(f" {shown(record['seconds'])}", (record["seconds"] * scale, place), va="center", fontsize=7)
        axis.margins(x=0.25)
        axis.xaxis.set_major_locator(ticker.MaxNLocator(3))
        axis.set_title(textwrap.fill(title, 45), fontsize=9)
        axis.set_xlabel(f"{of_time} per {own[0]['unit']}", fontsize=8)
        axis.tick_params(labelsize=7)
    for axis, what in zip(axes[bars:].ravel(), kinds, strict=False):
        own = [g for g in grown if g["what"] == what]
        axis.axis("on")
        axis.loglog([g[what] for g in own], [g["seconds"] for g in own], "o-", color="#c0392b")
        for g in own:
            axis.annotate(f"{g['share']:.0%}", (g[what], g["seconds"]), fontsize=7, xytext=(3, -9),
                          textcoords="offset points")  # fmt: skip
        axis.set_xticks([g[what] for g in own], [f"{g[what]:,}" for g in own])
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        for side in (axis.xaxis, axis.yaxis):
            side.set_minor_locator(ticker.NullLocator())
        axis.margins(0.15)
        axis.set_title(f"seconds per epoch by {what}\n(share of the matrix-product peak)", fontsize=9)
        axis.tick_params(labelsize=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="where the four MNIST files lie")
    parser.add_argument("--only", nargs="+", choices=list(WORKS), default=list(WORKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: table and chart from --json")
    arguments = parser.parse_args()
    if arguments.redraw:
        kept = json.loads(arguments.json.read_text())
        print(f"{markdown(kept['records'])}\n\nFor the README:\n\n{markdown(of_readme(kept['records']))}")
        chart(kept["records"], kept["growth"], arguments.chart)
        return
    wanted = {module for key in arguments.only for module, _, _ in peers(WORKS[key]).values()}
    if missing := [m for m in sorted(wanted) if not importlib.util.find_spec(m)]:
        print(f"not installed and so not compared: {', '.join(missing)}")
    records = [r for key in arguments.only for r in compare(key, arguments.data, arguments.rounds)]
    if len(arguments.only) > 1:
        print(f"\n{markdown(records)}\n\n{further(records)}")
    if "lstm-64" in arguments.only:
        print(f"\n{limit_of_lstm()}")
    grown = growth(arguments.rounds) if arguments.growth else []
    if arguments.json:
        if arguments.json.exists():  # a line that is measured again takes the place of the earlier one
            before = json.loads(arguments.json.read_text())
            records = [r for r in before["records"] if r["work"] not in arguments.only] + records
            records.sort(key=lambda r: list(WORKS).index(r["work"]))
            grown = grown or before["growth"]
            print(f"\n{markdown(records)}\n\nFor the README:\n\n{markdown(of_readme(records))}")
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        arguments.json.write_text(
            json.dumps({"machine": machine, "records": records, "growth": grown}, indent=1) + "\n"
        )
    if arguments.chart:
        chart(records, grown, arguments.chart)


if __name__ == "__main__":
    main()
