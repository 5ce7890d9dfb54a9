"""Training steps of the NumPy engine, recorded, beside the same steps with the rules called one after another.

    python benchmarks/recording.py [--rounds 7]

Both take turns, round after round. Printed are the lowest times of a step in microseconds (recording it at the start
included), what is kept in memory for the results of a recorded step, and whether both left the same bits.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.engines.numpy import steps as numpy_steps
from chalkgrad.train.fit import Fit
from engines import document_000, layers


def works() -> dict[str, tuple[cg.Network, Any, Any, cg.Optimizer, int, int]]:
    """Networks with samples, targets, an optimizer, the batch size and how many steps are taken."""
    rng = np.random.default_rng(0)
    example = document_000()
    pixels, images = rng.random((2048, 784), np.float32), rng.random((256, 1, 28, 28), np.float32)
    few, labels = rng.standard_normal((64, 4)), rng.integers(0, 10, 2048)

    def classifier(layers: list[cg.Layer], shape: Any) -> cg.Network:
        return cg.Network(layers, input_shape=shape, loss="CrossEntropy")

    small = classifier([cg.Dense(16), cg.ReLU(), cg.Dense(10), cg.Softmax()], 4)
    mlp, cnn = classifier(layers("mlp"), 784), classifier(layers("cnn"), (1, 28, 28))
    return {
        "the worked example cnn": (example.network, example.x, example.y, cg.SGD(0.01), 1, 10000),
        "4-16-10, batch 32": (small, few, labels[:64], cg.SGD(0.1), 32, 5000),
        "784-128-10, SGD, batch 32": (mlp, pixels, labels, cg.SGD(0.1), 32, 1500),
        "784-128-10, Adam, batch 32": (mlp, pixels, labels, cg.Adam(), 32, 800),
        "784-128-10, SGD, batch 256": (mlp, pixels, labels, cg.SGD(0.1), 256, 400),
        "CNN 8-16-10, batch 8": (cnn, images, labels[:256], cg.SGD(0.1), 8, 250),
        "CNN 8-16-10, batch 64": (cnn, images, labels[:256], cg.SGD(0.1), 64, 30),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(f"{'':28}{'recorded':>12}{'called':>12}{'':>8}{'kept':>12}")
    for title, (network, x, y, optimizer, batch, steps) in works().items():
        best = {True: np.inf, False: np.inf}
        left: dict[bool, bytes] = {}
        kept = 0
        for number in range(rounds + 1):
            for recorded in best:
                numpy_steps.MOST_BYTES = np.inf if recorded else -1
                net = network.copy()
                options: Any = {"batch_size": batch, "max_steps": steps, "shuffle": False, "engine": "numpy"}
                fit = Fit(net, x, y, optimizer=optimizer, **options)
                engine: Any = fit.state.buffers.steps
                seconds = fit.run().seconds
                left[recorded] = net.flat.tobytes()
                if number:
                    best[recorded] = min(best[recorded], seconds / steps)
                elif recorded:
                    kept = sum(a.nbytes for made in engine._scratch.values() for a in made if a is not None)
        one, two = best[True] * 1e6, best[False] * 1e6
        same = "the same bits" if left[True] == left[False] else "OTHER BITS"
        print(f"{title:28}{one:9.1f} us{two:9.1f} us{two / one:7.2f}x{kept / 2**20:8.1f} MiB  {same}")


if __name__ == "__main__":
    main()
