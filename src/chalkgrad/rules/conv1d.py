"""The one-dimensional convolution, over the steps of sequences (a cross-correlation, as everywhere in the field).

Sequences are (N, T, D), kernels (O, D, k), outputs (N, P, O). `s` is the stride, `before` the number of zero steps
before the first one; behind the last stand as many zeros as the last window reaches. Its windows are those of images of
T rows and D columns, each as wide as the image.
"""

from __future__ import annotations

from .arrays import add_windows, namespace, windows
from .rule import Array, Operation, mistake, rule


def columns(x: Array, P: int, k: int, s: int, before: int) -> Array:
    """Every window of x (N, T, D) as a column, its steps one after another: (N, k*D, P)."""
    N, T, D = x.shape
    return windows(x.reshape((N, 1, T, D)), (P, 1), (k, D), (s, 1), before, 0).reshape((N, k * D, P))


def kernel_rows(W: Array) -> Array:
    """Every kernel of W (O, D, k) as a row, its steps one after another: (O, k*D)."""
    O, D, k = W.shape
    return W.mT.reshape((O, k * D))


@rule(
    "z[n,p,o] = sum_{i,u} x[n,p*s+u-before,i] * W[o,i,u] + b[o] for p<P",
    source="Waibel et al., 1989, Phoneme recognition using time-delay neural networks, IEEE Transactions on ASSP 37",
    weighted=True,
)
def conv1d(x: Array, W: Array, b: Array = None, *, P: int, s: int, before: int) -> Array:
    """z (N, P, O) of x (N, T, D), kernels W (O, D, k) and bias b (O,)."""
    z = (kernel_rows(W) @ columns(x, P, W.shape[2], s, before)).mT
    return z if b is None else z + b


@rule(
    "dW[o,i,u] = sum_{n,p} x[n,p*s+u-before,i] * dz[n,p,o] for u<k",
    source="Goodfellow, Bengio and Courville, 2016, 9.5",
)
def conv1d_dW(x: Array, dz: Array, *, k: int, s: int, before: int) -> Array:
    """dW (O, D, k) of x (N, T, D) and dz (N, P, O): a kernel's step meets every window at its place in it."""
    of_samples = dz.mT @ columns(x, dz.shape[1], k, s, before).mT
    return namespace(x).sum(of_samples, axis=0).reshape((dz.shape[2], k, x.shape[2])).mT


@rule("db[o] = sum_{n,p} dz[n,p,o]", source="Goodfellow, Bengio and Courville, 2016, 9.5")
def conv1d_db(dz: Array) -> Array:
    """db (O,) of dz (N, P, O): the bias stands at every step, so its gradient sums over them all."""
    return namespace(dz).sum(dz, axis=(0, 1))


@rule(
    "dx[n,p*s+u-before,i] += sum_o dz[n,p,o] * W[o,i,u]",
    source="Dumoulin and Visin, arXiv:1603.07285, 4 (transposed convolution)",
)
def conv1d_dx(dz: Array, W: Array, *, T: int, s: int, before: int) -> Array:
    """dx (N, T, D) of dz (N, P, O) and W (O, D, k): every window gets back its share."""
    N, P, _ = dz.shape
    _, D, k = W.shape
    shares = (kernel_rows(W).T @ dz.mT).reshape((N, 1, k * D, P, 1))
    return add_windows(shares, (T, D), (k, D), (s, 1), before, 0).reshape((N, T, D))


@mistake(
    conv1d_dW,
    "dW[o,i,u] = sum_{n,p} x[n,p*s+k-1-u-before,i] * dz[n,p,o] for u<k",
    "the kernel's gradient is flipped",
)
def conv1d_dW_flipped(x: Array, dz: Array, *, k: int, s: int, before: int) -> Array:
    return namespace(x).flip(conv1d_dW(x, dz, k=k, s=s, before=before), axis=2)


@mistake(
    conv1d_dW, "dW[o,i,u] = sum_n x[n,u-before,i] * dz[n,0,o] for u<k", "only the first window counts, not all of them"
)
def conv1d_dW_of_one_window(x: Array, dz: Array, *, k: int, before: int) -> Array:
    return conv1d_dW(x, dz[:, :1], k=k, s=1, before=before)


@mistake(conv1d_db, "db[o] = mean_{n,p} dz[n,p,o]", "averaged over samples and steps instead of summed")
def conv1d_db_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=(0, 1))


@mistake(conv1d_db, "db[o] = sum_n dz[n,0,o]", "not summed over the steps")
def conv1d_db_of_one_step(dz: Array) -> Array:
    return namespace(dz).sum(dz[:, 0], axis=0)


@mistake(conv1d_dx, "dx[n,p*s+|u|-1-u-before,i] += sum_o dz[n,p,o] * W[o,i,u]", "the kernel is flipped")
def conv1d_dx_flipped(dz: Array, W: Array, *, T: int, s: int, before: int) -> Array:
    return conv1d_dx(dz, namespace(W).flip(W, axis=2), T=T, s=s, before=before)


operation = Operation(
    "one-dimensional convolution", (conv1d,), (conv1d_dW, conv1d_db, conv1d_dx), input="x", output="z"
)
