"""The index formulas of the rules: a tiny language that states a rule for one element.

    z[n,o] = sum_i x[n,i] * W[i,o] + b[o]
    dx[n,c,p*sh+u-pt,q*sw+v-pl] += sum_o dz[n,o,p,q] * W[o,c,u,v]
    dz[n,c,i*sh+u-pt,j*sw+v-pl] += dp[n,c,i,j] * [win[n,c,i,j] = u*kw+v] for u<kh, v<kw

What it knows:

- an array element with affine indices; a term with an element outside its array is 0 (zero padding), and is
  passed over by `max` and `argmax`;
- `+ - * / ^`, numbers, named options, and the functions in `FUNCTIONS`;
- `sum_i`, `mean_i`, `max_i`, `argmax_{u,v}` (the first winner, counted row by row), each reaching over
  the product that follows it;
- `[a > b]`, the indicator: 1 where the comparison holds, else 0;
- `|n|`, how many values the index n takes; `...`, any number of further indices; `#...`, the position
  that they have, counted row by row;
- on the left `+=` or an affine index: the terms are added where they fall;
- `for u<kh`: the range of an index that no array gives.

The formula is parsed once into a tree. From this tree come the shape check, the slow oracle in the tests,
and every later reading (explanation, mathematics, compiled loops).
"""

from __future__ import annotations

from .formula import Formula
from .nodes import Shape, Size

__all__ = ["Formula", "Shape", "Size"]
