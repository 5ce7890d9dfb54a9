"""Published worked examples of attention: the right figures, and the mistakes that make the wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.slips.heads import TEXT

Array = np.ndarray[Any, Any]


def one_head(x: Any, Wq: Any, Wk: Any, Wv: Any, **settings: Any) -> cg.Network:
    """Self-attention of one head, whose results are not multiplied further."""
    T, D = np.shape(x)[-2:]
    loss = cg.SquaredError(scale=0.5, reduction="sum")
    net = cg.Network([cg.Attention(1, bias=False, **settings)], input_shape=(T, D), loss=loss, dtype="float64")
    net.set_parameters(Wq1=Wq, Wk1=Wk, Wv1=Wv, Wo1=np.eye(D))
    return net


def output(x: Any, Wq: Any, Wk: Any, Wv: Any) -> Array:
    return one_head(x, Wq, Wk, Wv).predict([x])[0]


@pytest.mark.parametrize(
    ("x", "W", "Wv", "printed", "digits"),
    [
        ([[1, 0], [0, 1]], np.eye(2), [[1, 2], [3, 4]], [[1.660477, 2.660477], [2.339523, 3.339523]], 6e-7),
        ([[1, 1], [1, 0]], np.eye(2), [[1, 2], [3, 4]], [[3.00928465, 4.6790462], [2.5, 4.0]], 6e-9),
        (
            [[1, 0, 1], [0, 1, 1], [1, 1, 0]],
            [[1, 1, 0], [0, 1, 1], [1, 0, 1]],
            [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
            [[8, 10, 12], [8.61987385, 10.61987385, 12.61987385], [7.38012615, 9.38012615, 11.38012615]],
            6e-9,
        ),
    ],
)
def test_open_deep_ml_53(x: Any, W: Any, Wv: Any, printed: Any, digits: float) -> None:
    np.testing.assert_allclose(output(x, W, W, Wv), printed, atol=digits)


INPUTS = [
    [0.43, 0.15, 0.89], [0.55, 0.87, 0.66], [0.57, 0.85, 0.64], [0.22, 0.58, 0.33], [0.77, 0.25, 0.1], [0.05, 0.8, 0.55],
]  # fmt: skip


def padded(W: Any) -> Array:
    """A matrix of three rows and two columns, with a third column of 0."""
    return np.pad(W, ((0, 0), (0, 1)))


def test_raschka_without_weights() -> None:
    """S. Raschka, Build a Large Language Model; the scores are not scaled there."""
    trace = one_head(INPUTS, np.eye(3) * np.sqrt(3), np.eye(3), np.eye(3)).trace([INPUTS], np.zeros((1, 6, 3)))
    np.testing.assert_allclose(trace["o1"][0, 1], [0.4419, 0.6515, 0.5683], atol=6e-5)
    np.testing.assert_allclose(trace["A1"][0, 0, 0], [0.2098, 0.2006, 0.1981, 0.1242, 0.122, 0.1452], atol=6e-5)


def test_raschka_with_weights() -> None:
    """Of three numbers two: a head of width 2 is one of width 3 whose queries are larger by sqrt(3/2)."""
    Wq = np.array([[0.29611194, 0.51656228], [0.25167072, 0.68855679], [0.07397246, 0.86652195]])
    Wk = np.array([[0.13657988, 0.10247904], [0.18405646, 0.72644675], [0.31525391, 0.68710667]])
    Wv = np.array([[0.07563531, 0.19663817], [0.31641197, 0.40174013], [0.1185683, 0.82739538]])
    net = one_head(INPUTS, padded(Wq) * np.sqrt(1.5), padded(Wk), padded(Wv))
    trace = net.trace([INPUTS], np.zeros((1, 6, 3)))
    np.testing.assert_allclose(trace["q1"][0, 1, :2] / np.sqrt(1.5), [0.4306, 1.4551], atol=6e-5)
    scores, weights = trace["S1"][0, 0, 1] * np.sqrt(2), trace["A1"][0, 0, 1]
    np.testing.assert_allclose(scores, [1.2705, 1.8524, 1.8111, 1.0795, 0.5577, 1.544], atol=6e-5)
    np.testing.assert_allclose(weights, [0.15, 0.2264, 0.2199, 0.1311, 0.0906, 0.182], atol=6e-5)
    printed = [
        [0.2996, 0.8053], [0.3061, 0.821], [0.3058, 0.8203], [0.2948, 0.7939], [0.2927, 0.7891], [0.299, 0.804],
    ]  # fmt: skip
    np.testing.assert_allclose(trace["o1"][0, :, :2], printed, atol=6e-5)


def test_raschka_causal() -> None:
    Wq = np.array([[0.31605909, 0.45680857, 0.51183485], [-0.16828541, -0.33787705, -0.09177387]])
    Wk = np.array([[0.40580584, -0.47042054, 0.2368052], [0.21336075, -0.26005067, -0.51054299]])
    Wv = np.array([[0.25256989, -0.14147828, -0.19618135], [0.51910743, -0.08516758, -0.20432706]])
    given = padded(Wq.T) * np.sqrt(1.5), padded(Wk.T), padded(Wv.T)
    rows = [[-0.0739, 0.0713], [-0.0748, 0.0703], [-0.0749, 0.0702], [-0.076, 0.0685], [-0.0763, 0.0679]]
    np.testing.assert_allclose(output(INPUTS, *given)[:5, :2], rows, atol=6e-5)
    causal = one_head(INPUTS, *given, causal=True).trace([INPUTS], np.zeros((1, 6, 3)))["A1"][0, 0]
    printed = [
        [1, 0, 0, 0, 0, 0],
        [0.5517, 0.4483, 0, 0, 0, 0],
        [0.38, 0.3097, 0.3103, 0, 0, 0],
        [0.2758, 0.246, 0.2462, 0.2319, 0, 0],
        [0.2175, 0.1983, 0.1984, 0.1888, 0.1971, 0],
        [0.1935, 0.1663, 0.1666, 0.1542, 0.1666, 0.1529],
    ]
    np.testing.assert_allclose(causal, printed, atol=6e-5)


def test_understanding_deep_learning_12_1() -> None:
    """S. Prince's notebook: with biases, tokens as columns, and without a scale."""
    x = np.concatenate(list(np.random.RandomState(3).normal(size=(3, 4, 1))), axis=1).T
    random = np.random.RandomState(0)
    Wq, Wk, Wv = (random.normal(size=(4, 4)) for _ in range(3))
    bq, bk, bv = (random.normal(size=4) for _ in range(3))
    net = cg.Network([cg.Attention(1)], input_shape=(3, 4), loss="SquaredError", dtype="float64")
    net.set_parameters(Wq1=2 * Wq.T, Wk1=Wk.T, Wv1=Wv.T, Wo1=np.eye(4), bq1=2 * bq, bk1=bk, bv1=bv, bo1=np.zeros(4))
    printed = [
        [0.94744244, -0.24348429, -0.91310441, -0.44522983],
        [1.64201168, -0.08470004, 4.02764044, 2.18690791],
        [1.61949281, -0.06641533, 3.96863308, 2.15858316],
    ]
    np.testing.assert_allclose(net.predict([x])[0], printed, atol=6e-9)


def test_keras_multi_head_attention_of_identities() -> None:
    """A test of Keras: with the identity reshaped to eight heads all is in the first, and the outputs are its sums."""
    x, values = np.eye(8), np.arange(64).reshape(8, 8) / 100
    net = one_head(x, np.eye(8), np.eye(8), values)
    net.set_parameters(Wo1=np.ones((8, 8)))
    trace = net.trace([x], np.zeros((1, 8, 8)))
    assert trace["A1"][0, 0, 0, 0] == pytest.approx(0.1691, abs=6e-5)
    assert trace["A1"][0, 0, 0, 1] == pytest.approx(0.1187, abs=6e-5)
    half = [2.406, 2.44, 2.473, 2.504, 2.535, 2.568, 2.602, 2.633]  # in half precision
    np.testing.assert_allclose(trace["y_hat"][0, :, 0], half, atol=4e-3)


# -- a scale that is left out ------------------------------------------------------------------------------------------


X = [[0.5, 0.2, 0.1, -0.1], [0.0, 0.3, -0.2, 0.2], [0.4, -0.1, 0.0, 0.3]]
TARGET = [[0.1, 0.0, 0.05, -0.05], [0.0, 0.1, -0.05, 0.05], [0.05, -0.05, 0.1, 0.0]]
WQ = [[0.2, -0.1, 0.0, 0.3], [0.1, 0.0, 0.2, -0.2], [-0.1, 0.3, 0.1, 0.0], [0.0, 0.2, -0.2, 0.1]]
WK = [[0.1, 0.2, 0.0, -0.1], [0.0, 0.1, 0.3, 0.0], [0.2, -0.2, 0.1, 0.1], [-0.1, 0.0, 0.2, 0.2]]
WV = [[0.3, 0.1, 0.0, -0.2], [0.0, 0.2, 0.1, 0.0], [0.1, -0.1, 0.2, 0.1], [0.0, 0.1, -0.2, 0.3]]
PRINTED = {
    "o1": """0.0867 0.0733 -0.0200 -0.0234 0.0869 0.0733 -0.0198 -0.0236 0.0868 0.0732 -0.0201 -0.0233""",
    "dWq1": """-0.000254 -0.0000672 0.0000662 0.000179 0.000159 0.0000344 -0.0000672 -0.0000917
        -0.000186 -0.0000414 0.0000743 0.000111 0.000140 0.0000262 -0.0000727 -0.0000700""",
    "dWk1": """-0.0000346 -0.00000876 -0.0000594 -0.000293 -0.0000436 0.00000258 0.0000259 -0.0000327
        -0.0000271 -0.00000515 -0.0000339 -0.000187 0.0000744 0.00000438 0.0000208 0.000273""",
    "dWv1": """0.0332 0.0510 -0.0480 -0.0211 0.0147 0.0225 -0.0212 -0.00934
        -0.00364 -0.00564 0.00531 0.00231 0.0147 0.0227 -0.0214 -0.00934""",
}
"""Printed to four decimals, and to three digits."""


def test_scale_left_out_in_both_passes() -> None:
    """A notebook that says its attention is scaled."""
    net = one_head(X, WQ, WK, WV)
    trace = net.trace([X], [TARGET])
    assert trace["L"] == pytest.approx(0.02861163376969057, rel=1e-12)
    first_rows = {
        "o1": [0.08670277144696349, 0.07332405705285709, -0.01999083545192461, -0.023353884827502346],
        "dWq1": [-0.0001271502456551593, -3.3624913197197096e-05, 3.323152247238218e-05, 8.966643519252566e-05],
        "dWk1": [-1.7523569569823778e-05, -4.3356707093313815e-06, -2.9684130211130638e-05, -0.00014661833950018773],
        "dWv1": [0.033116937716410305, 0.05100523666239989, -0.04801421006527766, -0.021066340773283204],
    }
    for name, row in first_rows.items():
        found = trace[name].reshape(-1, 4)[0]
        np.testing.assert_allclose(found, row, rtol=1e-9)
    claims = {name: np.array(text.split()).reshape(trace[name].shape).tolist() for name, text in PRINTED.items()}
    (cause,) = cg.diagnose(net, [X], [TARGET], claims).causes
    (slip,) = cause.slips
    assert slip.outputs == ("S1", "dq1", "dk1")
    assert slip.text == "1/sqrt(E), the scale, is left out, in the forward pass and on the way back"


def test_onnx_heads_by_reshaping_alone() -> None:
    """The test attention_3d of ONNX 1.18, mended later: (B, S, H d) is read as (B, H, S, d) without transposing."""
    random = np.random.RandomState(0)
    q, k, v = (random.rand(2, steps, 24).astype(np.float32).astype(float) for steps in (4, 6, 6))
    layers = [cg.Attention(3, bias=False, of=("q", "k"))]
    net = cg.Network(layers, input_shape={"q": (4, 24), "k": (6, 24)}, loss="SquaredError", dtype="float64")
    Wv = np.linalg.pinv(k.reshape(12, 24)) @ v.reshape(12, 24)  # the values are those of the test
    net.set_parameters(Wq1=np.eye(24), Wk1=np.eye(24), Wv1=Wv, Wo1=np.eye(24))
    x, y = {"q": q, "k": k}, np.zeros((2, 4, 24))
    np.testing.assert_allclose(net.trace(x, y)["v1"], v, rtol=1e-11)
    right = [
        0.23142475, 0.57201476, 0.51267055, 0.27959735, 0.32367065, 0.47495612, 0.34430786, 0.45460413,
        0.67776262, 0.42718193, 0.51873399, 0.58659277, 0.3662206, 0.61746904, 0.56859169, 0.71173444,
        0.66986512, 0.477629, 0.4439020, 0.65793089, 0.29446051, 0.44492617, 0.64699601, 0.6240156,
    ]  # fmt: skip
    np.testing.assert_allclose(net.predict(x)[0, 0], right, atol=1e-7)
    printed = (
        "0.5014647 0.54351133 0.39808768 0.47406104 0.29050708 0.42301762 0.44799858 0.67238975 "
        "0.5800981 0.45053625 0.7029409 0.53838223 0.32976782 0.54339373 0.61372286 0.5620103 "
        "0.46424046 0.49334213 0.3805255 0.5307118 0.397056 0.5820669 0.44334117 0.5592267"
    )
    claims = {f"y_hat[0, 0, {d}]": float(text) for d, text in enumerate(printed.split())}
    (cause,) = cg.diagnose(net, x, y, claims).causes
    assert [s.mistake for s in cause.slips] == [TEXT]
