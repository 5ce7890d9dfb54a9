"""Wrong backward passes from public reports, and right ones that were claimed to be wrong.

Facts in lines of our own; nothing is copied. A `Pass` puts wrong lines into a right backward pass of `public_passes`; a
`Formulas` is a forward formula with the backward formula that was shipped or printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import chalkgrad as cg
from public_passes import (
    EPS,
    Line,
    Values,
    convolved_back,
    looked_up,
    lstm_lines,
    normalised_back,
    over,
    rms_back,
    windows_back,
)

RATE = 0.1
GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Pass:
    """A backward pass with a wrong line.

    Attributes:
        what: the operation, and what was done.
        link: where it was reported, below GitHub.
        network: its kind in `public_passes.NETWORKS`.
        lines: the wrong lines; None for one that is not there.
        names: for each mistake the value that comes out wrong and what its name must hold (a regular expression);
            nothing for a pass that is right.
        updated: whether the new parameters of plain gradient descent are claimed too.
        new: lines for new parameters, in place of that.
        optimizer: another optimizer.
        state: what it carries from the steps before.
        before: whether an earlier pass with other parameters was made.
        alone: the values that are handed over, where not all are.
    """

    what: str
    link: str
    network: str
    lines: Mapping[str, Line | None] = field(default_factory=dict[str, Any])
    names: tuple[tuple[str, str], ...] = ()
    updated: bool = False
    new: Mapping[str, Line] = field(default_factory=dict[str, Any])
    optimizer: Any = None
    state: Callable[[Values], dict[str, Any]] | None = None
    before: bool = False
    alone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Formulas:
    """A backward formula beside the forward lines.

    Attributes:
        what: the operation, and what was done.
        link: where it was reported, below GitHub.
        forward: the forward lines.
        claimed: the claimed backward line.
        words: what must be said (a regular expression); for a right one the identity.
        right: whether it is right.
    """

    what: str
    link: str
    forward: tuple[str, ...]
    claimed: str
    words: str
    right: bool = False


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


BACK = "comes back|left out|upstream|incoming"
BATCH_NORM = (
    "mu[c] = mean_n x[n,c]",
    "var[c] = mean_n (x[n,c] - mu[c])^2",
    "x_hat[n,c] = (x[n,c] - mu[c]) / sqrt(var[c] + eps)",
    "y[n,c] = gamma[c] * x_hat[n,c] + beta[c]",
)
ADAM = cg.Adam(RATE, eps=1e-4)


def moments(v: Values) -> dict[str, Any]:
    """What Adam carries into its third step."""
    rng = np.random.default_rng(3)
    carried: dict[str, Any] = {"t": 3}
    for name in ("W1", "b1"):
        carried[f"m_{name}"] = 0.1 * rng.standard_normal(v[name].shape)
        carried[f"v_{name}"] = 0.01 + 0.01 * rng.random(v[name].shape)
    return carried


def adam(corrected: Callable[[float], float], *, inside: bool = False, multiplied: bool = False) -> dict[str, Line]:
    """Adam's third step, with another correction, or with eps inside the root."""

    def line(name: str) -> Line:
        def new(v: Values) -> Any:
            state, g = moments(v), v[f"d{name}"]
            m = 0.9 * state[f"m_{name}"] + 0.1 * g
            s = 0.999 * state[f"v_{name}"] + 0.001 * g**2
            first, second = corrected(0.9), corrected(0.999)
            m, s = (m * first, s * second) if multiplied else (m / first, s / second)
            return v[name] - RATE * m / (np.sqrt(s + 1e-4) if inside else np.sqrt(s) + 1e-4)

        return new

    return {f"{name}_new": line(name) for name in ("W1", "b1")}


def adam_case(what: str, link: str, words: str, **how: Any) -> Pass:
    names = (("W1_new", words), ("b1_new", words))
    return Pass(what, link, "line", {}, names, new=adam(**how), optimizer=ADAM, state=moments)


def stepped(name: str, lr: float = RATE) -> Line:
    return lambda v: v[name] - lr * v[f"d{name}"]


def step_by(name: str, gradient: Line) -> Line:
    return lambda v: v[name] - RATE * gradient(v)


def channels_crossed(v: Values) -> Any:
    """dx of a convolution, added to the output's channel."""
    dx = np.zeros(v.a1.shape)
    for p, q, u, w in np.ndindex(*v.dz2.shape[2:], *v.W2.shape[2:]):
        dx[:, :, p + u, q + w] += v.dz2[:, :, p, q] * v.W2[:, :, u, w].sum(axis=1)
    return dx


WRONG: tuple[Pass | Formulas, ...] = (
    Pass("sigmoid: what comes back is not used", "apache/incubator-mxnet/issues/9872", "sigmoid",
         {"dz1": lambda v: v.a1 * (1 - v.a1)}, (("dz1", BACK),)),
    Formulas("multiply, broadcast: what comes back is not used", "deeplearning4j/deeplearning4j/issues/5978",
             ("p[n,k] = x[n,k] * s[k]",), "ds[k] = sum_n x[n,k]", r"dp\[n,k\], what comes back, is left out"),
    Pass("sigmoid: x (1 - x) of the input", "BoltzmannEntropy/interviews.ai/issues/15", "sigmoid",
         {"dz1": lambda v: v.da1 * v.z1 * (1 - v.z1)}, (("dz1", r"pre-activation|z1|z \(1 - z\)"),)),
    Pass("sigmoid: s (1 - s(g)), g what comes back", "yizt/numpy_neural_network/issues/3", "sigmoid",
         {"dz1": lambda v: v.a1 * (1 - sigmoid(v.da1))}, (("dz1", "da1"),)),
    Formulas("sigmoid: s (1 - s(g)), as a formula", "yizt/numpy_neural_network/issues/3",
             ("a[...] = 1 / (1 + exp(-z[...]))",), "dz[...] = a[...] * (1 - 1 / (1 + exp(-da[...])))",
             r"exp\(-da\[\.\.\.\]\)\) stands where da\[\.\.\.\] belongs"),
    Pass("any activation: f'(a)", "benoitfragit/libBrain/issues/78", "tanh",
         {"dz1": lambda v: v.da1 * (1 - np.tanh(v.a1) ** 2)}, (("dz1", "activation|a1|twice"),)),
    Pass("tanh: -(tanh x)^2", "scutan90/DeepLearning-500-questions/issues/544", "tanh",
         {"dz1": lambda v: v.da1 * -(v.a1**2)}, (("dz1", r"\b1\b"),)),
    Pass("output delta without f', and the new W2 carries the error", "Bot-Academy/NeuralNetworkFromScratch/pull/3",
         "two sigmoids", {"dz2": lambda v: v.dy_hat, "da1": lambda v: v.dz2 @ (v.W2 - RATE * v.dW2).T},
         (("dz2", "left out"), ("da1", "update|new")), updated=True),
    Pass("hidden error: the new W2 carries it", "joelgrus/data-science-from-scratch/issues/31", "tanh",
         {"da1": lambda v: v.dy_hat @ (v.W2 - RATE * v.dW2).T}, (("da1", "update|new"),), updated=True),
    Pass("gradient checking: dW2 times 2, db1 times 4", "bighuang624/Andrew-Ng-Deep-Learning-notes/issues/10", "tanh",
         {"dW2": lambda v: 2 * (v.a1.T @ v.dy_hat), "db1": lambda v: 4 * v.dz1.sum(axis=0)},
         (("dW2", "2|twice"), ("db1", r"\b4\b"))),
    Pass("biases stay as they are", "mattm/simple-neural-network/issues/5", "tanh", {}, (
        ("b1_new|db1", "not updated|0|left"), ("b2_new|db2", "not updated|0|left")), updated=True,
        new={"b1_new": lambda v: v.b1, "b2_new": lambda v: v.b2}, alone=("W1_new", "W2_new", "b1_new", "b2_new")),
    Pass("squared error: a mean over outputs, the gradient of the sum", "scikit-learn/scikit-learn/issues/8349",
         "mean over outputs", {"dy_hat": lambda v: 2 * (v.y_hat - v.y) / len(v.x)},
         (("dy_hat|dl", "output|scale|mean"),)),
    Pass("softmax loss: divided by the number of classes", "victorlempitsky/Mate/issues/2", "classifier",
         {"dz2": lambda v: (v.y_hat - v.y) / v.y.shape[1]}, (("dz2|dl", r"class|column|output|\|k\|"),)),
    Pass("cross-entropy, summed: divided by N", "paiml/aprender/pull/2182", "summed classifier",
         {"dz2": lambda v: (v.y_hat - v.y) / len(v.x)}, (("dz2|dl", "N|mean|samples|5"),)),
    Formulas("cross-entropy, no reduction: the first sample's upstream for all", "paiml/aprender/pull/2182",
             ("p[n,k] = exp(z[n,k]) / sum_j exp(z[n,j])", "L[n] = -sum_k y[n,k] * log(p[n,k])"),
             "dz[n,k] = dL[0] * (p[n,k] - y[n,k])", r"dL\[0\] stands where dL\[n\] belongs"),
    Pass("binary cross-entropy: -y / y_hat only", "deeplearning4j/nd4j/issues/1328", "yes or no",
         {"dy_hat": lambda v: -v.y / v.y_hat / len(v.x)}, (("dy_hat|dl", "1 - y|term"),)),
    Pass("softmax: its diagonal only", "deeplearning4j/libnd4j/issues/440", "softmax inside",
         {"dz1": lambda v: v.da1 * v.a1 * (1 - v.a1)}, (("dz1|c1", "diagonal|elementwise"),)),
    Pass("softmax: what comes back goes through", "pjreddie/darknet/pull/96", "softmax inside",
         {"dz1": lambda v: v.da1}, (("dz1", "left out|through|itself"),)),
    Formulas("SELU, x <= 0: scale (output + alpha)", "RubixML/ML/pull/427",
             ("a[...] = lam * (max(z[...], 0) + alpha * (exp(min(z[...], 0)) - 1))",),
             "dz[...] = da[...] * (lam * [z[...] > 0] + lam * (a[...] + alpha) * [z[...] <= 0])", "lam is 1"),
    Pass("leaky ReLU: the slope is ignored", "deeplearning4j/deeplearning4j/issues/8178", "leaky ReLU",
         {"dz1": lambda v: v.da1 * (v.z1 > 0)}, (("dz1", "slope|ReLU|0"),)),
    Pass("dropout: no mask", "ddbourgin/numpy-ml/issues/94", "dropout",
         {"dz1": lambda v: v.dh1}, (("dz1", "mask|left out"),)),
    Pass("dropout: 1 / (1 - p) without the mask", "ddbourgin/numpy-ml/issues/94", "dropout",
         {"dz1": lambda v: v.dh1 / 0.5}, (("dz1", "mask"),)),
    Pass("max-pool, overlapping windows: assigned, the last one wins", "0809zheng/CS231n-assignment2019/issues/19",
         "overlapping windows", {"da1": lambda v: windows_back(v, last=True)}, (("da1", "assign|last|added"),)),
    Formulas("maximum: every equal one gets what comes back", "apache/incubator-mxnet/issues/18563",
             ("m[n] = max_k x[n,k]",), "dx[n,k] = dm[n] * [x[n,k] = m[n]]", "no two that are compared are equal"),
    Pass("convolution, dx: added to the output's channel", "NervanaSystems/neon/issues/111", "convolutions",
         {"da1": channels_crossed}, (("da1", "channel|o|crossed|stands"),)),
    Pass("convolution, dx: the stride is forgotten", "Kulbear/deep-learning-coursera/pull/34", "convolutions, stride 2",
         {"da1": lambda v: convolved_back(v.dz2, v.W2, v.a1.shape, 1)}, (("da1", "stride|sh|apart"),)),
    Pass("convolution, not square: rows for columns", "mlpack/mlpack/pull/3376", "convolutions",
         {"da1": lambda v: convolved_back(v.dz2, v.W2, v.a1.shape, 1).swapaxes(2, 3).reshape(v.a1.shape)},
         (("da1", "rows|columns|order|transpose|reshape"),)),
    Pass("bias: the mean over the batch", "tensorflow/tfjs-core/pull/398", "tanh",
         {"db2": lambda v: v.dy_hat.mean(axis=0), "db1": lambda v: v.dz1.mean(axis=0)},
         (("db2", "mean|N|batch|samples"), ("db1", "mean|N|batch|samples"))),
    Pass("bias: one sample's, not summed", "tensorflow/tfjs-core/pull/398", "tanh",
         {"db2": lambda v: v.dy_hat[0]}, (("db2", "first|summed|sample"),)),
    Pass("batch norm, dx: the way through the variance is missing", "deeplearning4j/deeplearning4j/pull/8379",
         "batch norm", {"dz1": lambda v: normalised_back(v.dx_hat2, v.x_hat2, v.var2, 0, spread=0)},
         (("dz1|dvar2", "variance|var|left at 0"),)),
    Pass("batch norm, dx: the way through the mean is missing", "deeplearning4j/deeplearning4j/pull/8379",
         "batch norm", {"dz1": lambda v: normalised_back(v.dx_hat2, v.x_hat2, v.var2, 0, mean=0)},
         (("dz1|dmu2", "mean|mu|left at 0"),)),
    Pass("layer norm, dx: mean(g gamma) subtracted twice", "tenstorrent/tt-metal/pull/53215", "layer norm",
         {"dz1": lambda v: normalised_back(v.dx_hat2, v.x_hat2, over(v.var2, 1), 1, mean=2)},
         (("dz1|dmu2|dvar2", "twice|2"),)),
    Pass("layer norm: the saved inverse deviation read as the variance", "ooples/AiDotNet.Tensors/pull/784",
         "layer norm",
         {"dz1": lambda v: normalised_back(v.dx_hat2, v.x_hat2, over(1 / np.sqrt(v.var2 + EPS), 1), 1)},
         (("dz1|dvar2|dmu2", "var|deviation"),)),
    Pass("batch norm: n - 1 in the backward pass, n in the forward", "paiml/aprender/pull/2200", "batch norm",
         {"dz1": lambda v: normalised_back(
             v.dx_hat2, (v.z1 - v.mu2) / np.sqrt(v.var2 * 5 / 4 + EPS), v.var2 * 5 / 4, 0)},
         (("dz1|dvar2|dmu2", "N - 1|n - 1|variance"),)),
    Pass("layer norm: gamma of the row for that of the column", "microsoft/DeepSpeed/pull/692", "layer norm",
         {"dx_hat2": lambda v: v.dz2 * v.gamma2[:5, None]}, (("dx_hat2", "gamma"),)),
    Pass("RMS norm, dx: each row gets another row's correction", "BobMcDear/attorch/issues/17", "RMS norm",
         {"dz1": lambda v: rms_back(v, 1)}, (("dz1|dms2", "row|sample|n"),)),
    Pass("embedding: assigned, the last one wins", "karpathy/nn-zero-to-hero/issues/57", "embedding",
         {"dW1": lambda v: looked_up(v, last=True)}, (("dW1", "assign|last|added|overwrites"),)),
    Pass("a value used twice: one share is propagated twice", "karpathy/micrograd/issues/2", "residual",
         {"da1": lambda v: v.ds2 + 2 * (v.dz2 @ v.W2.T)}, (("da1", "twice"),)),
    Pass("gradients are not zeroed between steps", "karpathy/micrograd/issues/53", "tanh",
         {"dW1": lambda v: v.x.T @ v.dz1 + v.before["dW1"], "dW2": lambda v: v.a1.T @ v.dy_hat + v.before["dW2"],
          "db1": lambda v: v.dz1.sum(axis=0) + v.before["db1"],
          "db2": lambda v: v.dy_hat.sum(axis=0) + v.before["db2"]},
         tuple((n, "earlier|before|zeroed|added") for n in ("dW1", "dW2", "db1", "db2")), before=True),
    Pass("residual: only through f", "paiml/entrenar/issues/313", "residual",
         {"da1": lambda v: v.dz2 @ v.W2.T}, (("da1", "skip|s2"),)),
    Pass("tied embedding: updated with one use's gradient", "paiml/entrenar/issues/314", "tied", {},
         (("dE.W|E.W_new", "one use|use"),), updated=True,
         new={"E.W_new": lambda v: v["E.W"] - RATE * v.dz2.T @ v["E.a"]}),
    Pass("LSTM: s(f) for s'(f) at the forget gate", "nicklashansen/rnn_lstm_from_scratch/issues/1", "LSTM",
         lstm_lines(forget=lambda v: v.f), (("dzf1", "left out|1 - f|derivative"),)),
    Pass("LSTM: the biases of i and o from the forget gate's delta", "hanbt/learn_dl/issues/53", "LSTM",
         {"dbi1": lambda v: v.dzf1.sum(axis=(0, 1)), "dbo1": lambda v: v.dzf1.sum(axis=(0, 1))},
         (("dbi1", "f"), ("dbo1", "f"))),
    adam_case("Adam: no bias correction", "oxideai/mlx-rs/issues/301", "correction", corrected=lambda beta: 1.0),
    adam_case("Adam: eps inside the root", "keras-team/keras/issues/17391", "eps", inside=True,
              corrected=lambda beta: 1 - beta**3),
    adam_case("Adam: multiplied by the correction", "karpathy/convnetjs/pull/107", "multipl|correction",
              multiplied=True, corrected=lambda beta: 1 - beta**3),
    adam_case("Adam: beta for beta^t", "karpathy/convnetjs/pull/107", r"power|\bt\b|\^t",
              corrected=lambda beta: 1 - beta),
)  # fmt: skip

RIGHT: tuple[Pass | Formulas, ...] = (
    Formulas("batch norm: dmu without the way through the variance", "pjreddie/darknet/pull/29", BATCH_NORM,
             "dmu[c] = -sum_n dx_hat[n,c] / sqrt(var[c] + eps)", "", right=True),
    Formulas("batch norm: dmu with it", "mlpack/mlpack/pull/2474", BATCH_NORM,
             "dmu[c] = -sum_n dx_hat[n,c] / sqrt(var[c] + eps) - 2 * dvar[c] * mean_n (x[n,c] - mu[c])",
             r"sum_n \(x\[n,c\] - mu\[c\]\) = 0", right=True),
    Formulas("batch norm: three terms", "BVLC/caffe/issues/3878", BATCH_NORM,
             "dx[n,c] = gamma[c] * (dy[n,c] - mean_j dy[j,c] - x_hat[n,c] * mean_j dy[j,c] * x_hat[j,c]) "
             "/ sqrt(var[c] + eps)", "", right=True),
    Formulas("batch norm: a fourth term", "BVLC/caffe/issues/3878", BATCH_NORM,
             "dx[n,c] = gamma[c] * (dy[n,c] - mean_j dy[j,c] - x_hat[n,c] * mean_j dy[j,c] * x_hat[j,c] "
             "+ x_hat[n,c] * mean_j dy[j,c] * mean_i x_hat[i,c]) / sqrt(var[c] + eps)", "= 0", right=True),
    Pass("batch norm: without the way through the variance in dmu", "pjreddie/darknet/pull/29", "batch norm"),
    Pass("sigmoid: x (1 - x), x being f(x)", "pjreddie/darknet/issues/2151", "sigmoid",
         {"dz1": lambda v: (lambda x: v.da1 * x * (1 - x))(v.a1)}),
    Pass("softmax: the delta has no a (1 - a)", "rasmusbergpalm/DeepLearnToolbox/issues/113", "classifier"),
    Pass("LSTM: += in the cell's gradient", "cthorey/CS231/issues/1", "LSTM"),
    Pass("y - a added where a - y is subtracted", "iamtrask/Grokking-Deep-Learning/issues/37", "half",
         new={"W1_new": lambda v: v.W1 + RATE * v.x.T @ (v.y - v.y_hat),
              "b1_new": lambda v: v.b1 + RATE * (v.y - v.y_hat).sum(axis=0)},
         updated=True, alone=("W1_new", "b1_new")),
)  # fmt: skip
