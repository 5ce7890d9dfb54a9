from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.describe.optimizers import OPTIMIZERS
from chalkgrad.describe.schedules import SCHEDULES
from chalkgrad.rules import UPDATES
from chalkgrad.train.callbacks import Training
from chalkgrad.train.fit import Fit
from networks import CLASSES, SAMPLES, classifier


def spirals(dtype: str = "float32", **settings: Any) -> tuple[cg.Network, Any, Any]:
    x, y = cg.data.spiral_data(60, 3, seed=1)
    layers = settings.pop("layers", [cg.Dense(16), cg.ReLU(), cg.Dense(3), cg.Softmax()])
    return cg.Network(layers, input_shape=2, loss="CrossEntropy", dtype=dtype, **settings), x, y


def test_training_learns() -> None:
    net, x, y = spirals(layers=[cg.Dense(64), cg.ReLU(), cg.Dense(64), cg.ReLU(), cg.Dense(3), cg.Softmax()])
    history = net.fit(x, y, optimizer=cg.Adam(0.01), epochs=150)
    assert net.evaluate(x, y).accuracy > 0.9  # type: ignore[operator]
    assert history.stop_reason is cg.StopReason.EPOCHS
    assert history.steps == net.steps_taken == 150 * 6
    assert history.column("loss")[-1] < 0.5 * history.column("loss")[0]


def test_same_seed_same_bits() -> None:
    ends = []
    for _ in range(2):
        net, x, y = spirals(layers=[cg.Dense(8), cg.Dropout(0.2), cg.ReLU(), cg.Dense(3), cg.Softmax()])
        net.fit(x, y, optimizer=cg.SGD(0.1, momentum=0.9), epochs=5, validation=0.2)
        ends.append(net.flat.copy())
    assert (ends[0] == ends[1]).all()
    net, x, y = spirals(layers=[cg.Dense(8), cg.Dropout(0.2), cg.ReLU(), cg.Dense(3), cg.Softmax()])
    net.fit(x, y, optimizer=cg.SGD(0.1, momentum=0.9), epochs=5, validation=0.2, seed=9)
    assert (net.flat != ends[0]).any()


def test_a_ragged_last_batch_and_a_batch_larger_than_the_data() -> None:
    net, x, y = spirals()
    assert net.fit(x, y, batch_size=50).steps == 4
    assert net.fit(x, y, batch_size=10_000).steps == 1
    assert net.fit(x, y, batch_size=None).steps == 1


def test_the_gradient_is_averaged_over_the_batch() -> None:
    net, x, y = spirals("float64")
    start, gradients = net.flat.copy(), net.gradients(x, y)
    net.fit(x, y, optimizer=cg.SGD(0.3), batch_size=None, shuffle=False)
    for name, view in net.views(start).items():
        np.testing.assert_allclose(net.parameters[name], view - 0.3 * gradients[name], rtol=1e-12, atol=1e-15)


def test_a_plateau_stops_and_the_best_weights_come_back() -> None:
    net, x, y = spirals()
    seen: list[Any] = []

    class Keep(cg.Callback):
        def on_epoch(self, training: Training, record: cg.Record) -> None:
            seen.append(training.network.flat.copy())

    history = net.fit(x, y, optimizer=cg.Adam(0.1), epochs=500, patience=8, validation=0.3, callbacks=[Keep()])
    assert history.stop_reason is cg.StopReason.PLATEAU
    losses = history.column("val_loss")
    assert history.best_epoch == int(np.argmin(losses)) + 1
    assert len(history) == history.best_epoch + 8
    assert (net.flat == seen[history.best_epoch - 1]).all()
    assert "8 epochs" in history.stop_detail


def test_min_improvement_counts() -> None:
    net, x, y = spirals()
    history = net.fit(x, y, optimizer=cg.SGD(1e-4), epochs=50, patience=3, min_improvement=0.5, validation=0.3)
    assert len(history) == 4


def test_stop_below_stops_before_the_update_and_max_steps_after_so_many() -> None:
    net, x, y = spirals("float64")
    history = net.fit(x, y, optimizer=cg.Adam(0.05), epochs=None, batch_size=None, stop_below=0.9, shuffle=False)
    assert history.stop_reason is cg.StopReason.LOSS
    assert net.loss(x, y) == pytest.approx(history.loss, rel=1e-12)
    assert net.loss(x, y) < 0.9
    more = net.fit(x, y, epochs=None, max_steps=7)
    assert (more.steps, more.stop_reason) == (7, cg.StopReason.STEPS)


def test_a_loss_that_is_not_finite_stops_at_once_and_the_last_good_weights_stay() -> None:
    net = cg.Network([cg.Dense(3), cg.Dense(1)], input_shape=2, loss="SquaredError")
    x, y = np.ones((4, 2)), np.full((4, 1), 3.0)
    with pytest.warns(RuntimeWarning, match="try a smaller learning rate"):
        history = net.fit(x, y, optimizer=cg.SGD(1e3), epochs=500, batch_size=None)
    assert history.stop_reason is cg.StopReason.NOT_FINITE
    assert f"in step {history.steps + 2}" in history.stop_detail, "the update before it was taken back"
    assert net.steps_taken == history.steps
    assert any(word in history.stop_detail for word in ("is NaN", "is infinite"))
    assert np.isfinite(net.flat).all()
    assert np.isfinite(net.loss(x, y))
    with_validation = net.copy()
    with pytest.warns(RuntimeWarning):
        with_validation.fit(x, y, optimizer=cg.SGD(1e3), epochs=500, validation=(x, y))
    assert np.isfinite(with_validation.loss(x, y))


def test_validation_is_split_evenly_over_the_classes_or_given() -> None:
    net, x, y = spirals()
    sizes: list[int] = []

    class Size(cg.Callback):
        def on_begin(self, training: Training) -> None:
            sizes.append(training.epoch_steps)

    net.fit(x, y, validation=0.5, batch_size=1, callbacks=[Size()])
    assert sizes == [90]
    history = net.fit(x, y, validation=(x, y))
    assert history.records[0].val_loss == pytest.approx(net.evaluate(x, y).loss, rel=1e-6)


def test_callbacks_see_every_step_and_can_stop() -> None:
    net, x, y = spirals()
    calls: list[str] = []

    class Watch(cg.Callback):
        def on_begin(self, training: Training) -> None:
            calls.append("begin")

        def on_step(self, training: Training) -> None:
            calls.append("step")
            assert np.isfinite(training.loss)
            if training.step == 8:
                training.stop("enough")

        def on_epoch(self, training: Training, record: cg.Record) -> None:
            calls.append("epoch")

        def on_end(self, training: Training, history: cg.History) -> None:
            calls.append("end")

    history = net.fit(x, y, epochs=5, callbacks=[Watch()])
    assert calls == ["begin", *["step"] * 6, "epoch", "step", "step", "epoch", "end"]
    assert (history.stop_reason, history.stop_detail) == (cg.StopReason.CALLBACK, "enough")


def test_an_interruption_leaves_the_network_as_far_as_it_came() -> None:
    net, x, y = spirals()
    start = net.flat.copy()

    class Interrupt(cg.Callback):
        def on_step(self, training: Training) -> None:
            if training.step == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, callbacks=[Interrupt()])
    assert net.steps_taken == 3
    assert (net.flat != start).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(name: str) -> None:
    net, x, y = spirals()
    before = net.loss(x, y)
    optimizer = OPTIMIZERS[name](0.01, weight_decay=1e-4)
    net.fit(x, y, optimizer=optimizer, epochs=20)
    assert net.loss(x, y) < before
    assert optimizer.operation in UPDATES


def test_weight_decay_reaches_weights_and_not_biases() -> None:
    net, x, y = spirals("float64")
    trace = net.trace(x, y, optimizer=cg.SGD(0.1, weight_decay=0.5))
    assert "g_W1" in trace
    assert "g_b1" not in trace
    np.testing.assert_allclose(trace["g_W1"], trace["dW1"] + 0.5 * net.parameters["W1"])
    adamw = net.trace(x, y, optimizer=cg.AdamW(0.1, weight_decay=0.5))
    assert "g_W1" not in adamw


def test_clipping_shortens_all_gradients_alike_and_leaves_short_ones_as_they_are() -> None:
    net, x, y = spirals("float64")
    net.freeze("b1")
    trace = net.trace(x, y, optimizer=cg.SGD(0.1, clip_norm=0.01, weight_decay=0.5))
    trained = [n for n in net.parameters if n != "b1"]
    norm = np.sqrt(sum(np.square(trace[f"d{n}"]).sum() for n in trained))
    np.testing.assert_allclose(trace["gradient_norm"], norm, rtol=1e-12)
    assert "db1_clipped" not in trace, "a frozen parameter's gradient does not count"
    for name in trained:
        np.testing.assert_allclose(trace[f"d{name}_clipped"], trace[f"d{name}"] * (0.01 / norm), rtol=1e-12)
    np.testing.assert_allclose(trace["g_W1"], trace["dW1_clipped"] + 0.5 * net.parameters["W1"], rtol=1e-12)
    long = net.trace(x, y, optimizer=cg.SGD(0.1, clip_norm=2 * norm))
    np.testing.assert_array_equal(long["dW1_clipped"], long["dW1"])
    assert "0.01 / max(gradient_norm, 0.01)" in str(trace.explain("clip_factor"))


def test_clipping_of_gradients_that_are_0_changes_nothing() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=2, loss=cg.SquaredError(), dtype="float64")
    net.set_parameters(W1=np.zeros((2, 2)))
    net.fit(np.ones((3, 2)), np.zeros((3, 2)), optimizer=cg.SGD(0.1, clip_norm=1.0), max_steps=2, engine="numpy")
    assert not net.flat.any()


@pytest.mark.parametrize("limit", [0, -1.0, "1", True, float("inf")])
def test_a_limit_of_the_norm_is_a_number_above_0(limit: Any) -> None:
    with pytest.raises(cg.OptionError, match=r"Adam: clip_norm must be a number"):
        cg.Adam(0.01, clip_norm=limit)


def test_a_limit_that_the_dtype_does_not_hold_is_refused() -> None:
    net, x, y = spirals()
    with pytest.raises(cg.OptionError, match=r"SGD: clip_norm=1e\+50 is too large for float32.*; 1 is usual"):
        net.fit(x, y, optimizer=cg.SGD(0.1, clip_norm=1e50))


@pytest.mark.parametrize("word", ["max_norm", "global_clipnorm"])
def test_other_words_for_clipping_are_known(word: str) -> None:
    with pytest.raises(TypeError, match="it is called clip_norm"):
        cg.SGD(**{word: 1.0})


def test_batch_norm_moves_its_running_averages_and_predicts_by_them() -> None:
    net, x, y = spirals("float64", layers=[cg.BatchNorm(momentum=0.5), cg.Dense(3), cg.Softmax()])
    x = x.astype(np.float64)
    net.fit(x, y, epochs=1, batch_size=None, shuffle=False)
    np.testing.assert_allclose(net.states["running_mu1"], 0.5 * x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(net.states["running_var1"], 0.5 + 0.5 * x.var(axis=0, ddof=1), rtol=1e-6)
    assert net.loss(x, y) != net.loss(x, y, training=True)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_start_and_end_where_they_say(name: str) -> None:
    schedule = SCHEDULES[name](warmup=5)
    rate = schedule.start(1.0, 10, 100)
    rates = [rate.at(step) for step in range(100)]
    assert all(0 <= r <= 1 for r in rates)
    assert rates[0] <= 0.2 + 1e-12
    net, x, y = spirals()
    history = net.fit(x, y, schedule=schedule, epochs=3)
    assert len(history) == 3


def test_schedule_figures() -> None:
    assert [cg.StepDecay(2, 0.5).start(8.0, 3, None).at(s) for s in (0, 5, 6, 12)] == [8, 8, 4, 2]
    assert cg.Exponential(0.5).start(8.0, 3, None).at(6) == 2
    assert cg.InverseTime(1.0).start(8.0, 3, None).at(3) == 2
    assert [cg.Linear().start(1.0, 1, 5).at(s) for s in range(5)] == [1, 0.75, 0.5, 0.25, 0]
    np.testing.assert_allclose([cg.Cosine(0.2).start(1.0, 1, 5).at(s) for s in (0, 2, 4)], [1, 0.6, 0.2])
    cycle = cg.OneCycle(rise=0.5, start_divisor=10, final=0.01).start(1.0, 1, 5)
    np.testing.assert_allclose([cycle.at(s) for s in range(5)], [0.1, 0.55, 1, 0.505, 0.01])
    plateau = cg.ReduceOnPlateau(0.1, patience=2).start(1.0, 1, None)
    rates = []
    for loss in (1.0, 0.9, 0.9, 0.95, 0.8):
        plateau.epoch_done(loss)
        rates.append(plateau.at(0))
    np.testing.assert_allclose(rates, [1, 1, 1, 0.1, 0.1])


def test_history_shows_and_writes_itself() -> None:
    net, x, y = spirals()
    history = net.fit(x, y, epochs=30, validation=0.2)
    assert "stopped because all epochs done" in str(history)
    lines = [json.loads(line) for line in history.to_jsonl().splitlines()]
    assert len(lines) == 30
    assert set(lines[0]) == {"epoch", "step", "loss", "learning_rate", "seconds", "val_loss", "val_accuracy"}


def test_plain_progress_lines(capsys: pytest.CaptureFixture[str]) -> None:
    net, x, y = spirals()
    net.fit(x, y, epochs=3, progress=True)
    assert capsys.readouterr().err.splitlines()[0].startswith("epoch 1, loss")


@pytest.mark.parametrize("batch", [1, 32])
def test_a_live_bar_on_a_terminal(batch: int) -> None:
    import io

    from chalkgrad.train.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    net, x, y = spirals()
    terminal = Terminal()
    net.fit(x, y, epochs=3, batch_size=batch, validation=0.1, callbacks=[Progress(terminal)])
    assert "\r" in terminal.getvalue()
    assert "epoch 3/3" in terminal.getvalue()
    assert "validation " in terminal.getvalue()


@pytest.mark.parametrize("loss", [cg.SquaredError(), cg.AbsoluteError()])
def test_regression(loss: cg.Loss) -> None:
    x = np.linspace(-1, 1, 50)[:, None]
    net = cg.Network([cg.Dense(16), cg.Tanh(), cg.Dense(1)], input_shape=1, loss=loss)
    net.fit(x, np.sin(3 * x[:, 0]), optimizer=cg.Adam(0.02), epochs=600)
    found = net.evaluate(x, np.sin(3 * x))
    assert found.accuracy is None
    assert np.abs(found.y_hat - np.sin(3 * x)).max() < 0.2


@pytest.mark.parametrize(
    ("loss", "end"),
    [(cg.BinaryCrossEntropy(), [cg.Sigmoid()]), (cg.Hinge(), []), (cg.BinaryCrossEntropy(from_logits=True), [])],
)
def test_two_classes_by_one_output(loss: cg.Loss, end: list[Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = cg.Network([cg.Dense(16), cg.ReLU(), cg.Dense(1), *end], input_shape=2, loss=loss)
    net.fit(x, y, optimizer=cg.Adam(0.02), epochs=60)
    assert net.evaluate(x, y).accuracy > 0.9  # type: ignore[operator]


def test_patience_counts_without_restoring_the_best() -> None:
    net = classifier()
    history = net.fit(
        SAMPLES,
        CLASSES,
        optimizer=cg.SGD(0.0),
        patience=3,
        validation=(SAMPLES, CLASSES),
        restore_best=False,
        epochs=60,
    )
    assert (len(history), history.stop_reason) == (4, cg.StopReason.PLATEAU)


def test_the_lowest_validation_loss_is_restored_whatever_counts_as_improvement() -> None:
    net = classifier()
    history = net.fit(
        SAMPLES, CLASSES, optimizer=cg.SGD(0.05), epochs=30, min_improvement=10.0, validation=(SAMPLES, CLASSES)
    )
    assert net.evaluate(SAMPLES, CLASSES).loss == pytest.approx(min(history.column("val_loss")), rel=1e-12)


def test_a_summed_loss_counts_the_penalty_once() -> None:
    net = classifier(loss=cg.CrossEntropy(reduction="sum"), l2=0.1)
    history = net.fit(SAMPLES, CLASSES, optimizer=cg.SGD(0.0), batch_size=2)
    assert history.column("loss")[0] == pytest.approx(net.loss(SAMPLES, CLASSES), rel=1e-9)


def test_other_stops_are_not_cut_short_by_one_epoch() -> None:
    assert classifier().fit(SAMPLES, CLASSES, max_steps=100).steps == 100
    assert len(classifier().fit(SAMPLES, CLASSES, patience=5, optimizer=cg.SGD(0.0))) == 6
    assert len(classifier().fit(SAMPLES, CLASSES)) == 1
    short = classifier().fit(SAMPLES, CLASSES, epochs=3, max_steps=1000, schedule="Cosine")
    assert short.column("learning_rate")[-1] < 1e-6


def test_one_fit_of_three_epochs_is_three_fits_of_one() -> None:
    one, three = classifier(), classifier()
    one.fit(SAMPLES, CLASSES, epochs=3, batch_size=5)
    for _ in range(3):
        three.fit(SAMPLES, CLASSES, epochs=1, batch_size=5)
    assert (one.flat == three.flat).all()


def test_one_left_over_sample_does_not_shrink_the_running_variance() -> None:
    net = classifier(layers=[cg.BatchNorm(), cg.Dense(2), cg.Softmax()])
    before = net.states["running_var1"].copy()
    net.fit(SAMPLES[:1], CLASSES[:1])
    assert (net.states["running_var1"] == before).all()


def test_a_callback_of_epochs_leaves_their_steps_together() -> None:
    """What looks at every epoch does not have the engine come back after every step."""

    class Epochs(cg.Callback):
        def on_epoch(self, training: Training, record: cg.Record) -> None:
            seen.append(record.step)

    seen: list[int] = []
    net, x, y = spirals()
    fit = Fit(net, x, y, epochs=4, batch_size=2, callbacks=[Epochs()])
    taken: list[int] = []
    take = fit.state.buffers.take

    def noted(*arguments: Any) -> Any:
        result = take(*arguments)
        taken.append(result.done)
        return result

    fit.state.buffers.take = noted  # type: ignore[method-assign]
    fit.run()
    assert seen == [90, 180, 270, 360]
    assert taken == [90] * 4
