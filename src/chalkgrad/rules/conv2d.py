"""The two-dimensional convolution (a cross-correlation, as everywhere in the field).

Images are (N, C, H, W), kernels (O, C, kh, kw), outputs (N, O, P, Q). `sh, sw` is the stride, `pt, pl` the
number of zero rows above and of zero columns on the left; below and on the right stand as many zeros as the
last window reaches. Padding and output sizes follow Dumoulin and Visin, arXiv:1603.07285.

The textbook's sum over c, u, v is one matrix product: `columns` lays the windows side by side.
"""

from __future__ import annotations

from .arrays import add_windows, namespace, windows
from .rule import Array, Operation, mistake, rule


def columns(
    x: Array, out: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], pt: int, pl: int
) -> Array:
    """Every window of x as a column: (N, C*kh*kw, P*Q)."""
    (P, Q), (kh, kw) = out, kernel
    N, C = x.shape[:2]
    return windows(x, out, kernel, stride, pt, pl).reshape((N, C * kh * kw, P * Q))


@rule(
    "z[n,o,p,q] = sum_{c,u,v} x[n,c,p*sh+u-pt,q*sw+v-pl] * W[o,c,u,v] + b[o] for p<P, q<Q",
    source="Goodfellow, Bengio and Courville, 2016, 9.1; Neural Network Forward and Backward Propagation",
    weighted=True,
    convolves=True,
)
def conv2d(x: Array, W: Array, b: Array = None, *, P: int, Q: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """z (N, O, P, Q) of x (N, C, H, W), kernels W (O, C, kh, kw) and bias b (O,)."""
    O, C, kh, kw = W.shape
    z = W.reshape((O, C * kh * kw)) @ columns(x, (P, Q), (kh, kw), (sh, sw), pt, pl)
    z = z.reshape((x.shape[0], O, P, Q))
    return z if b is None else z + b.reshape((O, 1, 1))


@rule(
    "dW[o,c,u,v] = sum_{n,p,q} x[n,c,p*sh+u-pt,q*sw+v-pl] * dz[n,o,p,q] for u<kh, v<kw",
    source="Neural Network Forward and Backward Propagation, Gradients for Convolutional Kernel Weights",
    convolves=True,
)
def conv2d_dW(x: Array, dz: Array, *, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """dW (O, C, kh, kw) of x (N, C, H, W) and dz (N, O, P, Q)."""
    N, O, P, Q = dz.shape
    of_samples = dz.reshape((N, O, P * Q)) @ columns(x, (P, Q), (kh, kw), (sh, sw), pt, pl).mT
    return namespace(x).sum(of_samples, axis=0).reshape((O, x.shape[1], kh, kw))


@rule(
    "db[o] = sum_{n,p,q} dz[n,o,p,q]",
    source="LeCun et al., 1998, Gradient-based learning applied to document recognition",
)
def conv2d_db(dz: Array) -> Array:
    """db (O,) of dz (N, O, P, Q): the bias stands at every position, so its gradient sums over them all."""
    return namespace(dz).sum(dz, axis=(0, 2, 3))


@rule(
    "dx[n,c,p*sh+u-pt,q*sw+v-pl] += sum_o dz[n,o,p,q] * W[o,c,u,v]",
    source="Dumoulin and Visin, arXiv:1603.07285, 4 (transposed convolution)",
    convolves=True,
)
def conv2d_dx(dz: Array, W: Array, *, height: int, width: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    """dx (N, C, height, width) of dz (N, O, P, Q) and W (O, C, kh, kw): every window gets back its share."""
    N, O, P, Q = dz.shape
    _, C, kh, kw = W.shape
    shares = W.reshape((O, C * kh * kw)).T @ dz.reshape((N, O, P * Q))
    return add_windows(shares.reshape((N, C, kh * kw, P, Q)), (height, width), (kh, kw), (sh, sw), pt, pl)


@mistake(
    conv2d_dW,
    "dW[o,c,u,v] = sum_{n,p,q} x[n,c,p*sh+kh-1-u-pt,q*sw+kw-1-v-pl] * dz[n,o,p,q] for u<kh, v<kw",
    "the kernel's gradient is flipped",
)
def conv2d_dW_flipped(x: Array, dz: Array, *, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    return namespace(x).flip(conv2d_dW(x, dz, kh=kh, kw=kw, sh=sh, sw=sw, pt=pt, pl=pl), axis=(2, 3))


@mistake(
    conv2d_dW,
    "dW[o,c,u,v] = -sum_{n,p,q} x[n,c,p*sh+u-pt,q*sw+v-pl] * dz[n,o,p,q] for u<kh, v<kw",
    "the sign is flipped",
)
def conv2d_dW_negative(x: Array, dz: Array, *, kh: int, kw: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    return -conv2d_dW(x, dz, kh=kh, kw=kw, sh=sh, sw=sw, pt=pt, pl=pl)


@mistake(conv2d_db, "db[o] = mean_{n,p,q} dz[n,o,p,q]", "averaged over samples and positions instead of summed")
def conv2d_db_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=(0, 2, 3))


@mistake(conv2d_db, "db[o] = sum_n dz[n,o,0,0]", "not summed over the positions")
def conv2d_db_one_position(dz: Array) -> Array:
    return namespace(dz).sum(dz[:, :, 0, 0], axis=0)


@mistake(
    conv2d_dx,
    "dx[n,c,p*sh+|u|-1-u-pt,q*sw+|v|-1-v-pl] += sum_o dz[n,o,p,q] * W[o,c,u,v]",
    "the kernel is flipped",
)
def conv2d_dx_flipped(dz: Array, W: Array, *, height: int, width: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    turned = namespace(W).flip(W, axis=(2, 3))
    return conv2d_dx(dz, turned, height=height, width=width, sh=sh, sw=sw, pt=pt, pl=pl)


@mistake(conv2d_dx, "dx[n,c,p*sh+u-pt,q*sw+v-pl] += -sum_o dz[n,o,p,q] * W[o,c,u,v]", "the sign is flipped")
def conv2d_dx_negative(dz: Array, W: Array, *, height: int, width: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    return -conv2d_dx(dz, W, height=height, width=width, sh=sh, sw=sw, pt=pt, pl=pl)


@mistake(
    conv2d_dW,
    "dW[o,c,u,v] = sum_{n,p,q} x[n,c,p+u-pt,q+v-pl] * dz[n,o,p,q] for u<kh, v<kw",
    "the stride is forgotten",
)
def conv2d_dW_stride_forgotten(x: Array, dz: Array, *, kh: int, kw: int, pt: int, pl: int) -> Array:
    return conv2d_dW(x, dz, kh=kh, kw=kw, sh=1, sw=1, pt=pt, pl=pl)


@mistake(
    conv2d_dW,
    "dW[o,c,u,v] = sum_{n,p,q} x[n,c,p*sh+u,q*sw+v] * dz[n,o,p,q] for u<kh, v<kw",
    "the padding is forgotten",
)
def conv2d_dW_padding_forgotten(x: Array, dz: Array, *, kh: int, kw: int, sh: int, sw: int) -> Array:
    return conv2d_dW(x, dz, kh=kh, kw=kw, sh=sh, sw=sw, pt=0, pl=0)


@mistake(conv2d_dx, "dx[n,c,p+u-pt,q+v-pl] += sum_o dz[n,o,p,q] * W[o,c,u,v]", "the stride is forgotten")
def conv2d_dx_stride_forgotten(dz: Array, W: Array, *, height: int, width: int, pt: int, pl: int) -> Array:
    return conv2d_dx(dz, W, height=height, width=width, sh=1, sw=1, pt=pt, pl=pl)


@mistake(conv2d_dx, "dx[n,c,p*sh+u,q*sw+v] += sum_o dz[n,o,p,q] * W[o,c,u,v]", "the padding is forgotten")
def conv2d_dx_padding_forgotten(dz: Array, W: Array, *, height: int, width: int, sh: int, sw: int) -> Array:
    return conv2d_dx(dz, W, height=height, width=width, sh=sh, sw=sw, pt=0, pl=0)


@mistake(
    conv2d_dx,
    "dx[n,c,p*sh+u-pt,q*sw+v-pl] += sum_o dz[n,o,p,q] * W_new[o,c,u,v]",
    "the already updated kernels carry the error back",
)
def conv2d_dx_updated(dz: Array, W_new: Array, *, height: int, width: int, sh: int, sw: int, pt: int, pl: int) -> Array:
    return conv2d_dx(dz, W_new, height=height, width=width, sh=sh, sw=sw, pt=pt, pl=pl)


operation = Operation("convolution", (conv2d,), (conv2d_dW, conv2d_db, conv2d_dx), input="x", output="z")
