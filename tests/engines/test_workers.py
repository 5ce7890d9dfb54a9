"""Threads that cannot start, fail, are interrupted or left behind by a fork: the right numbers come, or an exception."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.caching import cached_property
from chalkgrad.engines.c.run import workers
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.train.fit import Fit

pytestmark = pytest.mark.skipif(not available(), reason="there is no C compiler")
RNG = np.random.default_rng(0)
X, Y = RNG.random((3000, 64)).astype(np.float32), RNG.integers(0, 10, 3000)


def network() -> cg.Network:
    layers = [cg.Dense(70), cg.ReLU(), cg.Dense(10), cg.Softmax()]
    return cg.Network(layers, input_shape=64, loss="CrossEntropy", seed=0)


def computed() -> tuple[bytes, bytes]:
    """The weights after a training by three threads, and a prediction with them."""
    net = network()
    net.fit(X, Y, optimizer="Adam", epochs=3, batch_size=1000, engine="compiled")
    return net.flat.tobytes(), net.predict(X, engine="compiled").tobytes()


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A team of its own for each test, and one that nothing happened to afterwards."""
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    monkeypatch.setattr(workers, "_team", workers.Team())
    with pytest.MonkeyPatch.context() as outside:  # stays in spite of monkeypatch.undo()
        outside.setattr(workers, "SOON", 0.2)
        yield


# -- threads that fail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "error"),
    [
        *((started, RuntimeError("can't start new thread")) for started in (0, 1, 2)),
        (1, MemoryError()),
        *(pytest.param(started, MemoryError(), marks=pytest.mark.long) for started in (0, 2)),
    ],
)
def test_threads_that_cannot_start(monkeypatch: pytest.MonkeyPatch, started: int, error: Exception) -> None:
    expected, left, start = computed(), started, workers.start_new_thread

    def start_some(*arguments: object) -> int:
        nonlocal left
        if not left:
            raise error
        left -= 1
        return start(*arguments)

    workers._new_team()
    monkeypatch.setattr(workers, "start_new_thread", start_some)
    assert computed() == expected
    monkeypatch.undo()
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    assert computed() == expected


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [0, 1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_threads_that_raise(monkeypatch: pytest.MonkeyPatch, number: int, after: int, error: type) -> None:
    expected, left, move = computed(), after, workers.move_apart

    def fail_once(own: int, count: int) -> None:
        nonlocal left
        if own == number:
            left -= 1
            if left == -1:
                raise error("in a thread")
        move(own, count)

    monkeypatch.setattr(workers, "move_apart", fail_once)
    assert computed() == expected
    assert left < 0
    assert computed() == expected


@pytest.mark.parametrize("number", [0, 1, pytest.param(2, marks=pytest.mark.long)])
def test_threads_that_never_come(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """As those of an interpreter that is ending: they stop where they would run Python."""
    expected, held, move = computed(), threading.Event(), workers.move_apart
    lost = 0

    def lose_one(own: int, count: int) -> None:
        nonlocal lost
        if own == number and not lost:
            lost += 1
            held.wait()
        move(own, count)

    monkeypatch.setattr(workers, "move_apart", lose_one)
    assert computed() == expected
    assert lost == 1
    held.set()  # they come at last, to a call that has ended
    assert computed() == expected


def test_one_that_comes_late_changes_nothing() -> None:
    net = network()
    fit = Fit(net, X, Y, epochs=1, batch_size=1000, engine="compiled")
    run = fit.state.buffers.steps._run
    call = workers.Call(run._together, run.state, 3, run)
    call.call_off()
    before = run.carried.copy()
    assert not call.compute(1, 3)
    assert not call.compute(0, 3)
    assert (run.carried == before).all()
    assert call.compute(0, 1)
    assert call.ended
    assert call.compute(0, 1)  # it is computed once
    assert call.compute(0, 3)
    assert run.state.done == 0  # no steps were asked for


# -- the end of the interpreter, limits, signals, forks: in a process of their own -------------------------------------

BEGIN = """
    import atexit, os, signal, sys, threading, time
    import numpy as np, chalkgrad as cg
    rng = np.random.default_rng(0)
    x, y = rng.random((3000, 64)).astype(np.float32), rng.integers(0, 10, 3000)
    def network():
        layers = [cg.Dense(70), cg.ReLU(), cg.Dense(10), cg.Softmax()]
        return cg.Network(layers, input_shape=64, loss="CrossEntropy", seed=0)
    def computed():
        made = network()
        made.fit(x, y, optimizer="Adam", epochs=3, batch_size=1000, engine="compiled")
        return made.flat.tobytes(), made.predict(x, engine="compiled").tobytes()
    def check(*_):
        for _ in range(2):
            print("the same" if computed() == expected else "OTHER NUMBERS", flush=True)
    expected = computed()
    net = network()
    whole = net.predict(x, engine="compiled").tobytes()
"""


def lines_of(body: str, seconds: float = 60) -> list[str]:
    """What a process prints that runs the lines; it must end."""
    text = textwrap.dedent(BEGIN) + textwrap.dedent(body)
    run = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=seconds, check=False,
        env={**os.environ, "CHALKGRAD_THREADS": "3"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize(
    "body",
    [
        "atexit.register(check)",
        *(
            pytest.param(body, marks=pytest.mark.long)
            for body in (
                "class Late:\n    def __del__(self, check=check): check()\nsys.late = Late()",
                "threading.Thread(target=lambda: (time.sleep(0.2), check())).start()",
                "from chalkgrad.engines.c.run import workers; workers._new_team(); atexit.register(check)",
                "from chalkgrad.engines.c.run import workers; workers._new_team()\n"
                "threading.Thread(target=lambda: (time.sleep(0.2), check())).start()",
            )
        ),
    ],
)
def test_an_interpreter_that_is_ending(body: str) -> None:
    found = lines_of(body)
    assert found == ["the same"] * 2 or (not found and "__del__" in body)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_a_limit_on_processes() -> None:
    found = lines_of("""
        import resource
        from chalkgrad.engines.c.run import workers
        from chalkgrad.train.fit import Fit
        made = network()
        fit = Fit(made, x, y, optimizer="Adam", epochs=3, batch_size=1000, engine="compiled")
        workers._new_team()
        os.setuid(os.getuid() or 65534)  # root has no limit
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        try:
            threading.Thread(target=print).start()
        except RuntimeError:
            print("no threads")
        fit.run()
        print(made.flat.tobytes() == expected[0])
        for _ in range(2):
            print(net.predict(x, engine="compiled").tobytes() == whole)
    """)
    assert found == ["no threads", "True", "True", "True"]


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals")
@pytest.mark.parametrize("every", [2e-3, 2e-4])
def test_bursts_of_interruptions(every: float) -> None:
    """Signals by the thousand: each call ends, and none is computed in buffers that another one uses."""
    found = lines_of(f"""
        def interrupt(_, frame):
            while frame is not None:  # only in a prediction: what stands here must count what comes of it
                if frame.f_code.co_name == "predict":
                    raise KeyboardInterrupt
                frame = frame.f_back
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, {every}, {every})
        wrong = raised = 0
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            try:
                wrong += net.predict(x, engine="compiled").tobytes() != whole
            except KeyboardInterrupt:
                raised += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(wrong, raised > 0)
        check()
    """)
    assert found == ["0 True", "the same", "the same"]


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_while_another_thread_computes() -> None:
    found = lines_of("""
        import warnings
        warnings.simplefilter("ignore")
        going = True
        def go_on():
            while going:
                computed()
        thread = threading.Thread(target=go_on)
        thread.start()
        for _ in range(5):
            time.sleep(0.013)
            child = os.fork()
            if not child:
                signal.alarm(20)
                same = net.predict(x, engine="compiled").tobytes() == whole and computed() == expected
                os._exit(0 if same else 1)
            print(os.waitpid(child, 0)[1])
        going = False
        thread.join()
        check()
    """)
    assert found == ["0"] * 5 + ["the same"] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_while_another_thread_computes_a_property() -> None:
    """The child does not wait for a lock that a thread held which it does not have."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow:
        @cached_property
        def number(self) -> int:
            if not inside.is_set():
                inside.set()
                go_on.wait()
            return 3

    thread = threading.Thread(target=lambda: Slow().number)
    thread.start()
    inside.wait()
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(Slow().number)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals")
def test_what_a_signal_raises_is_raised_when_the_call_has_ended() -> None:
    net = network()
    fit = Fit(net, X, Y, epochs=10**6, batch_size=1000, engine="compiled")
    steps = fit.state.buffers.steps

    def raise_it(*_: object) -> None:
        raise TimeoutError("enough")

    old = signal.signal(signal.SIGALRM, raise_it)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(TimeoutError, match="enough"):
            fit.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert steps._run._call is None
    assert np.isfinite(steps.values()["W1"]).all()


def test_many_threads_that_ask_get_their_own_numbers() -> None:
    net = network()
    expected = {k: net.predict(X[k : k + 200], engine="compiled").tobytes() for k in range(8)}
    wrong: list[int] = []

    def ask(k: int) -> None:
        for _ in range(30):
            if net.predict(X[k : k + 200], engine="compiled").tobytes() != expected[k]:
                wrong.append(k)

    threads = [threading.Thread(target=ask, args=(k,)) for k in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_long_call_of_another_thread_is_not_waited_for() -> None:
    net = network()
    few = net.predict(X, engine="compiled").tobytes()
    fit = Fit(network(), X, Y, epochs=10**6, batch_size=1000, engine="compiled")
    rates, order = np.full(200_000, 1e-3), np.arange(len(X))
    begun = time.perf_counter()
    thread = threading.Thread(target=lambda: fit.state.buffers.steps.take(order, 0, rates, 1, 1))
    thread.start()
    time.sleep(0.1)
    assert net.predict(X, engine="compiled").tobytes() == few
    asked = time.perf_counter() - begun
    fit.state.buffers.steps.stop()
    thread.join()
    assert asked < 20
