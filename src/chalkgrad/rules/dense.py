"""The dense (fully connected) layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

from .arrays import namespace
from .rule import Array, Operation, mistake, rule


@rule(
    "z[n,o] = sum_i x[n,i] * W[i,o] + b[o]",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (1); Neural Network from Scratch, 5.4",
    weighted=True,
    product=True,
)
def dense(x: Array, W: Array, b: Array = None) -> Array:
    """Pre-activation z (N, O) of x (N, I), weights W (I, O) and bias b (O,)."""
    return x @ W if b is None else x @ W + b


@rule(
    "dW[i,o] = sum_n x[n,i] * dz[n,o]",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (6); Neural Network from Scratch, 6.4 (matrix form)",
    product=True,
)
def dense_dW(x: Array, dz: Array) -> Array:
    """dW (I, O) of x (N, I) and dz (N, O)."""
    return x.T @ dz


@rule("db[o] = sum_n dz[n,o]", source="Neural Network from Scratch, 6.3")
def dense_db(dz: Array) -> Array:
    """db (O,) of dz (N, O)."""
    return namespace(dz).sum(dz, axis=0)


@rule(
    "dx[n,i] = sum_o dz[n,o] * W[i,o]",
    source="Rumelhart, Hinton and Williams, 1986, Nature 323, (7); Neural Network from Scratch, 6.2 (scalar form)",
    product=True,
)
def dense_dx(dz: Array, W: Array) -> Array:
    """dx (N, I) of dz (N, O) and W (I, O)."""
    return dz @ W.T


@mistake(dense_dW, "dW[i,o] = sum_n dz[n,i] * x[n,o]", "the two factors are crossed: the result is the transpose")
def dense_dW_crossed(x: Array, dz: Array) -> Array:
    return dz.T @ x


@mistake(dense_dW, "dW[i,o] = -sum_n x[n,i] * dz[n,o]", "the sign is flipped")
def dense_dW_negative(x: Array, dz: Array) -> Array:
    return -(x.T @ dz)


@mistake(dense_dW, "dW[i,o] = sum_n x[n,i] * dz[n,o] / |n|", "1/N is taken twice")
def dense_dW_averaged(x: Array, dz: Array) -> Array:
    return x.T @ dz / dz.shape[0]


@mistake(dense_dW, "dW[i,o] = sum_n x[n,i] * dz[n,o] * |n|", "1/N is left out")
def dense_dW_summed(x: Array, dz: Array) -> Array:
    return x.T @ dz * dz.shape[0]


@mistake(dense_db, "db[o] = mean_n dz[n,o]", "averaged over the samples where the weights' gradient is summed")
def dense_db_averaged(dz: Array) -> Array:
    return namespace(dz).mean(dz, axis=0)


@mistake(dense_db, "db[o] = -sum_n dz[n,o]", "the sign is flipped")
def dense_db_negative(dz: Array) -> Array:
    return -namespace(dz).sum(dz, axis=0)


@mistake(dense_dx, "dx[n,i] = sum_o dz[n,o] * W[o,i]", "the transpose of {W} is left out")
def dense_dx_untransposed(dz: Array, W: Array) -> Array:
    return dz @ W


@mistake(dense_dx, "dx[n,i] = -sum_o dz[n,o] * W[i,o]", "the sign is flipped")
def dense_dx_negative(dz: Array, W: Array) -> Array:
    return -(dz @ W.T)


@mistake(dense_dW, "dW[i,o] = sum_n x[n,i] * dz[n,|o|-1-o]", "the errors of different outputs are crossed")
def dense_dW_outputs_crossed(x: Array, dz: Array) -> Array:
    return x.T @ namespace(dz).flip(dz, axis=1)


@mistake(dense_dx, "dx[n,i] = sum_o dz[n,|o|-1-o] * W[i,o]", "the errors of different outputs are crossed")
def dense_dx_outputs_crossed(dz: Array, W: Array) -> Array:
    return namespace(dz).flip(dz, axis=1) @ W.T


@mistake(dense_dx, "dx[n,i] = sum_o dz[n,o] * W_new[i,o]", "the already updated weights carry the error back")
def dense_dx_updated(dz: Array, W_new: Array) -> Array:
    return dz @ W_new.T


@mistake(
    dense_dx,
    "dx[n,i] = sum_o dz[n,o] * W[i,o] * (1 - [o = k])",
    "the path through output {k} is dropped",
    varies={"k": "o"},
)
def dense_dx_without_path(dz: Array, W: Array, *, k: int) -> Array:
    return dz @ W.T - dz[:, k : k + 1] @ W[:, k : k + 1].T


operation = Operation("dense", (dense,), (dense_dW, dense_db, dense_dx), input="x", output="z")


@rule(
    "z[n,o] = sum_i x[n,i] * W[o,i] + b[o]",
    source="Press and Wolf, arXiv:1608.05859 (tied weights)",
    weighted=True,
    product=True,
)
def dense_transposed(x: Array, W: Array, b: Array = None) -> Array:
    """Pre-activation z (N, O) of x (N, I), another layer's weights W (O, I), transposed, and bias b (O,)."""
    return x @ W.T if b is None else x @ W.T + b


@rule("dW[o,i] = sum_n dz[n,o] * x[n,i]", source="Press and Wolf, arXiv:1608.05859 (tied weights)", product=True)
def dense_transposed_dW(dz: Array, x: Array) -> Array:
    """dW (O, I) of dz (N, O) and x (N, I)."""
    return dz.T @ x


@rule("dx[n,i] = sum_o dz[n,o] * W[o,i]", source="Press and Wolf, arXiv:1608.05859 (tied weights)", product=True)
def dense_transposed_dx(dz: Array, W: Array) -> Array:
    """dx (N, I) of dz (N, O) and W (O, I)."""
    return dz @ W


@mistake(dense_transposed_dW, "dW[o,i] = -sum_n dz[n,o] * x[n,i]", "the sign is flipped")
def dense_transposed_dW_negative(dz: Array, x: Array) -> Array:
    return -(dz.T @ x)


@mistake(dense_transposed_dx, "dx[n,i] = -sum_o dz[n,o] * W[o,i]", "the sign is flipped")
def dense_transposed_dx_negative(dz: Array, W: Array) -> Array:
    return -(dz @ W)


transposed = Operation(
    "dense with transposed weights",
    (dense_transposed,),
    (dense_transposed_dW, dense_db, dense_transposed_dx),
    input="x",
    output="z",
)
