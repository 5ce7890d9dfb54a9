"""What a gate keeps of a value of the step before: their product, and what comes back through it."""

from __future__ import annotations

from .rule import Array, mistake, rule

SOURCE = "the product rule"


@rule("p[n,t,u] = a[n,t,u] * m[n,t-1,u]", source=SOURCE, stepwise=True)
def kept(a: Array, m: Array) -> Array:
    """The part p (N, H) that a gate a (N, H) keeps of the m (N, H) of the step before."""
    return a * m


@rule("da[n,t,u] = dp[n,t,u] * m[n,t-1,u]", source=SOURCE, stepwise=True)
def kept_da(dp: Array, m: Array) -> Array:
    """da (N, H) of dp (N, H) and the m (N, H) of the step before."""
    return dp * m


@rule("dm[n,t,u] = dp[n,t+1,u] * a[n,t+1,u]", source=SOURCE, stepwise=True)
def kept_dm(dp: Array, a: Array) -> Array:
    """dm (N, H) of the dp and a (N, H) of the step after: what that step keeps, it gives back."""
    return dp * a


@mistake(kept_da, "da[n,t,u] = dp[n,t,u] * m[n,t,u]", "the same step's {m} is taken, not the one before")
def kept_da_of_the_same_step(dp: Array, m: Array) -> Array:
    return dp * m


@mistake(kept_da, "da[n,t,u] = dp[n,t,u]", "the {m} of the step before is left out")
def kept_da_alone(dp: Array) -> Array:
    return dp * 1


@mistake(kept_dm, "dm[n,t,u] = dp[n,t+1,u] * 0", "nothing comes back from the step after: no recurrence")
def kept_dm_left_out(dp: Array) -> Array:
    return dp * 0


@mistake(kept_dm, "dm[n,t,u] = dp[n,t+1,u]", "{a} is left out on the way through time")
def kept_dm_alone(dp: Array) -> Array:
    return dp * 1


@mistake(kept_dm, "dm[n,t,u] = dp[n,t+1,u] * a[n,t,u]", "the same step's {a} is taken, not that of the step after")
def kept_dm_of_the_same_step(dp: Array, a: Array) -> Array:
    return dp * a
