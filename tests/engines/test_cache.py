"""What was compiled is loaded as it was kept, or compiled again: damaged, replaced, half made, too much of it."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run import cache, compiler, running
from chalkgrad.engines.c.run.compiler import CompilerError, available
from chalkgrad.train.fit import Fit

pytestmark = [
    pytest.mark.skipif(not available(), reason="there is no C compiler"),
    pytest.mark.skipif(not hasattr(os, "getuid"), reason="of the systems with owners and modes"),
]


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chalkgrad" / "compiled"


def program(answer: int) -> str:
    """C that is a little longer than a page, and says a number."""
    return f"const char filled[9000] = {{1}};\nint answer(void) {{ return {answer}; }}\n"


def kept(place: Path) -> Path:
    (path,) = place.iterdir()
    return path


# -- damage ----------------------------------------------------------------------------------------------------------


def damages(content: bytes) -> list[bytes]:
    chance = random.Random(0)
    half, size = len(content) // 2, len(content)
    made = [b"", content[:1], content[:-1], content[:half], content[:4096], content + b"\0", content[1:]]
    made += [content[:half] + bytes(size - half), bytes(size), bytes(4096) + content[4096:]]
    for at in [0, size - 1, size - 32, size - 33, *(chance.randrange(size) for _ in range(40))]:
        made.append(content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :])
    return made


def put_in_place(path: Path, content: bytes) -> None:
    """Another file under the name: this process has loaded the one before, and would end with what it is made into."""
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def test_no_damaged_file_is_loaded(place: Path) -> None:
    compiler.build(program(1))
    path = kept(place)
    content = path.read_bytes()
    put_in_place(path, content)
    assert cache.taken_from(place, path.name) is not None
    for damaged in damages(content):
        put_in_place(path, damaged)
        assert cache.taken_from(place, path.name) is None
    made = compiler.build(program(1))
    assert made.seconds > 0
    assert made.library.answer() == 1
    assert path.read_bytes()[-cache.DIGEST :] == content[-cache.DIGEST :]
    assert compiler.build(program(1)).seconds == 0


@pytest.mark.long
@pytest.mark.parametrize("size", [4096, 8192])
def test_a_damaged_file_harms_no_process(place: Path, size: int) -> None:
    """In processes of their own: loading a file that was cut short would kill one."""
    text = (
        "import hashlib, numpy as np, chalkgrad as cg\n"
        "rng = np.random.default_rng(0); x = rng.random((50, 6)); y = rng.integers(0, 3, 50)\n"
        "net = cg.Network([cg.Dense(9), cg.Tanh(), cg.Dense(3), cg.Softmax()], input_shape=6, loss='CrossEntropy')\n"
        "net.fit(x, y, epochs=3, engine='compiled')\n"
        "print(hashlib.sha256(net.flat.tobytes()).hexdigest())\n"
    )

    def run() -> str:
        return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout

    expected = run()
    path = kept(place)
    os.truncate(path, size)
    assert run() == expected


def test_another_program_under_the_name_is_not_loaded(place: Path) -> None:
    """A file that is whole, of this user, and of another network."""
    compiler.build(program(2))
    path = kept(place)
    compiler.build(program(3))
    (other,) = set(place.iterdir()) - {path}
    put_in_place(path, other.read_bytes())
    assert compiler.build(program(2)).library.answer() == 2


def test_files_that_are_none(place: Path) -> None:
    compiler.build(program(4))
    path = kept(place)
    content = path.read_bytes()
    elsewhere = place.parent / "elsewhere"
    elsewhere.write_bytes(content)
    elsewhere.chmod(0o700)
    for make in (lambda: path.symlink_to(elsewhere), lambda: path.mkdir(), lambda: os.mkfifo(path)):
        path.unlink()
        make()
        assert cache.taken_from(place, path.name) is None
        if path.is_dir():
            with pytest.raises(CompilerError, match="cannot be used"):
                compiler.build(program(4))
            path.rmdir()
        assert compiler.build(program(4)).library.answer() == 4


def test_many_programs_in_one_process(place: Path) -> None:
    """The loader knows files by their paths, and all are open files of the same few numbers."""
    assert [compiler.build(program(k)).library.answer() for k in range(5)] == list(range(5))
    assert [compiler.build(program(k)).library.answer() for k in range(5)] == list(range(5))


# -- who can write there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "fine"),
    [(0o755, True), (0o1777, True), (0o777, False), (0o757, False), (0o1757, True), (0o2777, False)],
)
def test_directories_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, fine: bool) -> None:
    above = tmp_path / "above"
    (above / "cache").mkdir(parents=True)
    above.chmod(mode)
    monkeypatch.setenv("XDG_CACHE_HOME", str(above / "cache"))
    assert compiler.cache_directory().is_relative_to(above) == fine
    (tmp_path / "link").symlink_to(above / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "link"))
    assert (compiler.cache_directory() == tmp_path / "link" / "chalkgrad" / "compiled") == fine


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives directories away")
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_directories_of_others(tmp_path: Path, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    path = compiler.cache_directory()
    assert path.is_relative_to(tmp_path)
    os.chown([path, *path.parents][depth], 65534, 65534)
    assert not compiler.cache_directory().is_relative_to(tmp_path)


def test_a_cache_that_can_only_be_read_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler.build(program(5))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert compiler.build(program(5)).seconds == 0
    assert compiler.build(program(6)).library.answer() == 6
    assert compiler.build(program(6)).seconds == 0  # kept by this process
    assert len(list(place.iterdir())) == 1


# -- what is left behind -----------------------------------------------------------------------------------------------


def test_a_killed_compilation_leaves_nothing_that_stays(place: Path, tmp_path: Path) -> None:
    """The compiler, and what that started, end with the process; the next compilation deletes what lies there."""
    inner = tmp_path / "inner"
    inner.write_text("#!/bin/sh\ntouch $(dirname $0)/began\nexec sleep 1234.5\n")
    slow = tmp_path / "slow"  # a compiler that starts another process, as cc starts cc1
    slow.write_text(f'#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\n{inner}; exit 1\n')
    inner.chmod(0o700)
    slow.chmod(0o700)
    text = f"from chalkgrad.engines.c.run import compiler\ncompiler.build({program(7)!r})\n"
    process = subprocess.Popen([sys.executable, "-c", text], env={**os.environ, "CC": str(slow)})
    wait_for(lambda: (tmp_path / "began").exists())
    assert [p.name for p in place.iterdir()] != []
    assert sleeping()
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not sleeping())
    compiler.build(program(7))
    assert cache.LIBRARY.fullmatch(kept(place).name)


def sleeping() -> bool:
    run = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return "sleep 1234.5" in run.stdout


def wait_for(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_is_under_way_stays(place: Path) -> None:
    place.mkdir(parents=True, mode=0o700)
    old = place / ".0123456789abcdef.so"
    old.touch()
    new = place / ".0123456789abcdef.c"
    new.touch()
    os.utime(old, (0, 0))
    mine = place / "notes"
    mine.touch()
    with cache.workplace(place) as one, cache.workplace(place) as two:
        assert one.exists()
        assert two.exists()
    assert set(place.iterdir()) == {new, mine}


def test_the_cache_is_bounded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_FILES", 3)
    for k in range(3):
        compiler.build(program(k))
        os.utime(max(place.iterdir(), key=lambda p: p.stat().st_mtime), (1000 + k, 1000 + k))
    assert compiler.build(program(0)).seconds == 0  # used: not the oldest any more
    last = compiler.build(program(3))
    assert len(list(place.iterdir())) == 3
    assert compiler.build(program(0)).seconds == 0
    assert compiler.build(program(3)).seconds == 0
    assert compiler.build(program(1)).seconds > 0
    monkeypatch.setattr(cache, "MOST_BYTES", 1)
    compiler.build(program(4))
    assert len(list(place.iterdir())) == 1
    assert last.library.answer() == 3  # deleted, and loaded still


# -- where nothing can be compiled -------------------------------------------------------------------------------------

COMPILERS = {
    "nothing": "#!/bin/sh\nexit 0\n",
    "fails": "#!/bin/sh\nexit 3\n",
    "writes nothing": '#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\n',
    "writes text": '#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\n'
    'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo text > "$2"; shift; done; exit 0\n',
    "writes half": '#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\ncc "$@" || exit 1\n'
    'while [ $# -gt 0 ]; do [ "$1" = -o ] && truncate -s 9000 "$2"; shift; done; exit 0\n',
    "writes another": '#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\n'
    'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo "int a;" | cc -shared -x c - -o "$2"; shift; done; exit 0\n',
    "says bytes": "#!/bin/sh\nprintf 'error: \\377\\033[31m\\n' >&2; exit 1\n",
    "hangs": "#!/bin/sh\nsleep 100 & wait\n",
    "hangs later": '#!/bin/sh\ncase "$*" in *-dM*) exec cc "$@";; esac\nsleep 100 & wait\n',
}


def both_engines(cure: str) -> None:
    """`auto` says why it goes on with NumPy; `compiled` is an error that says what to change."""
    net = cg.Network([cg.Dense(9), cg.ReLU(), cg.Dense(3), cg.Softmax()], input_shape=6, loss="CrossEntropy")
    x, y = np.random.default_rng(0).random((200, 6)), np.arange(200) % 3
    fit = Fit(net, x, y, epochs=100_000, batch_size=10)
    assert fit.history.engine.startswith("numpy (")
    assert fit.history.engine.isprintable()
    with pytest.raises(cg.OptionError, match=cure):
        Fit(net, x, y, engine="compiled")
    with pytest.raises(cg.OptionError, match=cure):
        net.predict(x, engine="compiled")
    assert net.predict(np.resize(x, (100_000, 6))).shape == (100_000, 3)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.long if "hangs" in kind else []) for kind in COMPILERS]
)
def test_compilers_that_are_none(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text(COMPILERS[kind])
    tool.chmod(0o700)
    monkeypatch.setenv("CC", str(tool))
    for name, seconds in (("ANSWER", 2.0), ("PATIENCE", 1.0), ("SHORTEST", 1.0)):
        monkeypatch.setattr(compiler, name, seconds)
    begun = time.monotonic()
    both_engines(r"by CC \(.*change or unset that")
    assert time.monotonic() - begun < 20
    assert not list(tmp_path.glob("chalkgrad/compiled/*"))


@pytest.mark.parametrize("words", ["/", '"', "/no/such"])
def test_what_cannot_be_called(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", words)
    both_engines("CC")


@pytest.mark.parametrize("flags", ["-c", "-E", "-fsyntax-only", "-no-such-flag", '"', "-o /nowhere/x", "-march=no"])
def test_flags_that_are_wrong(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_CFLAGS", flags)
    both_engines("CHALKGRAD_CFLAGS")


def test_nowhere_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    monkeypatch.setattr(cache, "_own", [])
    monkeypatch.setattr(cache.tempfile, "tempdir", "/proc/none")
    both_engines("set XDG_CACHE_HOME")


def test_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "nowhere")
    monkeypatch.chdir(tmp_path)
    assert compiler.build(program(8)).library.answer() == 8
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is Linux's")
def test_what_no_shell_starts_with_is_loaded_into_the_compiler_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the thread sanitizer's library: a shell dies of it, the compiler does not."""
    source, library = tmp_path / "preloaded.c", tmp_path / "preloaded.so"
    source.write_text(
        "#define _GNU_SOURCE\n#include <errno.h>\n#include <stdlib.h>\n#include <string.h>\n"
        "__attribute__((constructor)) static void begin(void) {\n"
        '    if (strstr(program_invocation_short_name, "sh"))\n        abort();\n}\n'
    )
    subprocess.run([*compiler.compiler().command, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    assert running.run(["sh", "-c", "true"], 20).status != 0  # it is loaded into what is run
    told = running.run([sys.executable, "-c", "import os; print(os.environ['LD_PRELOAD'])"], 20)
    assert told == running.Ran(0, f"{library}\n", "")
    monkeypatch.delenv("LD_PRELOAD")
    assert running.run([sys.executable, "-c", "import os; print(os.environ.get('LD_PRELOAD'))"], 20).status == 0


def test_a_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="within 1 seconds"):
        running.run(["sh", "-c", "sleep 1234.5 & sleep 1234.5"], 1.0)
    wait_for(lambda: not sleeping())
    assert running.run(["sh", "-c", "echo out; echo err >&2; exit 7"], 20) == running.Ran(7, "out\n", "err\n")


def test_modes_of_what_is_kept(place: Path) -> None:
    old = os.umask(0)
    try:
        compiler.build(program(9))
    finally:
        os.umask(old)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept(place).stat().st_mode) == 0o700
