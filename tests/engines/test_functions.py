"""The functions of the generated C against Python's: how far they are apart at most, in units of the last place."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
import pytest

from chalkgrad.engines.c.print.source import prelude
from chalkgrad.engines.c.run import compiler

pytestmark = pytest.mark.skipif(not compiler.available(), reason="there is no C compiler")

PLACES = {"exp": 1.5, "expm1": 3.5, "log": 1.5, "tanh": 4.5, "erf": 3.5, "softplus": 2.5}
"""The largest distance to the exact value, relative to it, in units of the last place of 1."""
EXACT: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "tanh": math.tanh,
    "erf": math.erf,
    "erfc": math.erfc,
    "softplus": lambda a: max(a, 0.0) + math.log1p(math.exp(-abs(a))),
}


@pytest.fixture(scope="module", params=["float32", "float64"])
def library(request: pytest.FixtureRequest) -> tuple[np.dtype, ctypes.CDLL]:
    dtype = np.dtype(request.param)
    real = {4: "float", 8: "double"}[dtype.itemsize]
    sections = prelude()
    lines = ["#include <math.h>", "#include <stdint.h>", "#include <string.h>", f"typedef {real} real;"]
    lines += [sections["base"], sections[real], sections["functions"]]
    for name in EXACT:
        lines.append(f"void all_{name}(const real *restrict a, real *restrict b, int64_t size) {{")
        lines.append(f"    SIMD\n    for (int64_t k = 0; k < size; k++) b[k] = real_{name}(a[k]);\n}}")
    return dtype, compiler.build("\n".join(lines) + "\n").library


def called(library: ctypes.CDLL, name: str, x: np.ndarray) -> np.ndarray:
    found = np.empty_like(x)
    pointer = ctypes.c_void_p
    getattr(library, f"all_{name}")(pointer(x.ctypes.data), pointer(found.ctypes.data), ctypes.c_int64(len(x)))
    return found


@pytest.mark.parametrize("name", list(PLACES))
def test_last_places(library: tuple[np.dtype, ctypes.CDLL], name: str) -> None:
    dtype, own = library
    info = np.finfo(dtype)
    wide = np.concatenate([np.linspace(-9, 9, 30001), np.linspace(-0.6, 0.6, 30001), np.linspace(-80, 80, 3001)])
    small = np.geomspace(float(info.tiny), 1, 3000)
    x = np.concatenate([wide, small, -small]).astype(dtype)
    if name == "log":
        x = np.concatenate([np.abs(x[x != 0]), np.geomspace(1e-30, 1e30, 9001).astype(dtype)])
    exact = np.array([EXACT[name](float(v)) for v in x])
    apart = np.abs(called(own, name, x).astype(np.float64) - exact)
    where = np.abs(exact) >= float(info.tiny)
    places = apart[where] / np.abs(exact[where]) / float(info.eps)
    worst = int(places.argmax())
    assert places[worst] <= PLACES[name], f"{name}({x[where][worst]!r}) is {places[worst]:.2f} places off"


def test_small_values_of_erfc_keep_their_digits(library: tuple[np.dtype, ctypes.CDLL]) -> None:
    """In the rounding of a^2 in e^(-a^2), as far as Chebyshev's interpolation goes; beyond 6 with eight digits."""
    dtype, own = library
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    x = np.concatenate([np.linspace(-9, 6, 30001), np.linspace(6, 27, 10001)]).astype(dtype)
    exact = np.array([math.erfc(float(v)) for v in x])
    where = exact >= tiny
    apart = np.abs(called(own, "erfc", x).astype(np.float64) - exact)[where] / exact[where]
    allowed = np.where(x[where] <= 6, (4 + 2 * x[where] ** 2) * eps, 5e-8 + 200 * eps)
    assert (apart <= allowed).all(), x[where][(apart / allowed).argmax()]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("exp", [np.inf, -np.inf, np.nan, 0.0, 1e30, -1e30], [np.inf, 0, np.nan, 1, np.inf, 0]),
        ("log", [np.inf, 0.0, -0.0, -1.0, np.nan, 1.0], [np.inf, -np.inf, -np.inf, np.nan, np.nan, 0]),
        ("tanh", [np.inf, -np.inf, np.nan, 0.0, 1e30, -1e30], [1, -1, np.nan, 0, 1, -1]),
        ("erf", [np.inf, -np.inf, np.nan, 0.0, 1e30, -1e30], [1, -1, np.nan, 0, 1, -1]),
        ("erfc", [np.inf, -np.inf, np.nan, 0.0, 1e30, -1e30], [0, 2, np.nan, 1, 0, 2]),
        ("softplus", [np.inf, -np.inf, np.nan, 1e30, -1e30], [np.inf, 0, np.nan, 1e30, 0]),
    ],
)
def test_the_ends(library: tuple[np.dtype, ctypes.CDLL], name: str, values: list[float], expected: list[float]) -> None:
    dtype, own = library
    found = called(own, name, np.array(values).astype(dtype))
    np.testing.assert_allclose(found, np.array(expected).astype(dtype), rtol=1e-6, atol=0)
