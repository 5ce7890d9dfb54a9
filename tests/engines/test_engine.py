"""How the compiled engine is chosen, called, kept and interrupted."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run import compiler
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.c.run.prediction import CompiledPrediction
from chalkgrad.engines.c.run.workers import move_apart
from chalkgrad.examples.example import load_example
from chalkgrad.train.callbacks import Callback, Training
from chalkgrad.train.fit import Fit
from chalkgrad.train.history import Record, Records
from chalkgrad.train.order import shuffled

needs_compiler = pytest.mark.skipif(not available(), reason="there is no C compiler")
GOLDEN = Path(__file__).parent / "golden"


def digits(seed: int = 0, dtype: str = "float32") -> tuple[cg.Network, np.ndarray, np.ndarray]:
    layers = [cg.Dense(70), cg.ReLU(), cg.Dropout(0.2), cg.Dense(10), cg.Softmax()]
    net = cg.Network(layers, input_shape=64, loss="CrossEntropy", seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    x = rng.random((300, 64))
    return net, x, (x[:, :10].argmax(axis=1)).astype(int)


# -- the same numbers ------------------------------------------------------------------------------------------------


@needs_compiler
def test_same_seed_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    found = []
    for _ in range(2):
        net, x, y = digits()
        net.fit(x, y, optimizer=cg.Adam(), epochs=3, engine="compiled")
        found.append(net.flat.tobytes())
    assert found[0] == found[1]


@needs_compiler
def test_the_parts_make_the_bits_not_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    found = []
    for count in (3, 2, 1):
        net, x, y = digits()
        fit = Fit(net, x, y, epochs=2, batch_size=200, engine="compiled")
        fit.state.buffers.steps._run.count = count  # as when the processors are busy
        fit.run()
        found.append(net.flat.tobytes())
    assert len(set(found)) == 1


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be moved")
def test_threads_begin_apart_and_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    moves: list[set[int]] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, to: moves.append(set(to)))
    count = len(allowed)
    with ThreadPoolExecutor(1) as thread:
        for number in range(count):
            thread.submit(move_apart, number, count).result()
        thread.submit(move_apart, 0, count + 1).result()  # more or fewer than there are processors: left alone
        thread.submit(move_apart, 0, 1).result()
    if count > 1:
        assert moves[::2] == [{cpu} for cpu in sorted(allowed)]
    assert all(to == allowed for to in moves[1::2])
    monkeypatch.undo()
    net, x, y = digits()
    net.fit(x, y, batch_size=200, epochs=2, engine="compiled")
    tasks = Path("/proc/self/task")
    for task in tasks.iterdir() if tasks.exists() else []:
        assert os.sched_getaffinity(int(task.name)) == allowed, task.name


def test_one_fit_of_three_epochs_is_three_fits_of_one() -> None:
    (one, x, y), (three, *_) = digits(), digits()
    one.fit(x, y, epochs=3, batch_size=200, engine="compiled")
    for _ in range(3):
        three.fit(x, y, epochs=1, batch_size=200, engine="compiled")
    assert one.flat.tobytes() == three.flat.tobytes()
    assert one.steps_taken == three.steps_taken == 6


def test_orders_come_from_the_counter_based_generator() -> None:
    assert sorted(shuffled(3, 7, 100)) == list(range(100))
    assert shuffled(3, 7, 100).tolist() == shuffled(3, 7, 100).tolist()
    assert shuffled(3, 7, 100).tolist() != shuffled(3, 8, 100).tolist() != shuffled(4, 8, 100).tolist()


# -- the same training -----------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 4, "validation": 0.2, "schedule": cg.Cosine(warmup=5), "batch_size": 37},
        {"epochs": 60, "patience": 2, "validation": 0.2, "optimizer": cg.Adam(0.01), "batch_size": 64},
        {"max_steps": 33, "batch_size": 37},
        {"stop_below": 2.0, "batch_size": 37, "epochs": 50},
        {"stop_below": 2.1, "batch_size": None, "shuffle": False, "optimizer": cg.SGD(0.5)},
        {"epochs": 5, "schedule": cg.ReduceOnPlateau(patience=1), "batch_size": 300},
        {"epochs": 60, "batch_size": 300},
        pytest.param({"epochs": 500, "batch_size": 300}, marks=pytest.mark.long),
    ],
)
def test_trainings_agree(settings: dict[str, object]) -> None:
    (one, x, y), (two, *_) = digits(dtype="float64"), digits(dtype="float64")
    kept = one.fit(x, y, engine="numpy", **settings)
    made = two.fit(x, y, engine="compiled", **settings)
    assert (kept.steps, len(kept), kept.stop_reason) == (made.steps, len(made), made.stop_reason)
    assert kept.best_epoch == made.best_epoch
    for column in ("epoch", "step", "loss", "learning_rate", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(kept.column(column), made.column(column), rtol=1e-9)
    np.testing.assert_allclose([kept.loss, kept.first_batch_loss], [made.loss, made.first_batch_loss], rtol=1e-9)
    np.testing.assert_allclose(one.flat, two.flat, rtol=1e-9, atol=1e-10)
    assert one.steps_taken == two.steps_taken


@needs_compiler
@pytest.mark.parametrize("batch", [None, 50, 64])
def test_lost_numbers_are_found_and_undone(batch: int | None) -> None:
    found = []
    for engine in ("numpy", "compiled"):
        net = cg.Network([cg.Dense(3), cg.ReLU(), cg.Dense(1)], input_shape=2, loss="SquaredError", dtype="float64")
        x = np.random.default_rng(0).standard_normal((200, 2))
        with pytest.warns(RuntimeWarning, match="training stopped"):
            history = net.fit(x, x[:, :1] * 9, optimizer=cg.SGD(5.0), epochs=400, batch_size=batch, engine=engine)
        assert np.isfinite(net.flat).all()
        found.append((history.steps, history.stop_reason, history.stop_detail.partition(",")[2], net.flat.copy()))
    assert found[0][:3] == found[1][:3]
    np.testing.assert_allclose(found[0][3], found[1][3], rtol=1e-6)


@needs_compiler
def test_callbacks_see_every_step_and_epoch() -> None:
    class Seen(Callback):
        def __init__(self) -> None:
            self.steps: list[int] = []
            self.epochs: list[int] = []

        def on_step(self, training: Training) -> None:
            self.steps.append(training.step)
            if training.step == 3:
                assert np.isfinite(training.network.flat).all()

        def on_epoch(self, training: Training, record: Record) -> None:
            self.epochs.append(record.epoch)
            if record.epoch == 4:
                training.stop("enough")

    net, x, y = digits()
    seen = Seen()
    history = net.fit(x, y, epochs=9, batch_size=200, callbacks=[seen], engine="compiled")
    assert seen.steps == list(range(1, 9))
    assert seen.epochs == [1, 2, 3, 4]
    assert history.stop_detail == "enough"


@needs_compiler
def test_frozen_parameters_stay() -> None:
    net, x, y = digits()
    net.freeze("W1", "b2")
    before = {n: net.parameters[n].copy() for n in net.parameters}
    net.fit(x, y, epochs=1, engine="compiled")
    assert all((net.parameters[n] == before[n]).all() == (n in net.frozen) for n in before)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    old = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@needs_compiler
def test_an_interruption_ends_after_a_step() -> None:
    net, x, y = digits()
    before = net.flat.copy()
    fit = Fit(net, x, y, epochs=None, patience=10**9, engine="compiled")
    with interrupted_after(0.3), pytest.raises(KeyboardInterrupt):
        fit.run()
    assert fit.history.stop_reason == "it was interrupted"
    assert net.steps_taken == fit.history.steps > 0
    assert np.isfinite(net.flat).all()
    assert (net.flat != before).any()


# -- which engine ----------------------------------------------------------------------------------------------------


def test_unknown_engines_are_refused() -> None:
    net, x, y = digits()
    with pytest.raises(cg.OptionError, match="did you mean 'compiled'"):
        net.fit(x, y, engine="compile")
    with pytest.raises(cg.OptionError, match="engine is"):
        net.predict(x, engine="C")


def test_little_work_stays_with_numpy() -> None:
    net, x, y = digits()
    assert net.fit(x, y, epochs=1).engine == "numpy"


@needs_compiler
def test_much_work_is_compiled() -> None:
    net, x, y = digits()
    assert Fit(net, x, y, epochs=10_000).state.buffers.compiled
    assert not Fit(net, x, y, epochs=10_000, engine="numpy").state.buffers.compiled


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, y = digits()
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert not available()
    with pytest.raises(cg.OptionError, match="/no/such/compiler cannot be run"):
        net.fit(x, y, engine="compiled")
    assert not Fit(net, x, y, epochs=10_000).state.buffers.compiled
    monkeypatch.setenv("CC", "false")
    with pytest.raises(cg.OptionError, match="the compiler false fails"):
        net.predict(x, engine="compiled")


@needs_compiler
def test_a_compiler_that_fails_leaves_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, y = digits()
    monkeypatch.setenv("CHALKGRAD_CFLAGS", "-Dtrain=1+")
    fit = Fit(net, x, y, epochs=10_000)
    assert not fit.state.buffers.compiled
    assert "does not compile the network" in fit.history.engine


# -- what is kept ----------------------------------------------------------------------------------------------------


@needs_compiler
def test_what_was_compiled_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = "int answer(void) { return 41; }\n"
    first, second = compiler.build(text), compiler.build(text)
    assert first.seconds > 0
    assert second.seconds == 0
    assert second.library.answer() == 41
    (kept,) = compiler.cache_directory().iterdir()
    assert not kept.stat().st_mode & 0o077
    monkeypatch.setenv("CHALKGRAD_CFLAGS", "-O1")
    assert compiler.build(text).seconds > 0  # other flags, another file


@needs_compiler
def test_damaged_files_are_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = "int answer(void) { return 43; }\n"
    compiler.build("int other(void) { return 1; }\n")
    name = compiler.kept_under(compiler.compiler(), text)
    name.write_bytes(b"no library")
    name.chmod(0o700)
    built = compiler.build(text)
    assert built.seconds > 0
    assert built.library.answer() == 43


@needs_compiler
@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_cache_that_others_write_to_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = compiler.cache_directory()
    assert path.is_relative_to(tmp_path)
    path.chmod(mode)
    elsewhere = compiler.cache_directory()
    assert not elsewhere.is_relative_to(tmp_path)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700


@needs_compiler
def test_a_file_that_others_may_write_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = "int answer(void) { return 47; }\n"
    compiler.build(text)
    (kept,) = compiler.cache_directory().iterdir()
    kept.chmod(0o722)
    assert compiler.build(text).seconds > 0
    kept.unlink()
    kept.symlink_to("/etc/passwd")
    assert compiler.build(text).library.answer() == 47


# -- the C source ----------------------------------------------------------------------------------------------------


def golden() -> dict[str, str]:
    web, cnn = load_example("web"), load_example("cnn")
    rnn = cg.Network(
        [cg.RNN(2), cg.Dense(1), cg.Sigmoid()], input_shape=(3, 2), loss="BinaryCrossEntropy", seed=0, dtype="float64"
    )
    x = np.linspace(-1, 1, 12).reshape(2, 3, 2)
    layers = [cg.Embedding(3, 2, weights="normal(0.01)"), cg.Dense(3), cg.Softmax()]
    embedding = cg.Network(layers, input_shape=2, loss="CrossEntropy", seed=0, dtype="float64")
    ids = np.array([[0, 2], [2, 2]])
    return {
        "rnn.c": rnn.source("c", x, np.array([[0.0], [1.0]]), steps=2, title="a recurrent layer"),
        "embedding.c": embedding.source("c", ids, np.eye(3)[ids], steps=2, title="an embedding"),
        "web.c": web.network.source("c", web.x, web.y, optimizer=web.optimizer, steps=2, title=web.title),
        "cnn.c": cnn.network.source("c", cnn.x, cnn.y, optimizer=cnn.optimizer, steps=2, title=cnn.title),
    }


@pytest.mark.parametrize("name", ["web.c", "cnn.c", "rnn.c", "embedding.c"])
def test_the_source_is_stable_and_reads_as_it_should(name: str) -> None:
    """The files are written anew by `python tests/engines/test_engine.py`."""
    assert golden()[name] == (GOLDEN / name).read_text()


@needs_compiler
@pytest.mark.parametrize("name", ["web", "cnn", "perceptron"])
def test_the_c_program_stands_alone(tmp_path: Path, name: str) -> None:
    example = load_example(name)
    text = example.network.source("c", example.x, example.y, optimizer=cg.SGD(0.5, momentum=0.5), steps=4)
    found = compiled_and_run(tmp_path, text, "-std=gnu11")
    net = example.network.copy()
    losses = []
    for _ in range(5):
        net = example.network.copy()
        count = len(losses)
        if count:
            net.fit(
                example.x, example.y, optimizer=cg.SGD(0.5, momentum=0.5), batch_size=None, shuffle=False,
                max_steps=count, engine="numpy",
            )  # fmt: skip
        losses.append(net.loss(example.x, example.y))
    printed = [float(line.rpartition("= ")[2]) for line in found.splitlines()]
    np.testing.assert_allclose(printed, losses, rtol=1e-12)


@needs_compiler
def test_the_c_program_predicts_what_it_reads(tmp_path: Path) -> None:
    net = cg.Network(
        [cg.Conv2D(4, 3, padding="same"), cg.Tanh(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(3), cg.Softmax()],
        input_shape=(1, 6, 6), loss="CrossEntropy",
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((50, 1, 6, 6)).astype(np.float32)
    given = "\n".join(" ".join(f"{v:.9g}" for v in row.ravel()) for row in x)
    printed = compiled_and_run(tmp_path, net.source("c", steps=0), "-std=gnu11", given)
    found = np.array([[float(v) for v in line.split()] for line in printed.splitlines()])
    np.testing.assert_allclose(found, net.predict(x, engine="numpy"), atol=1e-6)
    inside = compiled_and_run(tmp_path, net.source("c", x, steps=0), "-std=gnu11")
    assert inside == printed


def compiled_and_run(path: Path, text: str, standard: str, given: str = "") -> str:
    (path / "net.c").write_text(text)
    flags = ["-O2", standard, "-Wall", "-Wextra", "-Werror", "-fopenmp-simd"]
    subprocess.run([*compiler.compiler().command, *flags, "net.c", "-o", "net", "-lm"], cwd=path, check=True)
    return subprocess.run([path / "net"], input=given, capture_output=True, text=True, check=True).stdout


def test_titles_and_names_cannot_leave_their_comment() -> None:
    net = cg.Network([cg.Dense(2, name="int"), cg.Sigmoid(name="T"), cg.Dense(1, name="k1")], input_shape=2,
                     loss="SquaredError")  # fmt: skip
    title = 'a */ #include "/etc/passwd" /* \n#error\\\n ??/ \u2028 \x00'
    text = net.source("c", steps=1, title=title)
    first = text.splitlines()[0]
    assert first.startswith("/* a * / #include")
    assert "*/" not in first[2:-2]
    assert "??/" not in first
    assert not first.endswith("\\")
    assert all(32 <= ord(c) < 127 or c == "\n" for c in text)
    assert "#error" not in [line.strip()[:6] for line in text.splitlines()[1:]]


@needs_compiler
def test_names_of_c_and_of_the_source_itself(tmp_path: Path) -> None:
    layers = [cg.Dense(3, name="T"), cg.Sigmoid(), cg.Dense(3, name="EACH"), cg.Tanh(name="sum"),
              cg.Dense(2, name="while")]  # fmt: skip
    net = cg.Network(layers, input_shape=2, loss="SquaredError", dtype="float64")
    x, y = np.ones((5, 2)), np.ones((5, 2))
    one, two = net.copy(), net.copy()
    one.fit(x, y, engine="numpy")
    two.fit(x, y, engine="compiled")
    np.testing.assert_allclose(one.flat, two.flat, rtol=1e-12)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [3, 7, 16, 99, 256])
def test_bytes_are_the_numbers_that_they_stand_for(size: int, dtype: str) -> None:
    """All 256, at every place of rows that are whole vectors and of others."""
    net = cg.Network([cg.Dense(size, bias=False)], input_shape=size, loss="SquaredError", dtype=dtype)
    net.set_parameters(W1=np.eye(size))
    rows = [np.roll(np.arange(256, dtype=np.uint8), k)[:size] for k in range(256)]
    pixels = cg.data.Pixels(np.array(rows), dtype)
    np.testing.assert_array_equal(net.predict(pixels, engine="compiled"), np.asarray(pixels))


# -- predictions -----------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("count", [0, 1, 63, 65, 1025, 2500])
def test_predictions_of_any_number_of_samples(count: int) -> None:
    net, x, _ = digits()
    x = np.resize(x, (count, 64))
    np.testing.assert_allclose(net.predict(x, engine="compiled"), net.predict(x, engine="numpy"), atol=1e-6)


@needs_compiler
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_predictions_asked_for_by_several_threads_at_once(engine: str) -> None:
    net, x, _ = digits()
    expected = [net.predict(x[: k + 1], engine=engine).tobytes() for k in range(100)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda k: net.predict(x[: k % 100 + 1], engine=engine).tobytes(), range(2000))
        assert [k for k, f in enumerate(found) if f != expected[k % 100]] == []


@needs_compiler
def test_an_interrupted_prediction_ends_and_the_next_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    net = cg.Network([cg.Dense(2000), cg.ReLU(), cg.Dense(2000)], input_shape=64, loss="SquaredError")
    x = np.random.default_rng(0).random((30_000, 64), dtype=np.float32)
    few = net.predict(x[:70], engine="compiled")
    with interrupted_after(0.1), pytest.raises(KeyboardInterrupt):
        net.predict(x, engine="compiled")
    assert net.predict(x[:70], engine="compiled").tobytes() == few.tobytes()


@needs_compiler
def test_predictions_follow_the_parameters() -> None:
    net, x, _ = digits()
    before = net.predict(x, engine="compiled")
    net.set_parameters(b2=np.arange(10.0))
    assert abs(net.predict(x, engine="compiled") - before).max() > 0.01


@needs_compiler
@pytest.mark.parametrize("count", [300, 1024, 1500, 2500])
def test_threads_that_predict_write_to_different_places(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Nobody waits for anybody there: one thread may be batches ahead of another, also in a smaller last batch."""
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    x = cg.data.Pixels(np.random.default_rng(0).integers(1, 256, (count, 1, 5, 5), dtype=np.uint8))
    net = cg.Network([cg.Flatten(), cg.Dense(3)], input_shape=(1, 5, 5), loss="SquaredError")
    carried = {**net.parameters, **net.states}
    made = CompiledPrediction(net.prediction_program, carried, ("y_hat",), "", net.dtype, of_bytes=True)
    expected, run = made(carried, x)["y_hat"], made._runs[3]
    order, found = np.arange(count), np.empty_like(expected)
    run.give(order=order, y_hat_out=found)
    buffers = ("x_read", "batch", "part")
    touched = []
    for thread in range(3):
        for name in buffers:
            run.kept[name][:] = -1.0
        run.function(ctypes.addressof(run.state), thread, 3)
        touched.append(np.concatenate([run.kept[name] != -1.0 for name in buffers]))
    assert all(t.any() for t in touched)
    assert not (np.sum(touched, axis=0) > 1).any()
    assert found.tobytes() == expected.tobytes()


# -- records ---------------------------------------------------------------------------------------------------------


def test_records_kept_as_columns_are_records() -> None:
    records = Records()
    one = Record(1, 5, 0.5, 0.1, 0.0, 0.6, 0.9)
    records.append(one)
    records.extend_columns(np.array([10, 15]), np.array([0.4, 0.3]), np.array([0.1, 0.1]), 2.0)
    assert len(records) == 3
    assert records[0] is one
    assert records[-1] == Record(3, 15, 0.3, 0.1, 2.0)
    assert [r.epoch for r in records] == [1, 2, 3]
    assert records[1:] == [records[1], records[2]]
    with pytest.raises(IndexError):
        records[3]


@needs_compiler
def test_nothing_is_left_in_the_environment() -> None:
    """Flushing subnormals ends with the call: afterwards they are there again."""
    net, x, y = digits()
    net.fit(x, y, engine="compiled")
    tiny = np.float32(1e-40)
    assert tiny * np.float32(0.5) > 0


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for file, text in golden().items():
        (GOLDEN / file).write_text(text)
