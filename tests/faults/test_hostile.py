"""Files that lie: each is refused (or read, where nothing is wrong with it) within twice an honest file's memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from readers import Reader, readers

import chalkgrad as cg
from chalkgrad.files.checkpoint import MAGIC

NUMBERS = 250_000
"""About how many numbers the honest files hold."""
LEAST = 4 * 2**20
"""Bytes that any file may take: a parser's own, and a small honest file's many times over."""
TEXTS: dict[str, bytes] = {
    "empty": b"",
    "one zero byte": b"\0",
    "zeros": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "random bytes": np.random.default_rng(7).bytes(100_000),
    "a pickle that calls os.system": b"cos\nsystem\n(S'touch pwned'\ntR.",
    "a pickle of protocol 4": b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x94.",
    "invalid UTF-8": b'x = "\xff\xfe"\n',
    "UTF-16": 'x = "1"\n'.encode("utf-16"),
    "a byte-order mark alone": b"\xef\xbb\xbf",
}
WRITTEN: dict[str, bytes] = {
    "brackets, 100,000 deep": b"a = " + b"[" * 100_000,
    "braces, 100,000 deep": b"a = " + b"{a=" * 30_000,
    "a line of a million characters": b"a" * 1_000_000,
    "a number of 10,000 digits": b"seed = " + b"9" * 10_000,
    "an exponent beyond all": b"l2 = 1e999999999\n",
    "a key with a thousand dots": b".".join([b"a"] * 1000) + b" = 1\n",
    "a thousand tables": b"".join(b'[[layers]]\ntype = "Dense"\n' for _ in range(1000)),
    "escapes": b'a = "' + b"\\u0000" * 10_000 + b'"\n',
    "the same key twice": b"a = 1\na = 2\n",
    "quotes that never end": b'a = """' + b"x" * 100_000,
}
DESCRIBED: dict[str, bytes] = {
    "units beyond memory": b'input_shape = 1000000\nloss = "SquaredError"\nlayers = [{type = "Dense", units = 100000000}]\n',
    "units beyond 64 bits": b'input_shape = 3\nloss = "SquaredError"\nlayers = [{type = "Dense", units = 99999999999999999999}]\n',
    "an input of 10^18 numbers": b'input_shape = [1000000, 1000000, 1000000]\nloss = "SquaredError"\nlayers = ["Flatten", {type = "Dense", units = 9}]\n',
    "a negative size": b'input_shape = -3\nloss = "SquaredError"\nlayers = ["Tanh"]\n',
    "a kernel larger than all": b'input_shape = [1, 9, 9]\nloss = "SquaredError"\nlayers = [{type = "Conv2D", filters = 2, kernel = 1000000000}]\n',
    "padding larger than all": b'input_shape = [1, 9, 9]\nloss = "SquaredError"\nlayers = [{type = "Conv2D", filters = 2, kernel = 3, padding = 1000000000}]\n',
    "a type that is a path": b'input_shape = 3\nloss = "SquaredError"\nlayers = ["../../etc/passwd"]\n',
    "a type that is code": b"input_shape = 3\nloss = \"SquaredError\"\nlayers = [\"__import__('os').system('touch pwned')\"]\n",
    "a type with two underscores": b'input_shape = 3\nloss = "__class__"\nlayers = ["__init__"]\n',
    "layers that are a number": b'input_shape = 3\nloss = "SquaredError"\nlayers = 3\n',
    "not a number as a setting": b'input_shape = 3\nloss = "SquaredError"\nl2 = nan\nlayers = ["Tanh"]\n',
    "infinity as a setting": b'input_shape = 3\nloss = "SquaredError"\nl2 = inf\nlayers = ["Tanh"]\n',
    "a dtype of objects": b'input_shape = 3\nloss = "SquaredError"\ndtype = "object"\nlayers = ["Tanh"]\n',
    "a thousand layers": b'input_shape = 3\nloss = "SquaredError"\nlayers = [' + b'"Tanh",' * 1000 + b"]\n",
}


def npy(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + body


def head(descr: str, shape: str, fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


ARRAYS: dict[str, bytes] = {
    "the magic alone": b"\x93NUMPY",
    "a header of 4 GB declared": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "version 9": npy(head("'<f4'", "(2, 2)"), bytes(16), b"\x09\x00"),
    "10^18 numbers": npy(head("'<f4'", "(1000000000000000000,)")),
    "10^6 x 10^6 x 10^6 numbers": npy(head("'<f8'", "(1000000, 1000000, 1000000)"), bytes(64)),
    "a size beyond 64 bits": npy(head("'<f4'", "(99999999999999999999999,)")),
    "a negative size": npy(head("'<f4'", "(-1, 4)"), bytes(16)),
    "two negative sizes": npy(head("'<f4'", "(-2, -2)"), bytes(16)),
    "no numbers, but sizes": npy(head("'<f4'", "(0, 4611686018427387904)")),
    "1,000 axes": npy(head("'<f4'", f"({'1, ' * 1000})"), bytes(4)),
    "sizes that are true": npy(head("'<f4'", "(True, True)"), bytes(4)),
    "sizes that are text": npy(head("'<f4'", "('a',)"), bytes(4)),
    "sizes that are floats": npy(head("'<f4'", "(2.0,)"), bytes(8)),
    "objects": npy(head("'|O'", "(2,)"), b"cos\nsystem\n(S'touch pwned'\ntR."),
    "fields": npy(head("[('a', '<f4'), ('b', '|O')]", "(2,)"), bytes(64)),
    "a sub-array type of gigabytes": npy(head("('<f4', (1000000, 1000))", "(1,)"), bytes(16)),
    "text of gigabytes": npy(head("'<U1000000000'", "(1,)"), bytes(16)),
    "void of gigabytes": npy(head("'|V2000000000'", "(1,)"), bytes(16)),
    "dates": npy(head("'<M8[ns]'", "(2,)"), bytes(16)),
    "complex numbers": npy(head("'<c16'", "(2,)"), bytes(32)),
    "code in the header": npy("__import__('os').system('touch pwned')"),
    "a header that is a list": npy("[1, 2]"),
    "a header 5,000 brackets deep": npy("[" * 5000),
    "a key too much": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", bytes(4)),
    "half the numbers": npy(head("'<f4'", "(500, 500)"), bytes(500_000)),
    "more numbers than declared": npy(head("'<f4'", "(2,)"), bytes(500_000)),
    "not a number": npy(head("'<f4'", "(2, 2)"), np.full(4, np.nan, "<f4").tobytes()),
}


def zipped(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/") + ".npy", content)
    return buffer.getvalue()


GOOD = npy(head("'<f4'", "(6, 2)"), np.arange(12, dtype="<f4").tobytes())
LABELS = npy(head("'<i8'", "(6,)"), np.array([0, 1, 2, 0, 1, 2], "<i8").tobytes())


def bomb() -> bytes:
    """512 MB of zeros in some 500 kB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        member.write(npy(head("'<f4'", "(128, 1000000)")))
        for _ in range(512):
            member.write(bytes(1_000_000))
    return buffer.getvalue()


def lying_zip(field: str) -> bytes:
    """A member whose sizes in the archive's directory are not true."""
    content = bytearray(zipped(x=GOOD, y=LABELS))
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02"))
    place = {"unpacked": at + 24, "packed": at + 20, "offset": at + 42, "checksum": at + 16, "method": at + 10}[field]
    content[place : place + (2 if field == "method" else 4)] = b"\xf0" * (2 if field == "method" else 4)
    return bytes(content)


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "the head alone": lambda: b"PK\x03\x04",
    "the end alone": lambda: b"PK\x05\x06" + bytes(18),
    "512 MB of zeros in 500 kB": bomb,
    "a lying unpacked size": lambda: lying_zip("unpacked"),
    "a lying packed size": lambda: lying_zip("packed"),
    "a lying offset": lambda: lying_zip("offset"),
    "a lying checksum": lambda: lying_zip("checksum"),
    "an unknown method": lambda: lying_zip("method"),
    "no arrays": lambda: zipped(),
    "a path out of the archive": lambda: zipped(**{"..__..__x": GOOD, "y": LABELS}),
    "a million entries declared": lambda: zipped(x=GOOD)[:-12] + b"\xff\xff" * 2 + bytes(8),
    "x and y of other lengths": lambda: zipped(x=GOOD, y=npy(head("'<i8'", "(2,)"), bytes(16))),
    "class number 10^15": lambda: zipped(x=GOOD, y=npy(head("'<i8'", "(6,)"), np.full(6, 10**15, "<i8").tobytes())),
    "a negative class": lambda: zipped(x=GOOD, y=npy(head("'<i8'", "(6,)"), np.full(6, -1, "<i8").tobytes())),
    "numbers beyond float32": lambda: zipped(x=npy(head("'<f8'", "(6, 2)"), np.full(12, 1e300).tobytes()), y=LABELS),
    "cut in the middle": lambda: zipped(x=GOOD, y=LABELS)[:200],
    "an archive in an archive": lambda: zipped(x=zipped(x=GOOD), y=LABELS),
    **{f"x: {name}": (lambda content=content: zipped(x=content, y=LABELS)) for name, content in ARRAYS.items()},
}
IDX: dict[str, bytes] = {
    "the head alone": b"\0\0\x08\x03",
    "10^28 numbers": b"\0\0\x08\x03" + b"\xff" * 12,
    "8 axes of 2^32": b"\0\0\x0e\x08" + b"\xff" * 32,
    "255 axes": b"\0\0\x08\xff" + b"\0\0\0\x01" * 255,
    "no axes": b"\0\0\x08\0",
    "an unknown type": b"\0\0\x07\x01\0\0\0\x02ab",
    "half the numbers": b"\0\0\x08\x02\0\0\x02\0\0\0\x02\0" + bytes(131_072),
    "more than declared": b"\0\0\x08\x01\0\0\0\x02" + bytes(100_000),
    "no numbers, but sizes": b"\0\0\x08\x03\0\0\0\0" + b"\xff" * 8,
    "sizes cut off": b"\0\0\x08\x03\0\0",
    "little-endian sizes": b"\0\0\x08\x02\x10\0\0\0\x10\0\0\0" + bytes(256),
}
GZIPPED: dict[str, Callable[[], bytes]] = {
    **{name: (lambda content=content: gzip.compress(content, mtime=0)) for name, content in IDX.items()},
    "512 MB of zeros": lambda: _deflated(b"\0\0\x08\x02\0\x08\0\0\0\0\x04\0", 512),
    "zeros behind an honest array": lambda: _deflated(b"\0\0\x08\x01\0\0\0\x02", 512),
    "cut off": lambda: gzip.compress(b"\0\0\x08\x01\0\0\x01\0" + np.random.default_rng(1).bytes(256))[:100],
    "a wrong checksum": lambda: gzip.compress(b"\0\0\x08\x01\0\0\0\x02ab")[:-8] + bytes(8),
    "the head alone": lambda: b"\x1f\x8b",
    "an unknown method": lambda: b"\x1f\x8b\x07" + bytes(20),
    "a name without an end": lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 100_000,
    "gzip in gzip": lambda: gzip.compress(gzip.compress(b"\0\0\x08\x01\0\0\0\x02ab")),
}


def _deflated(begin: bytes, megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(begin)] + [packer.compress(bytes(2**20)) for _ in range(megabytes)]
    return b"".join(parts) + packer.flush()


def checkpoint(manifest: object, arrays: bytes = b"", version: int = 1) -> bytes:
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return f"{MAGIC} {version} {len(text)} {hashlib.sha256(text).hexdigest()}\n".encode() + text + arrays


def part(**changed: object) -> dict[str, object]:
    one = {"name": "value/W1", "dtype": "<f4", "shape": [2], "sha256": hashlib.sha256(bytes(8)).hexdigest()}
    return {"table": {}, "parts": [one | changed]}


CHECKPOINTS: dict[str, bytes] = {
    "the head alone": f"{MAGIC} 1 ".encode(),
    "a manifest of 10 GB declared": f"{MAGIC} 1 9999999999 {'0' * 64}\n".encode(),
    "a head without an end": f"{MAGIC} 1 ".encode() + b"9" * 100_000,
    "form 2": checkpoint(part(), bytes(8), 2),
    "a manifest that is a list": checkpoint([]),
    "a manifest 50,000 brackets deep": checkpoint(b"[" * 50_000),
    "a manifest with NaN": checkpoint(b'{"table": NaN, "parts": []}'),
    "a manifest with a number of 10,000 digits": checkpoint(b'{"table": {"a": ' + b"9" * 10_000 + b'}, "parts": []}'),
    "10^18 numbers": checkpoint(part(shape=[10**18]), bytes(8)),
    "10^5 x 10^5 x 10^5 numbers": checkpoint(part(shape=[10**5] * 3), bytes(8)),
    "a negative size": checkpoint(part(shape=[-1]), bytes(8)),
    "no numbers, but sizes": checkpoint(part(shape=[0, 2**47, 2**47])),
    "sizes that are true": checkpoint(part(shape=[True]), bytes(4)),
    "sizes that are floats": checkpoint(part(shape=[2.0]), bytes(8)),
    "100,000 axes": checkpoint(part(shape=[1] * 100_000), bytes(4)),
    "objects": checkpoint(part(dtype="|O"), bytes(16)),
    "big-endian numbers": checkpoint(part(dtype=">f4"), bytes(8)),
    "a type that is a list": checkpoint(part(dtype=["<f4"]), bytes(8)),
    "bytes that nothing declares": checkpoint(part(), bytes(100_000)),
    "fewer bytes than declared": checkpoint(part(), bytes(4)),
    "the same array twice": checkpoint({"table": {}, "parts": [*part()["parts"], *part()["parts"]]}, bytes(16)),  # type: ignore[misc]
    "a wrong digest": checkpoint(part(sha256="0" * 64), bytes(8)),
    "no digest": checkpoint(part(sha256=None), bytes(8)),
    "a name that is a path": checkpoint(part(name="../../etc/passwd"), bytes(8)),
    "nothing of a training": checkpoint({"table": {"network": {}, "history": [], "settings": 3}, "parts": []}),
    "5,000 arrays of nothing": checkpoint(
        {"table": {}, "parts": [part(name=str(k), shape=[0])["parts"][0] for k in range(5000)]}  # type: ignore[index]
    ),
}
TABLES: dict[str, bytes] = {
    "one column": b"1\n2\n3\n4\n5\n6\n",
    "a row longer than the others": b"a,b\n1,2\n1,2,3\n",
    "a million commas": b"," * 1_000_000,
    "a quote that never ends": b'a,b\n"' + b"1," * 50_000,
    "NaN": b"a,b\nnan,1\n1,2\n",
    "beyond float32": b"a,b\n1e300,1\n1,2\n1,2\n1,2\n1,2\n",
    "beyond float64": b"a,b\n1e999,1\n1,2\n",
    "zero bytes": b"a,b\n1,\0\n",
    "a formula": b"a,b\n=cmd|' /C calc'!A0,1\n",
    "carriage returns": b"a,b\r1,2\r" * 10_000,
    "only line ends": b"\n" * 100_000,
    "a class for every line": b"a,b\n" + b"".join(b"1,word%d\n" % k for k in range(2000)),
    "a cell of a megabyte": b"a,b\n" + b"1" * 1_000_000 + b",2\n",
}


def cases() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Reader, name of the case, its content."""
    kinds: list[tuple[tuple[str, ...], dict[str, bytes]]] = [
        (("checkpoint",), CHECKPOINTS), (("npy",), ARRAYS), (("IDX",), IDX), (("CSV",), TABLES),
        (("network.toml", "worked example"), DESCRIBED),
        (("run.toml", "worksheet", "answers, TOML", "claims, TOML"), WRITTEN),
        (("checkpoint", "network.toml", "npy", "npz", "IDX", "CSV", "answers, JSON", "claims, JSON"), TEXTS),
    ]  # fmt: skip
    for owners, contents in kinds:
        for owner in owners:
            for name, content in contents.items():
                yield owner, name, lambda content=content: content
    for owner, made in (("npz", ARCHIVES), ("IDX, gzipped", GZIPPED)):
        for name, content in made.items():
            yield owner, name, content


CASES = list(cases())


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Reader, int]]:
    """Every reader with the path of its file, and the most memory that reading an honest one takes."""
    place = tmp_path_factory.mktemp("honest")
    found: dict[str, tuple[Path, Reader, int]] = {}
    for reader in readers(place, NUMBERS):
        path = place / reader.file
        path.write_bytes(reader.honest)
        peak, error = peak_of(reader, path)
        assert error is None, f"{reader.name}: {error}"
        found[reader.name] = path, reader, max(peak, LEAST)
    return found


def peak_of(reader: Reader, path: Path) -> tuple[int, BaseException | None]:
    """The most memory that reading takes, in bytes, and what was raised."""
    error: BaseException | None = None
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
    except Exception as raised:
        error = raised
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, error


@pytest.mark.long
def test_two_hundred_hostile_files(
    honest: dict[str, tuple[Path, Reader, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    record: Callable[..., None],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    wrong: list[str] = []
    refused, worst, of = 0, 0.0, ""
    for owner, name, made in CASES:
        path, reader, allowed = honest[owner]
        path.write_bytes(made())
        peak, error = peak_of(reader, path)
        refused += error is not None
        if error is not None and not isinstance(error, cg.ChalkgradError):
            wrong.append(f"{owner}, {name}: {type(error).__name__}: {error}")
        if error is not None and ("\n" in str(error) or len(str(error)) > 3000):
            wrong.append(f"{owner}, {name}: the message has {len(str(error))} characters")
        if peak > 2 * allowed:
            wrong.append(f"{owner}, {name}: {peak / 2**20:.1f} MiB, an honest file takes {allowed / 2**20:.1f}")
        if peak / allowed > worst:
            worst, of = peak / allowed, f"{owner}, {name}"
    assert not wrong, "\n".join(wrong)
    assert len(CASES) >= 200
    assert not (tmp_path / "pwned").exists()
    record("Hostile files", f"{len({o for o, _, _ in CASES})} readers, files with a name each", len(CASES),
           f"{refused} refused, {len(CASES) - refused} read (nothing is wrong with them), at most {worst:.1f} times the memory "
           f"of an honest one, 4 MiB at least ({of})")  # fmt: skip


OUTSIDE = ["../secret.npy", "/etc/hostname", "weights-0/../../secret.npy", "link.npy", "linked/W1.npy"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_file_outside_the_directory_is_read(tmp_path: Path, name: str) -> None:
    """Neither by a path nor by a symbolic link."""
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    run, other = tmp_path / "run", tmp_path / "other"
    net.save(run)
    net.save(other)
    secret = next(other.glob("weights-*/W1.npy"))
    (tmp_path / "secret.npy").write_bytes(secret.read_bytes())
    (run / "link.npy").symlink_to(secret)
    (run / "linked").symlink_to(secret.parent)
    file = run / "network.toml"
    text = file.read_text().partition("# SHA-256")[2].partition("\n")[2]
    weights = next(run.glob("weights-*/W1.npy")).relative_to(run)
    file.write_text(text.replace(f'"{weights}"', f'"{name}"'))
    with pytest.raises(cg.CheckpointError, match="outside"):
        cg.load(run)


def test_no_checkpoint_is_read_through_a_link(tmp_path: Path) -> None:
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    net.fit(np.ones((3, 2)), np.ones((3, 2)), max_steps=1, checkpoints=tmp_path / "there")
    (tmp_path / "here").mkdir()
    for file in (tmp_path / "there").iterdir():
        (tmp_path / "here" / file.name).symlink_to(file)
    with pytest.raises(cg.CheckpointError, match="holds no checkpoint"):
        net.fit(np.ones((3, 2)), np.ones((3, 2)), max_steps=1, resume=tmp_path / "here")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.checkpoint")
    os.mkfifo(tmp_path / "network.toml")
    with pytest.raises(cg.CheckpointError, match="no plain file"):
        cg.load(tmp_path / "network.toml")
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    for place in (tmp_path / "pipe.checkpoint", Path("/dev/zero")):
        with pytest.raises(cg.CheckpointError):
            net.fit(np.ones((3, 2)), np.ones((3, 2)), max_steps=1, resume=place)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["d.csv", "d.npz", "d.idx"])
@pytest.mark.parametrize("kind", ["pipe", "device", "directory"])
def test_data_that_are_no_plain_file_are_not_waited_for(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    read = {".csv": cg.data.read_csv, ".npz": cg.data.read_npz, ".idx": cg.data.read_idx}[path.suffix]
    with pytest.raises(cg.DataError, match="directory" if kind == "directory" else "no plain file"):
        read(path)
