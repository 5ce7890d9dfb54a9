"""Global average-pooling: the mean over all steps of a sequence, or over all pixels of an image."""

from __future__ import annotations

from .arrays import namespace, zeros
from .rule import Array, Operation, mistake, rule

SOURCE = "Lin, Chen and Yan, 2013, Network in Network, 3.2"


@rule("p[n,d] = mean_t z[n,t,d]", source=SOURCE)
def global_avg_pool1d(z: Array) -> Array:
    """p (N, D) of z (N, T, D)."""
    return namespace(z).mean(z, axis=1)


@rule("dz[n,t,d] = dp[n,d] / |t|", shape_of="z", source=SOURCE)
def global_avg_pool1d_dz(dp: Array, z: Array) -> Array:
    """dz (N, T, D) of dp (N, D): every step moves the mean equally."""
    return dp[:, None] / z.shape[1] + zeros(z.shape, z)


@mistake(global_avg_pool1d_dz, "dz[n,t,d] = dp[n,d]", "the division by the number of steps is left out")
def global_avg_pool1d_dz_undivided(dp: Array, z: Array) -> Array:
    return dp[:, None] + zeros(z.shape, z)


@mistake(
    global_avg_pool1d_dz, "dz[n,t,d] = dp[n,d] * [t = |t|-1]", "what comes back is given to the last step, not to all"
)
def global_avg_pool1d_dz_of_the_last_step(dp: Array, z: Array) -> Array:
    before = zeros((z.shape[0], z.shape[1] - 1, z.shape[2]), z)
    return namespace(z).concat((before, dp[:, None]), axis=1)


@rule("count[n] = sum_t keep[n,t]", shape_of="z")
def kept(keep: Array, z: Array) -> Array:
    """count (N,), how many steps of keep (N, T) count, of the type of z (N, T, D)."""
    return namespace(z).sum(keep, axis=1, dtype=z.dtype)


@rule(
    "p[n,d] = (sum_t keep[n,t] * z[n,t,d]) / count[n]",
    source="Reimers and Gurevych, 2019, Sentence-BERT, 3 (the mean over the tokens that are no padding)",
)
def masked_avg_pool1d(z: Array, keep: Array, count: Array) -> Array:
    """p (N, D) of z (N, T, D), keep (N, T), 1 where a step counts and else 0, and count (N,)."""
    xp = namespace(z)
    return xp.sum(xp.where(keep[:, :, None] > 0, z, 0.0), axis=1) / count[:, None]


@rule("dz[n,t,d] = dp[n,d] * keep[n,t] / count[n]")
def masked_avg_pool1d_dz(dp: Array, keep: Array, count: Array) -> Array:
    """dz (N, T, D) of dp (N, D), keep (N, T) and count (N,): steps that count move the mean equally, the others not."""
    return namespace(dp).where(keep[:, :, None] > 0, (dp / count[:, None])[:, None], 0.0)


@mistake(masked_avg_pool1d, "p[n,d] = mean_t z[n,t,d]", "the mask {keep} is left out")
def masked_avg_pool1d_of_all(z: Array) -> Array:
    return namespace(z).mean(z, axis=1)


@mistake(
    masked_avg_pool1d,
    "p[n,d] = mean_t (keep[n,t] * z[n,t,d])",
    "it is divided by the number of all steps, padding too, not of those that count",
)
def masked_avg_pool1d_by_all(z: Array, keep: Array) -> Array:
    xp = namespace(z)
    return xp.mean(xp.where(keep[:, :, None] > 0, z, 0.0), axis=1)


@mistake(masked_avg_pool1d_dz, "dz[n,t,d] = dp[n,d] * [keep[n,t] >= 0] / count[n]", "the mask {keep} is left out")
def masked_avg_pool1d_dz_of_all(dp: Array, keep: Array, count: Array) -> Array:
    return namespace(dp).where(keep[:, :, None] >= 0, (dp / count[:, None])[:, None], 0.0)


@mistake(
    masked_avg_pool1d_dz,
    "dz[n,t,d] = dp[n,d] * keep[n,t] / |t|",
    "it is divided by the number of all steps, padding too, not of those that count",
)
def masked_avg_pool1d_dz_by_all(dp: Array, keep: Array) -> Array:
    return namespace(dp).where(keep[:, :, None] > 0, dp[:, None] / keep.shape[1], 0.0)


@mistake(
    masked_avg_pool1d_dz,
    "dz[n,t,d] = dp[n,d] * keep[n,t]",
    "the division by the number of steps that count is left out",
)
def masked_avg_pool1d_dz_undivided(dp: Array, keep: Array) -> Array:
    return namespace(dp).where(keep[:, :, None] > 0, dp[:, None], 0.0)


@rule("p[n,c] = mean_{i,j} z[n,c,i,j]", source=SOURCE)
def global_avg_pool2d(z: Array) -> Array:
    """p (N, C) of z (N, C, H, W)."""
    return namespace(z).mean(z, axis=(2, 3))


@rule("dz[n,c,i,j] = dp[n,c] / (|i| * |j|)", shape_of="z", source=SOURCE)
def global_avg_pool2d_dz(dp: Array, z: Array) -> Array:
    """dz (N, C, H, W) of dp (N, C): every pixel moves the mean equally."""
    return dp[:, :, None, None] / (z.shape[2] * z.shape[3]) + zeros(z.shape, z)


@mistake(global_avg_pool2d_dz, "dz[n,c,i,j] = dp[n,c]", "the division by the number of pixels is left out")
def global_avg_pool2d_dz_undivided(dp: Array, z: Array) -> Array:
    return dp[:, :, None, None] + zeros(z.shape, z)


of_sequences = Operation(
    "global average-pooling of sequences", (global_avg_pool1d,), (global_avg_pool1d_dz,), input="z", output="p"
)
of_masked_sequences = Operation(
    "global average-pooling of sequences, padding",
    (kept, masked_avg_pool1d),
    (masked_avg_pool1d_dz,),
    input="z",
    output="p",
    others=("keep",),
)
of_images = Operation(
    "global average-pooling of images", (global_avg_pool2d,), (global_avg_pool2d_dz,), input="z", output="p"
)
