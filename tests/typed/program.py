"""A user's program, for type checkers: `mypy --strict` and pyright find nothing in it, and know what comes out."""
# pyright: strict

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import chalkgrad as cg
from chalkgrad import Dense, Network

Numbers = npt.NDArray[np.float64]


class Say(cg.Callback):
    """Says how the training goes."""

    def on_epoch(self, training: Any, record: cg.Record) -> None:
        print(record.epoch, record.loss)


@cg.rule("a[...] = z[...] * z[...]")
def square(z: Any) -> Any:
    return z * z


Square = cg.layer("Square", square)


def trained(x: Numbers, y: npt.NDArray[np.int64], where: Path) -> Network:
    """Describes a network, trains, saves, loads."""
    net = cg.Network(
        [Dense(4, name="hidden"), cg.Tanh(), cg.Residual([Dense(4), cg.GELU()]), Dense(2), cg.Softmax()],
        input_shape=3,
        loss=cg.CrossEntropy(label_smoothing=0.1),
        dtype="float64",
        seed=1,
    )
    history = net.fit(
        x,
        y,
        optimizer=cg.AdamW(0.01, weight_decay=0.1),
        schedule=cg.Cosine(),
        epochs=3,
        validation=0.2,
        callbacks=[Say()],
        checkpoints=cg.Checkpoints(where / "checkpoints"),
    )
    assert_type(history, cg.History)
    assert_type(history[-1], cg.Record)
    assert_type(history[-1].val_loss, float | None)
    assert_type(history.stop_reason, cg.StopReason)
    net.save(where / "net")
    return cg.load(where / "net")


def looked_into(net: Network, x: Numbers, y: npt.NDArray[np.int64]) -> str:
    """Opens numbers, checks gradients, diagnoses, writes."""
    trace = net.trace(x, y, optimizer="SGD")
    assert_type(trace, cg.Trace)
    opened = trace.explain("dW2[0, 0]")
    assert_type(opened, cg.Derivation)
    assert_type(net.evaluate(x, y), cg.Evaluation)
    assert_type(net.evaluate(x, y).accuracy, float | None)
    checked = net.check_gradients(x, y)
    assert_type(checked.passed, bool)
    found = cg.diagnose(net, x, y, {"dW2": trace["dW2"]})
    assert_type(found, cg.Diagnosis)
    program: cg.Program = net.program
    steps: list[cg.Step] = list(program.steps)
    net.page(x, y).save("page.html")
    return f"{opened}{found}{len(steps)}{net.source('numpy')}{net.derive()}"


def estimated(x: Numbers, y: npt.NDArray[np.int64]) -> Any:
    """The estimators, whose bases are scikit-learn's."""
    model = cg.ChalkgradClassifier((4,), layers=[Dense(3)], solver=cg.Adam(0.1), random_state=0)
    assert_type(model.network_, Network)
    return model.fit(x, y).predict(x)


def refused() -> None:
    """Errors are classes, and modules are modules."""
    try:
        cg.load_example("nowhere")
    except (cg.DataError, cg.UnknownNameError) as error:
        said: cg.ChalkgradError = error
        print(said)
    start = cg.initializers.Normal(0.1)
    print(cg.testing.check_operation)
    print(cg.data.digits, Dense(2, weights=start), cg.kinks, cg.mistake)
