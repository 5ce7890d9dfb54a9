"""Where findings go: nothing that somebody wrote, named or set up is replaced by what it is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and links as on POSIX here")
EXPLAIN = ["explain", "neuron", "w1"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def expected(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(list(command)) == 0
    return capsys.readouterr().out


def chalkgrad(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "chalkgrad", *command], text=True, check=False, timeout=60, **options)  # type: ignore[call-overload]


def trained() -> cg.Network:
    net = cg.Network([cg.Dense(40), cg.Dense(9)], input_shape=30, loss="SquaredError")
    net.flat += 0.01  # as if it were trained
    return net


def test_a_device_stays_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.stat("/dev/null")
    assert main([*EXPLAIN, "--out", "/dev/null"]) == 0
    Path("null").symlink_to("/dev/null")
    assert main([*EXPLAIN, "--out", "null"]) == 0
    assert main(["draw", "neuron", "--out", "null"]) == 0
    after = os.stat("/dev/null")
    assert (before.st_ino, before.st_mode, before.st_rdev) == (after.st_ino, after.st_mode, after.st_rdev)
    assert Path("null").is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_that_is_full_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXPLAIN, "--out", "/dev/full"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_pipe_gets_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    page = expected(capsys, "derive", "cnn", "--format", "html")
    os.mkfifo("pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(Path("pipe").read_text("utf-8")))
    reader.start()
    assert main(["derive", "cnn", "--format", "html", "--out", "pipe"]) == 0
    reader.join(10)
    assert got == [page]
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_a_pipe_that_nobody_reads_is_not_waited_for_for_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalkgrad.files.writing.LONGEST_WAIT", 0.1)
    os.mkfifo("pipe")
    assert main([*EXPLAIN, "--out", "pipe"]) == 2
    assert "nobody has read from this pipe" in capsys.readouterr().err


def test_standard_output_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    text = expected(capsys, *EXPLAIN)
    if Path("/dev/fd/1").exists():
        assert chalkgrad(*EXPLAIN, "--out", "/dev/fd/1", stdout=subprocess.PIPE).stdout == text
    with open("log", "a") as log:
        log.write("before\n")
        log.flush()
        assert chalkgrad(*EXPLAIN, "--out", "/dev/stdout", stdout=log).returncode == 0
    assert Path("log").read_text() == f"before\n{text}"


def test_a_link_stays_and_its_target_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    text = expected(capsys, *EXPLAIN)
    Path("real").mkdir()
    Path("real/a.txt").write_text("old")
    Path("link.txt").symlink_to("real/a.txt")
    Path("new.txt").symlink_to("real/not-yet.txt")
    for link in ("link.txt", "new.txt"):
        assert main([*EXPLAIN, "--out", link]) == 0
        assert Path(link).is_symlink()
        assert Path(link).read_text("utf-8") == text
    assert sorted(p.name for p in Path("real").iterdir()) == ["a.txt", "not-yet.txt"]


@pytest.mark.parametrize("kind", ["loop", "folder", "dangling into nowhere", "a folder that is a file"])
def test_what_cannot_be_written_is_said_in_one_line(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("mine")
    match kind:
        case "loop":
            Path("a").symlink_to("b")
            Path("b").symlink_to("a")
        case "folder":
            Path("a").mkdir()
        case "dangling into nowhere":
            Path("a").symlink_to("no/where")
        case _:
            Path("a").symlink_to("file/a")
    assert main([*EXPLAIN, "--out", "a"]) == 2
    error = capsys.readouterr().err
    assert "a cannot be written: " in error
    assert error.count("\n") == 1
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_permissions_are_kept(mode: int) -> None:
    Path("a.txt").write_text("old")
    os.chmod("a.txt", mode)
    assert main([*EXPLAIN, "--out", "a.txt"]) == 0
    assert stat.S_IMODE(os.stat("a.txt").st_mode) == mode
    net = trained()
    net.save("run")
    os.chmod("run/network.toml", mode)
    net.save("run")
    assert stat.S_IMODE(os.stat("run/network.toml").st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owners_are_kept() -> None:
    Path("a.txt").write_text("old")
    os.chown("a.txt", 1234, 2345)
    assert main([*EXPLAIN, "--out", "a.txt"]) == 0
    assert (os.stat("a.txt").st_uid, os.stat("a.txt").st_gid) == (1234, 2345)


def test_a_command_does_not_write_over_what_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.json").write_text('{"dW1": [[1, 2], [3, 4]]}')
    Path("link.json").symlink_to("mine.json")
    for out in ("mine.json", "./mine.json", "link.json"):
        assert main(["check", "web", "--claimed", "mine.json", "--out", out]) == 2
        assert "is a file that the command reads" in capsys.readouterr().err
    assert Path("mine.json").read_text() == '{"dW1": [[1, 2], [3, 4]]}'


@pytest.mark.parametrize("to", ["numpy", "torch"])
def test_two_scripts_in_one_folder_keep_their_weights(to: str) -> None:
    Path("weights.npz").write_bytes(b"mine")
    first, second = trained(), trained()
    second.flat += 1.0
    first.save("first")
    second.save("second")
    for name in ("first", "second"):
        assert main(["write", name, "--to", to, "--out", f"{name} try.py"]) == 0
    assert Path("weights.npz").read_bytes() == b"mine"
    for name, net in (("first", first), ("second", second)):
        with np.load(f"{name} try_weights.npz") as found:
            assert np.array_equal(found["W1"], net.parameters["W1"])
        text = Path(f"{name} try.py").read_text("utf-8")
        assert f'with_name("{name} try_weights.npz")' in text
        assert f"It reads {name} try_weights.npz" in text
    if to == "numpy":
        for name in ("first", "second"):
            done = subprocess.run([sys.executable, f"{name} try.py"], capture_output=True, text=True, check=True)
            assert done.stdout.startswith("step 0: L = ")


def test_a_script_with_a_hostile_name_finds_its_weights() -> None:
    trained().save("run")
    name = 'a"); import os; os.mkdir("made'
    assert main(["write", "run", "--out", f"{name}.py"]) == 0
    done = subprocess.run([sys.executable, f"{name}.py"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("step 0: L = ")
    assert not Path("made").exists()


def test_a_script_for_a_stream_holds_its_weights(capfd: pytest.CaptureFixture[str]) -> None:
    trained().save("run")
    assert main(["write", "run", "--out", "/dev/stdout"]) == 0
    script = capfd.readouterr().out
    Path("alone.py").write_text(script)
    done = subprocess.run([sys.executable, "alone.py"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("step 0: L = ")
    assert not list(Path().glob("*.npz"))


def test_an_example_is_not_hidden_by_what_lies_here(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        ("explain", "neuron", "w1"),
        ("derive", "neuron"),
        ("check", "neuron"),
        ("write", "neuron"),
        ("draw", "neuron"),
    ]
    own = {command: expected(capsys, *command) for command in commands}
    for make in (
        lambda: Path("neuron").write_bytes(b"\x7fELF"),
        lambda: Path("neuron").mkdir(),
        lambda: os.mkfifo("neuron"),
        lambda: Path("neuron").symlink_to("neuron"),
    ):
        make()
        for command, text in own.items():
            assert main(list(command)) == 0
            shown = capsys.readouterr()
            assert (shown.out, shown.err) == (text, "")
        Path("neuron").rmdir() if Path("neuron").is_dir() else Path("neuron").unlink()


def test_ones_own_of_the_same_name_is_to_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    original = Path(cg.__file__).parent.joinpath("examples", "neuron.toml").read_text("utf-8")
    Path("neuron").write_text(original.replace("title = ", 'title = "Mine" #'), "utf-8")
    assert main(["explain", "neuron"]) == 0
    shown = capsys.readouterr()
    assert "Mine" not in shown.out
    assert shown.err == "neuron is the worked example; for your own say ./neuron\n"
    assert main(["explain", "./neuron"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Mine\n")
    assert not shown.err
    Path("neuron").unlink()
    trained().save("neuron")
    assert main(["derive", "neuron"]) == 0
    assert "for your own say ./neuron" in capsys.readouterr().err
    assert "W2" in expected(capsys, "derive", "./neuron")


def test_a_script_is_not_left_without_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = cg.Network([cg.Dense(40)], input_shape=30, loss="SquaredError")
    net.flat += 0.01
    net.save(tmp_path / "run")
    (tmp_path / "s_weights.npz").mkdir()
    assert main(["write", str(tmp_path / "run"), "--out", str(tmp_path / "s.py")]) == 2
    assert "s_weights.npz is there" in capsys.readouterr().err
    assert not (tmp_path / "s.py").exists()
