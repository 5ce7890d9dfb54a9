"""The compiled engine against the reference: every kind of network, gradients and trainings within rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.engines.c.print import source
from chalkgrad.engines.c.run import training
from chalkgrad.engines.c.run.compiler import Compiler, CompilerError, available, compiler, tuning
from chalkgrad.engines.c.schedule import arrangement, channels, plan, products
from chalkgrad.formula.affine import span
from networks import networks

pytestmark = [
    pytest.mark.skipif(not available(), reason="there is no C compiler"),
    pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning"),  # random networks may explode alike
]

EXACT = 1e-12
"""In float64, relative to the largest value: the bound that the docs state."""
SINGLE = 5e-4
"""In float32, after three steps of SGD; a rounding has 6e-8, and normalising a few samples multiplies it."""
EPS = 1e-3
"""With the usual eps a gradient that should be 0 is divided by itself, rounding by rounding."""
NORMALISED = 1e-9
"""With batch normalisation: of one or two samples it divides by next to nothing, and multiplies what was rounded."""
OPTIMIZERS = [
    cg.SGD(0.05), cg.SGD(0.05, momentum=0.9), cg.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    cg.Adam(0.01, weight_decay=0.1, eps=EPS), cg.AdamW(0.01, eps=EPS), cg.RMSProp(0.01, eps=EPS),
    cg.AdaGrad(0.01, eps=EPS), cg.SGD(0.05, clip_norm=0.05), cg.Adam(0.01, weight_decay=0.1, clip_norm=0.1, eps=EPS),
]  # fmt: skip
ACTIVATIONS = [
    cg.Sigmoid(), cg.Tanh(), cg.ReLU(), cg.LeakyReLU(), cg.ELU(), cg.GELU(), cg.GELU(approximate="tanh"),
    cg.Softplus(), cg.SiLU(),
]  # fmt: skip
few = settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), max_examples=15
)


def apart(one: np.ndarray, two: np.ndarray) -> float:
    """The largest difference, relative to the largest value or 1."""
    return float(np.abs(one - two).max() / (1 + np.abs(one).max())) if one.size else 0.0


def compare(
    net: cg.Network,
    x: np.ndarray,
    y: np.ndarray,
    optimizer: cg.Optimizer,
    batch: int,
    bound: float,
    steps: int = 3,
    alone: bool = True,
) -> None:
    """Trains twins by both engines and compares losses, parameters, running averages and predictions.

    What `evaluate` asks for has the predictions with the losses in one program; `alone`: also without them, which is
    another one to compile.
    """
    one, two = net.copy(), net.copy()
    kept = one.fit(x, y, optimizer=optimizer, batch_size=batch, max_steps=steps, engine="numpy")
    made = two.fit(x, y, optimizer=optimizer, batch_size=batch, max_steps=steps, engine="compiled")
    assert made.engine.startswith("compiled")
    what = f"{net!r}, {net.loss_function}, {optimizer}"
    assert apart(np.array(kept.column("loss")), np.array(made.column("loss"))) < bound, what
    assert apart(one.flat, two.flat) < bound, what
    for name, state in one.states.items():
        assert apart(state, two.states[name]) < bound, what
    if alone:
        assert apart(one.predict(x, engine="numpy"), one.predict(x, engine="compiled")) < bound, what
    ready = one.samples_and_targets(x, y)
    kinds = [
        one._prediction.run(("y_hat", "l"), *ready, one.steps_taken + 1, "evaluate", engine)
        for engine in ("numpy", "compiled")
    ]
    for name in ("y_hat", "l"):
        assert apart(kinds[0][name], kinds[1][name]) < bound, what
    left, right = one.evaluate(x, y, engine="numpy"), one.evaluate(x, y, engine="compiled")
    assert abs(left.loss - right.loss) < bound * (1 + abs(left.loss)), what


@pytest.mark.parametrize("examples", [2, pytest.param(15, marks=pytest.mark.long)])
def test_small_networks(examples: int) -> None:
    @seed(5)
    @settings(few, max_examples=examples)
    @given(networks(), st.sampled_from(OPTIMIZERS), st.integers(1, 4))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray], optimizer: cg.Optimizer, batch: int) -> None:
        net, x, y = drawn
        compare(net, np.concatenate([x] * 3), np.concatenate([y] * 3), optimizer, batch, EXACT)

    check()


@st.composite
def larger(draw: st.DrawFn) -> tuple[cg.Network, np.ndarray, np.ndarray, int]:
    """Networks whose sums are worth tiles: odd sizes, strides, paddings, ragged batches."""
    image = draw(st.booleans())
    layers: list[cg.Layer] = []
    if image:
        shape: tuple[int, ...] = (draw(st.integers(1, 3)), draw(st.integers(8, 13)), draw(st.integers(8, 19)))
        for _ in range(draw(st.integers(1, 3))):
            kernel = draw(st.sampled_from([1, 2, 3, (3, 2), 5]))
            stride, padding = draw(st.sampled_from([(1, 0), (1, "same"), (1, 1), (2, 1), ((2, 1), 0)]))
            channels = draw(st.sampled_from([2, 3, 4, 5, 6, 8, 8, 9, 16, 16, 24, 32]))
            layers.append(cg.Conv2D(channels, kernel, stride, padding, bias=draw(st.booleans())))
            if draw(st.booleans()):
                layers.append(draw(st.sampled_from([cg.BatchNorm(), cg.LayerNorm(), cg.Dropout(0.3)])))
            if draw(st.integers(0, 3)):
                layers.append(draw(st.sampled_from(ACTIVATIONS)))
        pools = [cg.MaxPool2D(2), cg.MaxPool2D(3, stride=1, padding=1), cg.MaxPool2D(2, padding="same"),
                 cg.AvgPool2D(2), cg.AvgPool2D(3, stride=2, padding=1)]  # fmt: skip
        layers += [draw(st.sampled_from(pools)), cg.Flatten()]
    else:
        shape = (draw(st.integers(1, 90)),)
    for _ in range(draw(st.integers(0 if image else 1, 2))):
        layers.append(cg.Dense(draw(st.sampled_from([3, 16, 33, 64, 70, 130])), bias=draw(st.booleans())))
        if draw(st.integers(0, 3)) == 0:
            layers.append(draw(st.sampled_from([cg.BatchNorm(), cg.LayerNorm(), cg.Dropout(0.4)])))
        layers.append(draw(st.sampled_from(ACTIVATIONS)))
    classes = draw(st.integers(2, 11))
    layers += [cg.Dense(classes), cg.Softmax()]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    penalties = draw(st.sampled_from([{}, {}, {"l2": 0.01}, {"l1": 0.01}]))
    loss = cg.CrossEntropy(fuse=dtype == "float32" or draw(st.booleans()))  # at the clip a rounding decides
    try:
        net = cg.Network(layers, input_shape=shape, loss=loss, dtype=dtype, seed=draw(st.integers(0, 99)), **penalties)
    except cg.ShapeError:  # an image became smaller than the next window
        reject()
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    samples = draw(st.integers(1, 23))
    batch = draw(st.integers(1, samples))
    return net, rng.standard_normal((samples, *shape)), rng.integers(0, classes, samples), batch


def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles, blocks and threads even where they are not worth it."""
    monkeypatch.setattr(products, "LEAST", 8)
    monkeypatch.setattr(arrangement, "LEAST", 8)
    monkeypatch.setattr(channels, "LEAST", 8)
    monkeypatch.setattr(arrangement, "LARGE", 64)
    monkeypatch.setattr(plan, "NEAR", 4000)
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")


def planned_only(monkeypatch: pytest.MonkeyPatch) -> list[plan.Plan]:
    """Trainings are planned and printed, not compiled; the list gets their plans."""
    plans: list[plan.Plan] = []

    def kept(*arguments: object) -> plan.Plan:
        plans.append(plan.plan(*arguments))
        return plans[-1]

    def refused(text: str, *_: object) -> None:
        raise CompilerError("not compiled here")

    monkeypatch.setattr(source, "plan", kept)
    monkeypatch.setattr(training, "build", refused)
    return plans


@pytest.mark.parametrize("examples", [15, pytest.param(100, marks=pytest.mark.long)])
def test_vectors_stay_within_a_sample(monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    """What lies behind a sample may be another thread's: nothing of it is read, not even what is then not used."""
    small_limits(monkeypatch)
    plans = planned_only(monkeypatch)

    @seed(11)
    @settings(few, max_examples=examples)
    @given(larger())
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray, int]) -> None:
        net, x, y, batch = drawn
        with pytest.raises(CompilerError):
            net.fit(x, y, batch_size=batch, max_steps=1, engine="compiled")

    check()
    read = 0
    for made in plans:
        for chosen in (p for first in made.products.values() for p in (first, *first.others)):
            sizes = {**chosen.sizes, chosen.vector: chosen.vectors * chosen.lanes}
            for element in (chosen.left, chosen.right):
                value = made.values[made.aliases.get(element.name, element.name)]
                if value.sampled and value.home != "given" and chosen.vector in products.indices_of(element):
                    layout = made.layouts[element.name]
                    places = zip(element.indices[1:], layout.strides, strict=True)
                    last = layout.offset + sum(span(place, sizes)[1] * stride for place, stride in places)
                    assert last < value.layout.size, (element, chosen.statement.text)
                    read += 1
    assert read > examples


POOLS = [
    cg.MaxPool2D(2), cg.MaxPool2D(3), cg.MaxPool2D((2, 3)), cg.MaxPool2D(2, stride=3), cg.MaxPool2D(3, stride=2),
    cg.MaxPool2D(2, padding="same"), cg.AvgPool2D(2), cg.AvgPool2D(2, stride=3),
]  # fmt: skip


BESIDE = [cg.ReLU(), cg.LeakyReLU(0.1), cg.Tanh(), None]


def beside() -> list[Any]:
    """The first pool of each kind beside every activation, the others beside two; the short tests have one."""
    return [
        pytest.param(
            pool,
            activation,
            marks=[pytest.mark.long] if (p, a) != (6, 3) else [],
            id=f"{pool}, {activation}",
        )
        for p, pool in enumerate(POOLS)
        for a, activation in enumerate(BESIDE)
        if p in (0, 6) or a in (p % 4, (p + 1) % 4)
    ]


@pytest.mark.parametrize(("pool", "activation"), beside())
def test_pools_beside_activations(pool: cg.Layer, activation: cg.Layer | None) -> None:
    """What is fused there, and rows that are no whole vectors: neighbours have different widths."""
    sizes = ((5, "float64"), (14, "float32"), (23, "float64"), (33, "float32"))
    width, dtype = sizes[(POOLS.index(pool) + BESIDE.index(activation)) % 4]
    layers = [cg.Conv2D(4, 3), *([activation] if activation else []), pool, cg.Conv2D(2, 1), cg.Flatten()]
    net = cg.Network([*layers, cg.Dense(3)], input_shape=(1, 9, width), loss="SquaredError", dtype=dtype)
    rng = np.random.default_rng(width)
    x, y = rng.standard_normal((5, 1, 9, width)), rng.standard_normal((5, 3))
    compare(net, x, y, cg.SGD(0.01), 2, EXACT if dtype == "float64" else SINGLE, alone=activation is None)


@pytest.mark.parametrize(
    "pool",
    [cg.MaxPool2D(2), *(pytest.param(p, marks=pytest.mark.long) for p in (cg.MaxPool2D(3, stride=1), cg.AvgPool2D(2)))],
    ids=str,
)
def test_pools_between_several_activations(pool: cg.Layer) -> None:
    layers = [cg.Conv2D(4, 3), cg.LeakyReLU(0.3), cg.ReLU(), pool, cg.ReLU(), cg.LeakyReLU(0.2), pool, cg.Flatten()]
    net = cg.Network([*layers, cg.Dense(3)], input_shape=(2, 11, 13), loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(3)
    compare(net, rng.standard_normal((5, 2, 11, 13)), rng.standard_normal((5, 3)), cg.SGD(0.01), 2, EXACT)


@pytest.mark.parametrize(
    ("macros", "flags"),
    [
        (["__AVX__", "__znver3__"], []),
        (["__AVX512F__", "__skylake_avx512__"], ["-mprefer-vector-width=512"]),
        (["__AVX512F__", "__znver4__"], ["-mprefer-vector-width=512"]),
        (["__AVX512F__", "__znver3__"], ["-mprefer-vector-width=512", "-mtune=skylake-avx512"]),  # it is a Zen 4
    ],
)
def test_a_processor_that_the_compiler_does_not_know(macros: list[str], flags: list[str]) -> None:
    assert list(tuning("".join(f"#define {m} 1\n" for m in macros))) == flags


@pytest.mark.parametrize(
    ("full", "names"),
    [
        (64, {"z2", "a2", "dz2"}),  # 16 numbers to a vector: the second convolution's 16 channels fill it
        (32, {"z1", "win1", "p1", "dz1", "dp1", "z2", "a2", "dz2"}),  # 8 are enough
    ],
)
def test_which_channels_lie_side_by_side(monkeypatch: pytest.MonkeyPatch, full: int, names: set[str]) -> None:
    plans = planned_only(monkeypatch)
    monkeypatch.setattr(Compiler, "machine", lambda self, real: products.Machine(64, 32, real, full))
    layers = [cg.Conv2D(8, 3), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(16, 3), cg.Tanh(), cg.Conv2D(5, 1), cg.Flatten()]
    net = cg.Network(layers, input_shape=(1, 12, 12), loss="SquaredError")
    with pytest.raises(CompilerError):
        net.fit(np.zeros((2, 1, 12, 12)), np.zeros((2, 45)), max_steps=1, engine="compiled")
    (made,) = plans
    kept = {name for name in made.channels if name in made.values}
    assert kept == names | {"da2"}
    for name in kept:
        assert made.layouts[name].strides[0] == 1
    # the kernels: their own channels side by side where they make such an image, else those of the image that they see
    assert made.layouts["W2"].contiguous == made.layouts["dW2"].contiguous == 0
    assert made.layouts["W3"].contiguous == 1
    assert ("W2_turned" in made.layouts) == ("p1" in names)


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ((3, 9, 9), [cg.Conv2D(8, 3), cg.Conv2D(16, 3)]),
        pytest.param((3, 9, 9), [cg.Conv2D(8, 3), cg.Conv2D(3, 3)], marks=pytest.mark.long),
        pytest.param((1, 9, 9), [cg.Conv2D(8, 9), cg.Tanh(), cg.Conv2D(8, 1)], marks=pytest.mark.long),
        pytest.param(
            (3, 9, 9),
            [cg.Conv2D(16, 3), cg.LayerNorm(), cg.Conv2D(16, 3, 2, 1), cg.Conv2D(5, 3)],
            marks=pytest.mark.long,
        ),
        pytest.param(
            (8, 21, 17),
            [cg.Conv2D(64, 3, 2), cg.Dropout(0.2), cg.MaxPool2D(3, 2, 1), cg.Conv2D(24, 3), cg.AvgPool2D(2)],
            marks=pytest.mark.long,
        ),
        pytest.param(
            (16, 6, 6),
            [cg.ReLU(), cg.BatchNorm(), cg.Conv2D(16, 3, 1, 1), cg.BatchNorm(), cg.MaxPool2D(3, 1, 1)],
            marks=pytest.mark.long,
        ),
    ],
    ids=str,
)
def test_images_as_predictions(shape: tuple[int, ...], layers: list[cg.Layer]) -> None:
    """Images that are handed out lie row by row, however they were computed."""
    net = cg.Network(layers, input_shape=shape, loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(8)
    x = rng.standard_normal((7, *shape))
    y = rng.standard_normal(net.predict(x, engine="numpy").shape)
    compare(net, x, y, cg.SGD(0.001, momentum=0.9), 3, EXACT, steps=4)


def test_strides_are_gathered_by_their_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative of a strided convolution's input is as many products as there are phases that anything reaches."""
    plans: list[plan.Plan] = []
    monkeypatch.setattr(source, "plan", lambda *arguments: plans.append(plan.plan(*arguments)) or plans[-1])
    layers = [
        cg.Conv2D(16, 3, 2, 1), cg.Conv2D(16, (2, 5), (2, 3), "same"), cg.Conv2D(16, 1, 2), cg.Conv2D(16, 3, (1, 2)),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=(3, 29, 32), loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(8)
    x = rng.standard_normal((7, 3, 29, 32))
    compare(net, x, rng.standard_normal(net.predict(x, engine="numpy").shape), cg.SGD(0.001), 3, EXACT, steps=4)
    assert [1 + len(plans[0].products[f"dz{k}"].others) for k in (1, 2, 3)] == [6, 1, 2]


@pytest.mark.parametrize(
    ("image", "small"),
    [
        (False, False),
        *(pytest.param(*both, marks=pytest.mark.long) for both in ((True, True), (False, True), (True, False))),
    ],
)
def test_values_side_by_side(monkeypatch: pytest.MonkeyPatch, image: bool, small: bool) -> None:
    """Of a sum's terms those count whose elements lie inside their arrays: nothing else is read."""
    if small:
        small_limits(monkeypatch)
    if image:
        layers = [cg.Conv2D(8, 3, 1, 1, name="a"), cg.Conv2D(5, 3, 1, 1, of="x"), cg.Concat("a"), cg.Conv2D(4, 3, 1, 1)]
        layers += [cg.MaxPool2D(2), cg.Flatten()]
    else:
        layers = [
            cg.Dense(33, name="a"),
            cg.Tanh(name="b"),
            cg.Dense(20),
            cg.Concat(["b", "a"]),
            cg.BatchNorm(),
            cg.ReLU(),
        ]
    shape = (2, 7, 9) if image else (12,)
    net = cg.Network([*layers, cg.Dense(3)], input_shape=shape, loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((11, *shape)), rng.standard_normal((11, 3))
    compare(net, x, y, cg.SGD(0.01, momentum=0.9), 4, NORMALISED)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_largest_of_what_is_no_number(size: int, padding: str) -> None:
    """NaN and the infinities pass through a pool as they do in NumPy, and of equals the first wins."""
    pool = cg.MaxPool2D(size, stride=2, padding=padding)
    layers = [cg.Conv2D(2, 1, bias=False), cg.Conv2D(3, 1, bias=False), pool, cg.Flatten()]
    net = cg.Network(layers, input_shape=(2, 12, 12), loss="SquaredError", dtype="float32")
    large, signs = np.eye(2) * 1e3, np.array([[1, -1], [1, 0], [-1, 0]])
    net.set_parameters(W1=large.reshape(2, 2, 1, 1), W2=signs.reshape(3, 2, 1, 1))
    x = np.random.default_rng(size).integers(0, 4, (5, 2, 12, 12)).astype(np.float32)
    x[1, :, 3, 3] = x[2, :, 0, 0] = 1e38  # infinity less infinity
    x[3, 0, 5, 5], x[4, 0] = 1e38, 1e38
    one, two = net.predict(x, engine="numpy"), net.predict(x, engine="compiled")
    for kind in (np.isnan, np.isposinf, np.isneginf):
        assert kind(one).any()
    np.testing.assert_array_equal(one, two)


PROCESSORS = ["", "-march=skylake-avx512", "-march=x86-64-v3", "-march=x86-64"]
"""Flags for this processor, and for others, for which fewer networks are drawn, and others for each."""


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("further", PROCESSORS)
@pytest.mark.long
def test_larger_networks(monkeypatch: pytest.MonkeyPatch, further: str, small: bool) -> None:
    import platform

    if further and platform.machine() != "x86_64":
        pytest.skip("flags of another processor")
    if "avx512" in further and not compiler().defines("__AVX512VL__"):
        pytest.skip("a processor without AVX-512")
    monkeypatch.setenv("CHALKGRAD_CFLAGS", f"{further} -Wall -Wextra -Werror")
    if small:
        small_limits(monkeypatch)

    @seed(7 + small + 10 * PROCESSORS.index(further))
    @settings(few, max_examples=4 if further else 12)
    @given(larger(), st.sampled_from(OPTIMIZERS))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray, int], optimizer: cg.Optimizer) -> None:
        net, x, y, batch = drawn
        alone = len(x) % 3 == 0  # of a third
        if net.dtype == np.float64:
            normalised = any(isinstance(layer, cg.BatchNorm) for layer in net.layers)
            compare(net, x, y, optimizer, batch, NORMALISED if normalised else EXACT, alone=alone)
        else:  # Adam and its like divide rounding by rounding where a gradient should be 0
            compare(net, x, y, cg.SGD(0.05, momentum=0.9, weight_decay=0.01), batch, SINGLE, alone=alone)

    check()
