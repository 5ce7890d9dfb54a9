"""The worked examples of our own whose lines are a graph: a residual block, and a matrix that is used twice."""

from __future__ import annotations

from ..examples.example import load_example
from .figure import Figure, Replay, Section, Value, figures

RESIDUAL = (
    "A residual block by hand, an example of our own. The figures were calculated with fractions, by a program that "
    "knows nothing of networks; they have a few decimals only. The last section has what comes out where the skip is "
    "forgotten on the way back."
)
RESIDUAL_FORWARD = """
z1 1.0 1.5
z2 0.8 0.5
s2 1.8 2.0
y_hat 0.3
L 0.245
"""
RESIDUAL_BACKWARD = """
dy_hat -0.70
dW3 -1.26 -1.40
ds2 -0.35 0.28
dW2 -0.350 0.280 -0.525 0.420
da1_from_z2 -0.168 0.098
da1_from_s2 -0.35 0.28
da1 -0.518 0.378
dW1 -0.518 0.378 -1.036 0.756
"""
RESIDUAL_UPDATE = """
W1_new 0.5518 -0.2378 0.3536 0.5244
W2_new 0.4350 -0.1280 0.2525 0.5580
W3_new 0.626 -0.260
"""
LOSSES = ("0.060002949", "0.018415335")
FORGOTTEN = """
da1 -0.168 0.098
dW1 -0.168 0.098 -0.336 0.196
"""
SHARED = (
    "One matrix used twice, one use after the other, an example of our own; the figures are PyTorch's. The gradient of "
    "the matrix is the sum of a share from each use. The last section has what comes out where only one share is taken."
)
SHARED_FORWARD = """
first.a 0.462117157 -0.604367777
a2 -0.163009516 -0.479341792
y_hat 0.801230134
L 0.045369797
"""
SHARED_BACKWARD = """
ds2 0.210861094 -0.150615067
dfirst.a_from_z2 0.157957381 -0.010703540
dfirst.a 0.368818475 -0.161318607
dfirst.W_from_first.z 0.290056453 -0.102395307 -0.145028227 0.051197653
dfirst.W_from_z2 0.094853276 -0.053609500 -0.124051364 0.070111776
dfirst.W 0.384909730 -0.156004807 -0.269079591 0.121309429
dfirst.b 0.290056453 -0.102395307
db2 0.205258071 -0.116008461
dW3 0.090100235 -0.326445979
"""
SHARED_UPDATE = """
first.W_new 0.523018054 -0.268799039 0.453815918 0.775738114
"""
AFTER_TRAINING = ("0.541590199", "-0.275389393", "0.440675447", "0.781372085")
ONE_USE = """
dfirst.W 0.290056453 -0.102395307 -0.145028227 0.051197653
"""


def residual() -> Replay:
    """The figures of the residual block."""
    example = load_example("residual")
    trace = example.trace()
    correct: dict[str, Value] = {name: trace[name] for name in trace}
    without_skip = trace["da1_from_z2"]
    mistaken: dict[str, Value] = {"da1": without_skip, "dW1": example.x.T @ (without_skip * (trace["z1"] > 0))}
    forgotten = dict.fromkeys(mistaken, "the share that comes back over the skip is left out")
    x, y = example.x, example.y
    losses = tuple(
        Figure(f"L after {steps} update{'s' * (steps > 1)}", (printed,), example.train(steps).loss(x, y))
        for steps, printed in enumerate(LOSSES, start=1)
    )
    return Replay(
        "residual", example.title, RESIDUAL,
        (
            Section("Forward pass", figures(RESIDUAL_FORWARD, correct)),
            Section("Backward pass", figures(RESIDUAL_BACKWARD, correct)),
            Section("Updates", (*figures(RESIDUAL_UPDATE, correct), *losses)),
            Section("The skip forgotten", figures(FORGOTTEN, correct, mistaken, forgotten)),
        ),
    )  # fmt: skip


def shared() -> Replay:
    """The figures of the shared matrix."""
    example = load_example("shared")
    trace = example.trace()
    correct: dict[str, Value] = {name: trace[name] for name in trace}
    mistaken: dict[str, Value] = {"dfirst.W": trace["dfirst.W_from_first.z"]}
    one_use = {"dfirst.W": "the share of the second use is left out"}
    trained = example.train().parameters["first.W"]
    return Replay(
        "shared", example.title, SHARED,
        (
            Section("Forward pass", figures(SHARED_FORWARD, correct)),
            Section("Backward pass", figures(SHARED_BACKWARD, correct)),
            Section(
                "Updates",
                (*figures(SHARED_UPDATE, correct), Figure("first.W after 50 updates", AFTER_TRAINING, trained)),
            ),
            Section("One use only", figures(ONE_USE, correct, mistaken, one_use)),
        ),
    )  # fmt: skip
