"""The embedding: every id stands for a row of a table of weights."""

from __future__ import annotations

from .arrays import counted, namespace, on_numpy, zeros
from .rule import Array, Operation, mistake, rule

SOURCE = "Bengio et al., 2003, A Neural Probabilistic Language Model, JMLR 3"


@rule("e[n,t,d] = W[x[n,t],d]", source=SOURCE, exact=True)
def embedding(x: Array, W: Array) -> Array:
    """e (N, T, D) of ids x (N, T), whole numbers from 0 to V - 1, and the table W (V, D)."""
    xp = namespace(W)
    return W[x] if on_numpy(xp) else xp.take(W, x.reshape((-1,)), axis=0).reshape((*x.shape, W.shape[1]))


@rule("dW[x[n,t],d] += de[n,t,d]", shape_of="W", source=SOURCE)
def embedding_dW(x: Array, de: Array, W: Array) -> Array:
    """dW (V, D) of ids x (N, T) and de (N, T, D): an id's row gets what comes back from all its places."""
    xp = namespace(W)
    if on_numpy(xp):
        dW = zeros(W.shape, de)
        xp.add.at(dW, x, de)
        return dW
    chosen = x.reshape((-1, 1)) == counted(W.shape[0], W)
    return xp.astype(chosen, de.dtype).T @ de.reshape((-1, de.shape[2]))


@mistake(
    embedding_dW,
    "dW[x[n,t],d] = de[n,t,d]",
    "an id that occurs again overwrites what came back before: assigned, not added",
)
def embedding_dW_overwritten(x: Array, de: Array, W: Array) -> Array:
    xp = namespace(W)
    flat, rows = x.reshape((-1,)), de.reshape((-1, de.shape[2]))
    places = counted(flat.shape[0], W)
    last = xp.max(xp.where(flat == counted(W.shape[0], W)[:, None], places, -1), axis=1)
    return xp.where((last >= 0)[:, None], xp.take(rows, xp.clip(last, 0, None), axis=0), 0)


@mistake(embedding_dW, "dW[x[n,t],d] += -de[n,t,d]", "the sign is flipped")
def embedding_dW_negative(x: Array, de: Array, W: Array) -> Array:
    return -embedding_dW(x, de, W)


operation = Operation("embedding", (embedding,), (embedding_dW,), input="x", output="e")
