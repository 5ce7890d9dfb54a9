"""How often a planted mistake is found: in random networks, from the numbers alone.

    python benchmarks/planted.py --networks 60
    python benchmarks/planted.py --scripts 30
    python benchmarks/planted.py --everyday 30

For every network every mistake that changes a gradient is planted in turn, the gradients of all parameters (and the new
parameters) that come out are given to `diagnose`, and its first answer is compared with what was planted. An answer
counts where it is the planted mistake, or where it gives the same numbers on this input and names the planted one as
such. Pairs are two mistakes in different steps. These are mistakes from chalkgrad's own list: that they are found says
that the search works, not how many mistakes it knows.

With `--scripts` the mistakes are made by another program, from the syntax tree of the script that `Network.source`
writes (`benchmarks/mutated.py`): what the list does not hold is among them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import defaultdict
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.diagnosis.rerun import MISFITS, Rerun
from chalkgrad.diagnosis.slips.slip import ONCE, Slip
from chalkgrad.diagnosis.slips.usual import slips

RATE = 0.1
LAYERS = {
    "dense, sigmoid": [cg.Dense(3), cg.Sigmoid(), cg.Dense(2), cg.Sigmoid()],
    "dense, tanh, named": [cg.Dense(3, name="hidden"), cg.Tanh(), cg.Dense(2, name="out")],
    "dense, ReLU": [cg.Dense(4), cg.ReLU(), cg.Dense(3), cg.LeakyReLU(), cg.Dense(2)],
    "dense, ELU, GELU": [cg.Dense(3), cg.ELU(), cg.Dense(3), cg.GELU(), cg.Dense(2)],
    "dense, softplus, SiLU": [cg.Dense(3), cg.Softplus(), cg.Dense(3), cg.SiLU(), cg.Dense(2)],
    "normalised": [cg.Dense(3), cg.BatchNorm(), cg.Tanh(), cg.Dense(3), cg.LayerNorm(), cg.Dense(2)],
    "tanh-approximated GELU": [cg.Dense(3), cg.GELU(approximate="tanh"), cg.Dense(2)],
    "softmax inside, scaled": [cg.Dense(3), cg.Softmax(), cg.BatchNorm(affine=False), cg.Dense(2)],
    "dropout": [cg.Dense(6), cg.Dropout(0.5), cg.Tanh(), cg.Dense(2)],
    "convolution, max-pool": [
        cg.Conv2D(2, 2, stride=2, padding=1), cg.Tanh(), cg.MaxPool2D(2, stride=1), cg.Flatten(), cg.Dense(2),
    ],
    "convolution, average-pool": [
        cg.Conv2D(2, 2), cg.ReLU(), cg.Conv2D(1, 2, stride=2, padding=1), cg.AvgPool2D(2), cg.Flatten(), cg.Sigmoid(),
        cg.Dense(2),
    ],
}  # fmt: skip
GRAPHS = {
    "residual": [cg.Dense(3), cg.Residual([cg.LayerNorm(), cg.Dense(3), cg.Tanh()]), cg.Dense(2)],
    "four values added": [
        cg.Dense(3), cg.Tanh(name="p"), cg.Dense(3, of="x"), cg.Tanh(name="q"), cg.Dense(3), cg.Sigmoid(name="r"),
        cg.Dense(3, of="p"), cg.Add(("p", "q", "r")), cg.Dense(2),
    ],
    "four values side by side": [
        cg.Dense(3), cg.Tanh(name="p"), cg.Dense(3, of="x"), cg.Tanh(name="q"), cg.Dense(3), cg.Sigmoid(name="r"),
        cg.Dense(2, of="p"), cg.Concat(("p", "q", "r")), cg.Dense(2),
    ],
    "gate": [cg.Dense(3), cg.Tanh(name="p"), cg.Dense(3), cg.Sigmoid(), cg.Multiply("p"), cg.Dense(2)],
    "tied": [cg.Dense(3, name="w"), cg.Tanh(), cg.Dense(3, weights_of="w"), cg.Sigmoid(), cg.Dense(2)],
    "tied, transposed": [cg.Dense(4, name="w"), cg.Tanh(), cg.Dense(3, weights_of="w"), cg.Sigmoid(), cg.Dense(2)],
}  # fmt: skip
SEQUENCES = {
    "RNN": [cg.RNN(3), cg.Dense(2)],
    "RNN, every step": [cg.RNN(3, sequences=True), cg.Dense(2)],
    "two RNNs, ReLU first": [cg.RNN(4, activation="relu", sequences=True), cg.RNN(3, bias=False), cg.Dense(2)],
    "LSTM": [cg.LSTM(3), cg.Dense(2)],
    "LSTM, every step": [cg.LSTM(3, sequences=True), cg.Dense(2)],
    "GRU": [cg.GRU(3), cg.Dense(2)],
    "GRU, reset after the product, every step": [cg.GRU(3, reset="after", sequences=True), cg.Dense(2)],
    "embedding, RNN": [cg.Embedding(4, 3), cg.RNN(3, activation="relu"), cg.Dense(2)],
    "embedding, RNN, every step": [cg.Embedding(4, 3), cg.RNN(3, sequences=True), cg.Tanh(), cg.Dense(2)],
}
EVERYDAY: dict[str, tuple[list[cg.Layer], cg.Loss]] = {
    "sigmoid": ([cg.Dense(4), cg.Sigmoid(), cg.Dense(3), cg.Sigmoid(), cg.Dense(2)], cg.SquaredError()),
    "tanh": ([cg.Dense(4), cg.Tanh(), cg.Dense(3), cg.Tanh(), cg.Dense(2)], cg.SquaredError()),
    "ReLU": ([cg.Dense(4), cg.ReLU(), cg.Dense(3), cg.ReLU(), cg.Dense(2)], cg.SquaredError()),
    "tanh, softmax": ([cg.Dense(4), cg.Tanh(), cg.Dense(3), cg.Softmax()], cg.CrossEntropy()),
    "LayerNorm, GELU": (
        [cg.Dense(4), cg.LayerNorm(), cg.GELU(), cg.Dense(3), cg.LayerNorm(), cg.Dense(2)], cg.SquaredError(),
    ),
    "BatchNorm, ReLU": ([cg.Dense(4), cg.BatchNorm(), cg.ReLU(), cg.Dense(2)], cg.SquaredError()),
}  # fmt: skip
STEPS = 4
ENDINGS: dict[str, tuple[list[cg.Layer], cg.Loss]] = {
    "squared": ([], cg.SquaredError()),
    "softmax": ([cg.Softmax()], cg.CrossEntropy()),
    "expanded": ([cg.Softmax()], cg.CrossEntropy(fuse=False)),
    "binary": ([cg.Sigmoid()], cg.BinaryCrossEntropy()),
    "binary, expanded": ([cg.Sigmoid()], cg.BinaryCrossEntropy(fuse=False)),
    "absolute": ([], cg.AbsoluteError(reduction="sum")),
    "hinge": ([], cg.Hinge()),
    "one margin": ([cg.Sum()], cg.Hinge()),
}
OPTIMIZERS = [
    cg.SGD(RATE), cg.SGD(RATE, momentum=0.9), cg.Adam(), cg.SGD(RATE, weight_decay=0.1), cg.AdamW(), cg.RMSProp(),
    cg.AdaGrad(), cg.SGD(RATE, momentum=0.9, nesterov=True),
]  # fmt: skip


def networks(count: int, chosen: dict[str, Any] = LAYERS) -> Any:
    """Random networks of the kinds in `chosen`, with samples, targets and an optimizer."""
    kinds = list(itertools.product(chosen, ENDINGS))
    for seed in range(count):
        rng = np.random.default_rng(seed)
        kind, ending = kinds[int(rng.permutation(len(kinds))[seed % len(kinds)])]
        more, loss = ENDINGS[ending]
        if ending == "one margin" and "every step" in kind:
            continue  # there is one margin a sample
        layers = [*chosen[kind], *more]
        if kind == "dense, sigmoid" and ending != "squared":
            layers = [*chosen[kind][:-1], *more]
        ids = "embedding" in kind
        shape = (STEPS,) if ids else (STEPS, 3) if chosen is SEQUENCES else (1, 5, 6) if "convolution" in kind else (3,)
        penalty = [0.0, 0.0, 0.05][seed % 3]
        net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=seed, l1=penalty, l2=penalty)
        net.flat += 0.3 * rng.standard_normal(net.flat.shape)  # biases too
        samples = int(rng.integers(2, 5))
        x = rng.integers(0, 4, (samples, *shape)) if ids else rng.standard_normal((samples, *shape))
        rows = (samples, *net.layout.output_shape[:-1])
        y: Any = rng.integers(0, 2, rows)
        if ending == "one margin":
            y = 2.0 * y[..., None] - 1
        elif ending in ("squared", "binary", "binary, expanded", "absolute"):
            y = rng.random((*rows, 2))
        yield kind, net, x, y, OPTIMIZERS[seed % len(OPTIMIZERS)]


def attentive() -> Any:
    """Networks with attention, masks, ignored steps and clipped gradients, with samples, targets and an optimizer."""
    rng = np.random.default_rng(0)
    crossed, ignoring = cg.CrossEntropy(), cg.CrossEntropy(ignore=-1)
    smoothed, summed = cg.CrossEntropy(label_smoothing=0.2), cg.CrossEntropy(ignore=-1, reduction="sum")
    plain, clipped, free = cg.SGD(RATE), cg.SGD(RATE, clip_norm=0.01), cg.SGD(RATE, clip_norm=1e3)
    ending = [cg.Dense(3), cg.Softmax()]
    block = [cg.Dense(4), cg.Positions(), cg.RMSNorm(), cg.Attention(2, causal=True)]
    for kind, layers, loss, optimizer in (
        ("attention", [cg.Attention(2)], crossed, plain),
        ("attention, causal, smoothed", block, smoothed, clipped),
        ("attention, padded", [cg.Dense(4, of="v"), cg.Attention(2, mask="m"), cg.RMSNorm()], ignoring, cg.Adam()),
        ("attention, both, summed", [cg.Dense(4, of="v"), cg.Attention(2, causal=True, mask="m")], summed, free),
        ("masked means", [cg.Dense(4, of="v"), cg.GlobalAvgPool1D(mask="m")], crossed, plain),
        ("windows", [cg.Dense(4), cg.Conv1D(3, 2), cg.GlobalAvgPool1D()], crossed, plain),
        ("images", [cg.Conv2D(3, 2), cg.GlobalAvgPool2D()], crossed, plain),
        ("both directions", [cg.RNN(3, bidirectional=True)], crossed, plain),
    ):
        mask, images = loss.ignore is not None or kind == "masked means", kind == "images"
        inputs: Any = (2, STEPS, 3) if images else {"v": (STEPS, 4), "m": (STEPS,)} if mask else (STEPS, 4)
        net = cg.Network([*layers, *ending], input_shape=inputs, loss=loss, dtype="float64")
        net.flat += 0.3 * rng.standard_normal(net.flat.shape)
        x: Any = rng.standard_normal((3, *inputs) if not mask else (3, STEPS, 4))
        y = rng.integers(0, 3, (3, *net.layout.output_shape[:-1]))
        if loss.ignore is not None:
            y[1, 2:] = -1
        if mask:
            x = {"v": x, "m": np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]])}
        yield kind, net, x, y, optimizer


def scaled() -> Any:
    """A network whose inputs and targets are scaled by lines of it, with samples, targets and an optimizer."""
    rng = np.random.default_rng(0)
    layers = [cg.Standardize(), cg.Dense(3), cg.Standardize(), cg.Tanh(), cg.Dense(2), cg.Unstandardize()]
    net = cg.Network(layers, input_shape=4, loss=cg.SquaredError(scale="variance"), dtype="float64")
    net.flat += 0.3 * rng.standard_normal(net.flat.shape)
    x, y = rng.normal(3, 2, (5, 4)), rng.normal(20, 5, (5, 2))
    net.adapt(x, y)
    yield "inputs and targets scaled", net, x, y, cg.SGD(RATE)


def planted(net: cg.Network, x: Any, y: Any, optimizer: Any, chosen: tuple[Slip, ...], rerun: Rerun) -> Any:
    """The numbers that come of mistakes; None where they change nothing, or do not fit the shapes."""
    names = [n for p in net.parameters for n in (f"d{p}", f"{p}_new")]
    right = rerun.run((), names)
    try:
        wrong = rerun.run(chosen, names)
    except MISFITS:
        return None
    if any(np.shape(wrong[n]) != right[n].shape or not np.isfinite(wrong[n]).all() for n in names):
        return None
    if all(np.allclose(wrong[n], right[n], rtol=1e-7, atol=1e-12) for n in names):
        return None
    return {n: np.asarray(wrong[n]) for n in names}


def key(slip: Slip) -> tuple[str, str]:
    """What a mistake is called; that it takes the right values of other times need not be said where it is the same."""
    return slip.output, slip.text.removesuffix(f"; {ONCE}")


def found(diagnosis: cg.Diagnosis, chosen: tuple[Slip, ...]) -> bool:
    """Whether the answer is what was planted, or says that it cannot be told apart from it."""
    wanted = {key(s) for s in chosen}
    if len(diagnosis.causes) > len(chosen):
        return False
    slips = [s for c in diagnosis.causes for s in (*c.slips, *c.instead)]
    named = {key(s) for slip in slips for s in (slip.every if len(chosen) > 1 else (slip,))}
    return wanted <= named


def everyday() -> Any:
    """Small networks as exercises have them, with samples, targets and an optimizer."""
    for seed, (kind, (layers, loss)) in enumerate(EVERYDAY.items()):
        rng = np.random.default_rng(seed)
        net = cg.Network(layers, input_shape=3, loss=loss, dtype="float64", seed=seed)
        net.flat += 0.3 * rng.standard_normal(net.flat.shape)
        outputs = net.layout.output_shape[0]
        classes = isinstance(loss, cg.CrossEntropy)
        y: Any = rng.integers(0, outputs, 5) if classes else rng.standard_normal((5, outputs))
        yield kind, net, rng.standard_normal((5, 3)), y, cg.SGD(RATE)


def in_scripts(drawn: Any, most: int, *, show: bool, exercises: bool = False) -> None:
    """Plants changes of the written scripts, and prints what came of them; of exercises by the network, from the
    gradients alone.
    """
    import mutated

    def given(net: cg.Network, values: dict[str, Any]) -> dict[str, Any]:
        every = mutated.claims_of(net, values)
        return {n: v for n, v in every.items() if not exercises or not n.endswith("_new")}

    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    slowest, started = 0.0, time.perf_counter()
    for seed, (kind, net, x, y, optimizer) in enumerate(drawn):
        if "named" in kind or "dropout" in kind:
            continue  # other names in the script; masks
        source = net.source(x=x, y=y, optimizer=optimizer)
        tree = mutated.ast.parse(source)
        right = mutated.ran(tree)
        assert right is not None
        shapes = {n: np.shape(v) for n, v in right.items() if n not in ("example",)}
        every = list(mutated.mutants(source, shapes))
        rng = np.random.default_rng(seed)
        exact = given(net, right)
        tried = 0
        for place in rng.permutation(len(every)):
            mutant = every[int(place)]
            if tried >= most:
                break
            tried += not exercises
            values = mutated.ran(mutant.tree)
            try:
                claims = None if values is None else given(net, values)
            except KeyError:
                continue
            if claims is None or any(
                np.shape(claims[n]) != np.shape(exact[n]) or not np.isfinite(claims[n]).all() for n in exact
            ):
                continue
            if all(np.allclose(claims[n], exact[n], rtol=1e-7, atol=1e-12) for n in exact):
                continue
            tried += exercises
            begun = time.perf_counter()
            found = cg.diagnose(net, x, y, claims, optimizer=None if exercises else optimizer)
            slowest = max(slowest, time.perf_counter() - begun)
            said = mutated.verdict(found, mutant)
            counts[kind if exercises else mutant.kind][said] += 1
            if show and said != "named":
                print(seed, kind, said, mutant.before, "->", mutant.after, "|", repr(found)[:200], file=sys.stderr)
    first = "network" if exercises else "change of the script"
    print(f"| {first} | planted | named | all numbers explained by another line | place | open | wrong |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in [*counts, "all"]:
        row = [sum(counts[k][v] for k in (counts if kind == "all" else [kind])) for v in mutated.VERDICTS]
        total = sum(row)
        shown = [f"{n} ({n / max(total, 1):.1%})" if kind == "all" else str(n) for n in row]
        print(f"| {kind} | {total} | {' | '.join(shown)} |")
    print(f"\n{time.perf_counter() - started:.0f} s, the slowest diagnosis {slowest:.1f} s.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=12, help="how many pairs of mistakes a network gets")
    parser.add_argument("--graphs", action="store_true", help="networks with skips, branches and shared weights")
    parser.add_argument("--sequences", action="store_true", help="networks over time")
    parser.add_argument("--scripts", type=int, default=0, help="so many networks' written scripts are changed instead")
    parser.add_argument(
        "--everyday", type=int, default=0, help="so many changes of the written scripts of networks as in exercises"
    )
    parser.add_argument("--most", type=int, default=60, help="how many changes of a script at most")
    parser.add_argument("--show", action="store_true", help="print what was not found")
    given = parser.parse_args()
    if given.scripts or given.everyday:
        drawn = everyday() if given.everyday else networks(given.scripts)
        in_scripts(drawn, given.everyday or given.most, show=given.show, exercises=bool(given.everyday))
        return
    layers: dict[str, Any] = SEQUENCES if given.sequences else GRAPHS if given.graphs else LAYERS
    singles: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    pairs: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    alarms, started = 0, time.perf_counter()
    more = attentive() if given.sequences else scaled() if layers is LAYERS else ()
    drawn_networks = itertools.chain(networks(given.networks, layers), more)
    for seed, (kind, net, x, y, optimizer) in enumerate(drawn_networks):
        trace = net.trace(x, y, optimizer=optimizer)
        rerun = Rerun(trace.program, trace)
        every = [s for s in slips(trace.program, None, len(x)) if s.weight < 2]
        right = {n: trace[n] for p in net.parameters for n in (f"d{p}", f"{p}_new")}
        alarms += not cg.diagnose(net, x, y, right, optimizer=optimizer).correct
        rng = np.random.default_rng(seed)
        drawn = [tuple(every[int(i)] for i in rng.choice(len(every), 2, replace=False)) for _ in range(given.pairs)]
        plans = [(singles, (s,)) for s in every] + [(pairs, p) for p in drawn if p[0].output != p[1].output]
        for counts, chosen in plans:
            claims = planted(net, x, y, optimizer, chosen, rerun)
            if claims is None:
                continue
            if len(chosen) == 2:  # each must make a difference, also beside the other
                alone = [planted(net, x, y, optimizer, (s,), rerun) for s in chosen]
                if any(a is None or all(np.allclose(a[n], claims[n], rtol=1e-7) for n in claims) for a in alone):
                    continue
            diagnosis = cg.diagnose(net, x, y, claims, optimizer=optimizer)
            good = found(diagnosis, chosen)
            counts[kind][0] += good
            counts[kind][1] += 1
            if given.show and not good:
                print(seed, kind, list(map(key, chosen)), "->", repr(diagnosis)[:300], file=sys.stderr)
    print("| network | single mistakes found | pairs found |")
    print("| --- | ---: | ---: |")
    kinds = [*layers, *(kind for kind in singles if kind not in layers)]
    for kind in [*kinds, "all"]:
        row = [sum((c[k] for k in (kinds if kind == "all" else [kind])), start=np.zeros(2, int)) for c in
               ({k: np.array(v) for k, v in d.items()} | {k: np.zeros(2, int) for k in kinds if k not in d}
                for d in (singles, pairs))]  # fmt: skip
        shown = [f"{a} of {b}" + (f" ({a / b:.1%})" if b else "") for a, b in row]
        print(f"| {kind} | {shown[0]} | {shown[1]} |")
    seconds = time.perf_counter() - started
    print(f"\n{given.networks} networks, {alarms} false alarms on their right gradients, {seconds:.0f} s.")


if __name__ == "__main__":
    main()
