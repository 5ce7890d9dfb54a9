from __future__ import annotations

import hashlib
import os
import threading
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import CheckpointError
from chalkgrad.describe.layers import LAYERS
from chalkgrad.describe.losses import LOSSES
from chalkgrad.files import writing as files
from chalkgrad.model.saved import SEAL
from networks import classifier


def network(seed: int = 0) -> cg.Network:
    layers = [
        cg.Conv2D(2, (3, 2), padding="same", weights="normal(0.1)"), cg.BatchNorm(momentum=0.2), cg.LeakyReLU(0.2),
        cg.MaxPool2D(2), cg.Flatten(), cg.Dropout(0.2), cg.Dense(5, name="hidden", l2=0.1), cg.GELU("tanh"),
        cg.Dense(3, biases=cg.initializers.Constant(0.5)), cg.Softmax(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=(1, 6, 6), loss=cg.CrossEntropy(scale=0.5), seed=seed, l1=0.001)
    x = np.random.default_rng(0).standard_normal((8, 1, 6, 6))
    net.fit(x, np.arange(8) % 3, epochs=2)
    net.freeze("hidden.b")
    return net


def test_a_saved_network_comes_back_the_same(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path / "run")
    again = cg.load(tmp_path / "run")
    assert again.to_table() == net.to_table()
    assert again.frozen == ("hidden.b",)
    assert again.steps_taken == net.steps_taken
    assert (again.flat == net.flat).all()
    for name, state in net.states.items():
        assert (again.states[name] == state).all()
    x = np.random.default_rng(1).standard_normal((4, 1, 6, 6))
    assert (again.predict(x) == net.predict(x)).all()
    assert again.loss(x, [0, 1, 2, 0], training=True) == net.loss(x, [0, 1, 2, 0], training=True)


def test_it_is_readable_without_chalkgrad(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path)
    table = tomllib.loads((tmp_path / "network.toml").read_text())
    assert [layer["type"] for layer in table["layers"]][:3] == ["Conv2D", "BatchNorm", "LeakyReLU"]
    entry = table["parameters"]["hidden.W"]
    W = np.load(tmp_path / entry["file"], allow_pickle=False)
    assert (net.parameters["hidden.W"] == W).all()
    assert list(W.shape) == entry["shape"]
    assert hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    network(0).save(tmp_path)
    second = network(1)
    second.save(tmp_path)
    assert (cg.load(tmp_path).flat == second.flat).all()
    assert len(list(tmp_path.iterdir())) == 2
    second.save(tmp_path)
    assert (cg.load(tmp_path).flat == second.flat).all()


def test_an_interrupted_save_leaves_the_old_network_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = network(0), network(1)
    first.save(tmp_path)
    replace, done = os.replace, 0
    files = len(first.parameters) + len(first.states) + 1
    for stop in range(files):
        done = 0

        def interrupted(source: Any, target: Any, stop: int = stop) -> None:
            nonlocal done
            if done == stop:
                raise KeyboardInterrupt
            done += 1
            replace(source, target)

        monkeypatch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            second.save(tmp_path)
        monkeypatch.setattr(os, "replace", replace)
        assert (cg.load(tmp_path).flat == first.flat).all()
        assert not list(tmp_path.rglob("*.part"))
    second.save(tmp_path)
    assert (cg.load(tmp_path).flat == second.flat).all()


def test_a_description_alone_gives_the_initial_weights(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('input_shape = 3\nloss = "SquaredError"\nlayers = [{type = "Dense", units = 2}, "Tanh"]\n')
    assert cg.load(file).flat.size == 8


BAD = [
    ("", "lacks input_shape"),
    ("input_shape = [", "no TOML file"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = 3', "list of tables"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = []', "no layer"),
    ('input_shape = 3\nloss = "SquaredErr"\nlayers = ["Tanh"]', "'SquaredError'"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = ["Tan"]', "'Tanh'"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = [{units = 2}]', "needs a type"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = [{type = "Dense"}]', "Dense needs units"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = [{type = "Dense", units = "x"}]', "units must be"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = [{type = "Dense", unit = 2}]', "did you mean 'units'"),
    ('input_shape = 3\nloss = "SquaredError"\nlayer = ["Tanh"]', "did you mean 'layers'"),
    ('input_shape = "x"\nloss = "SquaredError"\nlayers = ["Tanh"]', "input_shape is"),
    ('input_shape = 3\nloss = 3\nlayers = ["Tanh"]', "a loss needs a type"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = ["Tanh"]\nfrozen = ["W1"]', "no parameter 'W1'"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = ["Tanh"]\nl2 = "much"', "l2 must be a number"),
    ('input_shape = 3\nloss = "SquaredError"\nlayers = ["Tanh"]\nparameters = 3', "the parameters are 3"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_descriptions(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "network.toml").write_text(text)
    with pytest.raises(cg.ChalkgradError, match=message) as caught:
        cg.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert "network.toml" in str(caught.value)


def test_damaged_and_misfitting_weights(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path)
    sealed = (tmp_path / "network.toml").read_text()
    text = sealed.partition(SEAL)[2].partition("\n")[2]  # changed on purpose
    (tmp_path / "network.toml").write_text(sealed.replace("seed = 0", "seed = 1"))
    with pytest.raises(CheckpointError, match="is not as it was saved"):
        cg.load(tmp_path)
    (tmp_path / "network.toml").write_text(text)
    file = next(tmp_path.glob("weights-*/W1.npy"))
    whole = file.read_bytes()

    def refused(message: str) -> None:
        with pytest.raises(CheckpointError, match=message):
            cg.load(tmp_path)

    def replace_W1(content: bytes) -> None:
        file.write_bytes(content)
        old, new = hashlib.sha256(whole).hexdigest(), hashlib.sha256(content).hexdigest()
        (tmp_path / "network.toml").write_text(text.replace(old, new))

    file.write_bytes(whole[:-1])
    refused("is damaged")
    file.unlink()
    refused("cannot be read")
    file.write_bytes(whole + bytes(10_000))
    refused("more than W1")
    for wrong, message in (
        (np.zeros((1, 1)), "expected"),
        (np.full(net.parameters["W1"].shape, np.nan, np.float32), "finite"),
        (np.zeros(net.parameters["W1"].shape, int), "finite floating"),
        (np.array([None]), "Python objects"),
    ):
        np.save(tmp_path / "new.npy", wrong, allow_pickle=True)
        replace_W1((tmp_path / "new.npy").read_bytes())
        refused(message)
    replace_W1(b"\x93NUMPY nonsense")
    refused("too short to hold")
    replace_W1(bytes(len(whole)))
    refused("no .npy file")
    replace_W1(whole[:60] + b"9" + whole[61:])
    with pytest.raises(CheckpointError):
        cg.load(tmp_path)
    (tmp_path / "network.toml").write_text(text.replace("weights-", "../weights-", 1))
    refused("outside")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        cg.load(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        cg.load(tmp_path / "no")


def test_where_it_cannot_be_saved(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be saved"):
        network().save(tmp_path / "file")


def test_every_layer_and_loss_survives_its_table() -> None:
    from chalkgrad.describe.settings import from_table, to_table

    arguments: dict[str, tuple[Any, ...]] = {"Dense": (4,), "Conv2D": (3, (2, 3), 2, (1, 0))}
    arguments |= {"Add": ("a",), "Multiply": ("a",), "Concat": (("a", "x"),), "Residual": ((cg.Dense(4), cg.ReLU()),),
                  "Embedding": (7, 3), "RNN": (4,), "LSTM": (4,), "GRU": (4,), "Attention": (2,), "Conv1D": (3, 2)}  # fmt: skip
    for name, kind in LAYERS.items():
        layer = kind(*arguments.get(name, ()))
        assert from_table("layer", to_table(layer), LAYERS) == layer
    for kind in LOSSES.values():
        loss = kind(scale="mean", reduction="sum")
        assert from_table("loss", to_table(loss), LOSSES) == loss


def small(seed: int) -> cg.Network:
    return cg.Network([cg.Dense(4), cg.Tanh(), cg.Dense(2)], input_shape=3, loss="SquaredError", seed=seed)


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_several_save_at_once_and_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool) -> None:
    """The last save wins, whole, and a reader always finds a whole network; also where nothing can be locked."""
    if not locks:
        monkeypatch.setattr(files, "fcntl", None)
    nets = [small(seed) for seed in range(3)]
    nets[0].save(tmp_path)
    done, faults = threading.Event(), []

    def saved(net: cg.Network) -> None:
        for _ in range(15):
            try:
                net.save(tmp_path)
            except CheckpointError as error:
                faults.append(error)

    def read() -> None:
        while not done.is_set():
            try:
                found = cg.load(tmp_path)
            except CheckpointError as error:
                faults.append(error)
            else:
                assert any(np.array_equal(found.flat, net.flat) for net in nets)

    savers = [threading.Thread(target=saved, args=(net,)) for net in nets]
    reader = threading.Thread(target=read)
    for thread in (reader, *savers):
        thread.start()
    for thread in savers:
        thread.join()
    done.set()
    reader.join()
    assert not faults
    assert any(np.array_equal(cg.load(tmp_path).flat, net.flat) for net in nets)
    if locks:
        assert len(list(tmp_path.iterdir())) == 2, "nothing is left behind"


def test_weights_that_are_being_saved_are_not_cleared_and_those_of_a_killed_save_are(tmp_path: Path) -> None:
    small(0).save(tmp_path)
    busy, left = tmp_path / "weights-0123456789ab", tmp_path / "weights-ba9876543210"
    for folder in (busy, left):
        folder.mkdir()
        (folder / "W1.npy").write_bytes(b"half")
    (mine := tmp_path / "weights-aaaaaaaaaaaa").mkdir()
    (mine / "notes.md").write_text("mine")
    with files.locked(busy, "another save"):
        small(1).save(tmp_path)
    assert busy.exists()
    assert mine.exists()
    assert not left.exists()


def test_a_description_that_a_person_wrote_is_not_written_over(tmp_path: Path) -> None:
    text = 'input_shape = 3\nloss = "SquaredError"\nlayers = ["Tanh"]  # mine\n'
    (tmp_path / "network.toml").write_text(text)
    with pytest.raises(CheckpointError, match="is not written over"):
        small(0).save(tmp_path)
    assert (tmp_path / "network.toml").read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_path_is_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    with pytest.raises(cg.CheckpointError, match="path is empty"):
        net.save("")
    with pytest.raises(cg.CheckpointError, match="path is empty"):
        cg.load("")
    assert not list(tmp_path.iterdir())
    net.save(".")
    assert (cg.load(".").flat == net.flat).all()


def test_saving_deletes_nothing_of_the_users(tmp_path: Path) -> None:
    for name in ("weights-of-my-thesis", "weights-0123456789ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chapter.txt").write_text("precious")
    classifier().save(tmp_path)
    classifier(seed=1).save(tmp_path)
    assert (tmp_path / "weights-of-my-thesis" / "chapter.txt").exists()
    assert (tmp_path / "weights-0123456789ab" / "chapter.txt").exists()


def test_lost_weights_are_not_saved_over_good_ones(tmp_path: Path) -> None:
    net = classifier()
    net.save(tmp_path)
    good = net.flat.copy()
    net.flat[0] = np.nan
    with pytest.raises(cg.CheckpointError, match="W1 holds NaN"):
        net.save(tmp_path)
    assert (cg.load(tmp_path).flat == good).all()
