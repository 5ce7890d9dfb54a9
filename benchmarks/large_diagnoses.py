"""What the diagnosis of a large network takes: seconds of CPU and memory, each in a process of its own.

    python benchmarks/large_diagnoses.py

The gradients of a convolutional network at 32 samples are claimed: right ones, a factor, a term forgotten, and numbers
that nothing explains.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.diagnosis.rerun import Rerun
from chalkgrad.diagnosis.slips.made import made_slips

NETWORKS = {
    "60,000 parameters": (8, 16, 101),
    "670,000 parameters": (16, 32, 570),
}
CLAIMS = ("right", "twice", "a term left out", "one value unexplained", "nothing explained")
SAMPLES = 32


def network(channels: int, more: int, units: int) -> cg.Network:
    layers = [
        cg.Conv2D(channels, 3, padding=1), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(more, 3), cg.ReLU(), cg.MaxPool2D(2),
        cg.Flatten(), cg.Dense(units), cg.ReLU(), cg.Dense(10), cg.Softmax(),
    ]  # fmt: skip
    return cg.Network(layers, input_shape=(1, 28, 28), loss=cg.CrossEntropy(), seed=1)


def claims(kind: str, net: cg.Network, x: Any, y: Any) -> dict[str, Any]:
    """The gradients as they are claimed."""
    rng = np.random.default_rng(1)
    right = {f"d{n}": np.asarray(g, np.float64) for n, g in net.copy(dtype="float64").gradients(x, y).items()}
    if kind == "twice":
        return {**right, "dW3": 2 * right["dW3"]}
    if kind == "a term left out":  # the target: y_hat alone comes back
        trace = net.copy(dtype="float64").trace(x, y)
        made = made_slips(trace.program, frozenset(trace), len(x))
        slip = next(s for s in made if s.text == "the term y is left out")
        return {n: np.asarray(g) for n, g in Rerun(trace.program, trace).run((slip,), right).items()}
    if kind == "one value unexplained":
        return {**right, "dW3": rng.standard_normal(right["dW3"].shape)}
    if kind == "nothing explained":
        return {n: rng.standard_normal(g.shape) for n, g in right.items()}
    return right


def measured(name: str, kind: str) -> dict[str, Any]:
    """One diagnosis, in this process."""
    net = network(*NETWORKS[name])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((SAMPLES, 1, 28, 28)), rng.integers(0, 10, SAMPLES)
    claimed = claims(kind, net, x, y)
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = cg.diagnose(net, x, y, claimed)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory": after.ru_maxrss / 1024,
        "parameters": sum(p.size for p in net.parameters.values()),
        "said": found.causes[0].slips[0].text if found.causes else "right" if found.correct else found.place,
    }


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measured(*sys.argv[1:])))
        return
    print("| network | claimed | seconds of CPU | memory at most, MB | answer |")
    print("| --- | --- | ---: | ---: | --- |")
    for name in NETWORKS:
        for kind in CLAIMS:
            run = subprocess.run([sys.executable, __file__, name, kind], capture_output=True, text=True, check=True)
            found = json.loads(run.stdout)
            figures = f"{found['parameters']:,} | {kind} | {found['seconds']:.1f} | {found['memory']:.0f}"
            print(f"| {figures} | {found['said']} |", flush=True)


if __name__ == "__main__":
    main()
