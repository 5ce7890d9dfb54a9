"""The worked examples of our own that run over time: a recurrent network, an LSTM and a GRU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..examples.example import load_example
from ..explain.trace import Trace
from .figure import Replay
from .own_pass import Slip, replay_of

Array = np.ndarray[Any, Any]
RNN = (
    "Three steps of a recurrent network by hand, an example of our own; the figures are PyTorch's. The last sections "
    "have what comes out where nothing is carried back from step to step, and where it is carried back without tanh'."
)
LSTM = (
    "Three steps of a long short-term memory by hand, an example of our own; the figures are PyTorch's. The last "
    "sections have what comes out where nothing is carried back from step to step, and where a step's own h1 is taken "
    "for the one before it."
)
GRU = (
    "Three steps of a gated recurrent unit by hand, an example of our own; the figures are PyTorch's. The last "
    "sections have what comes out where nothing is carried back from step to step, and where Un1 gets h1 without the "
    "gate r1."
)
NO_RECURRENCE = "nothing comes back from the step after: no recurrence in the backward pass"
RNN_FORWARD = """
z1 0.500000000 -0.200000000 0.474321927 -0.122213476 -0.299004384 0.371203298
h1 0.462117157 -0.197375320 0.441684729 -0.121608624 -0.290401223 0.355043777
y_hat 0.660804817 0.602489041 -0.367923111
L 0.094442272
"""
RNN_BACKWARD = """
dy_hat 0.160804817 0.402489041 0.032076889
dW2 0.242768760 -0.069296341
db2 0.595370747
dh1 0.272489779 -0.274266870 0.412836072 -0.215528891 0.032076889 -0.016038444
dz1 0.214298969 -0.263582251 0.332297782 -0.212341508 0.029371752 -0.014016701
dU1 0.166533561 -0.104317617 -0.069159239 0.043615525
dW1 0.351076108 -0.355736304
db1 0.575968503 -0.489940460
dx 0.186224160 0.229851343 0.018890886
"""
RNN_UPDATE = """
W1_new 0.464892389 -0.264426370
U1_new 0.383346644 0.110431762 -0.193084076 0.595638448
b1_new -0.057596850 0.148994046
W2_new 0.975723124 -0.493070366
b2_new 0.040462925
"""
RNN_LOSS = "0.005273985"
RNN_CUT = """
dz1 0.126464584 -0.077270171 0.323969305 -0.198268384 0.029371752 -0.014016701
dU1 0.162684829 -0.097814185 -0.067515404 0.040837837
dW1 0.259077484 -0.162387662
db1 0.479805642 -0.289555256
"""
RNN_NO_SLOPE = """
dh1 0.304562902 -0.293515378 0.413715952 -0.217282965 0.032076889 -0.016038444
dz1 0.239522804 -0.282080894 0.333006010 -0.214069641 0.029371752 -0.014016701
dU1 0.166860845 -0.105116217 -0.069299026 0.043956616
"""
LSTM_FORWARD = """
i1 0.645656306 0.425557483 0.415328201 0.555490042 0.770820705 0.325151654
f1 0.785834983 0.817574476 0.679759080 0.694625764 0.826376399 0.886356969
g1 0.664036770 -0.664036770 -0.313509831 0.302432630 0.930544242 -0.905744255
o1 0.500000000 0.598687660 0.603268677 0.447934849 0.454438026 0.693277127
c1 0.428739528 -0.282585817 0.161230113 -0.028293075 0.850519529 -0.319582007
h1 0.202133688 -0.164816689 0.096430943 -0.012670074 0.314171542 -0.214312010
y_hat 0.618497599
L 0.072772041
"""
LSTM_BACKWARD = """
dy_hat -0.381502401
dW2 -0.119857198 0.081760546
db2 -0.381502401
dh1 -0.040376254 -0.070158130 -0.005517692 0.003644485 -0.343352161 0.419652641
do1 -0.016322802 0.019314296 -0.000881989 -0.000103086 -0.237373353 -0.129726768
dc1 -0.064850626 0.124321334 -0.070557185 0.234861462 -0.081456326 0.263133573
dzi1 -0.009852182 -0.020180996 0.005371505 0.017538731 -0.013390309 -0.052296666
dzf1 0.000000000 0.000000000 -0.006585164 -0.014078144 -0.001884333 -0.000749908
dzg1 -0.023408319 0.029577302 -0.026424107 0.118530322 -0.008419110 0.015368613
dzo1 -0.004080701 0.004640467 -0.000211091 -0.000025492 -0.058850576 -0.027585613
dUi1 -0.000205478 -0.001497848 -0.000715657 -0.002228073
dUf1 -0.001512792 -0.002917981 0.001109220 0.002329814
dUg1 -0.006153065 0.025440981 0.004461805 -0.019730497
dUo1 -0.005717685 -0.002665259 0.000780433 0.000353713
dWi1 -0.039318552 -0.133543695
dWf1 -0.000476084 0.005539256
dWg1 -0.027034487 0.001049368
dWo1 -0.121676308 -0.050518012
dbi1 -0.017870985 -0.054938931
dbf1 -0.008469497 -0.014828052
dbg1 -0.058251537 0.163476237
dbo1 -0.063142368 -0.022970638
dx -0.034597351 -0.116885700 -0.004813220
"""
LSTM_UPDATE = """
Ui1_new 0.200020548 -0.299850215 0.500071566 0.100222807
Uf1_new -0.399848721 0.600291798 0.099889078 0.299767019
Ug1_new 0.700615306 -0.102544098 0.399553820 -0.498026950
Uo1_new 0.100571769 0.200266526 -0.600078043 0.299964629
W2_new 0.911985720 -1.108176055
b2_new 0.138150240
"""
LSTM_LOSS = "0.001539320"
LSTM_CUT = """
dUi1 -0.001291240 -0.005043017 0.000169656 0.000662603
dUf1 -0.000181708 -0.000072314 0.000023875 0.000009501
dUg1 -0.000811863 0.001482010 0.000106671 -0.000194721
dUo1 -0.005675017 -0.002660107 0.000745641 0.000349512
"""
LSTM_SAME_STEP = """
dUi1 -0.005680332 -0.018818107 0.004425451 0.014311752
dUf1 -0.001227017 -0.001593168 0.000487270 0.000339085
dUg1 -0.009924756 0.022236941 0.005997194 -0.009670299
dUo1 -0.019334379 -0.007731078 0.013287627 0.005147425
"""
GRU_FORWARD = """
r1 0.645656306 0.354343694 0.502987903 0.623109952 0.738933076 0.235210713
z1 0.425557483 0.645656306 0.588424266 0.507696083 0.353588080 0.718722968
n1 0.664036770 -0.604367777 -0.613374100 0.494920351 0.939244111 -0.904722462
h1 0.381450954 -0.214153911 -0.027994898 0.134926126 0.597239926 -0.157503144
y_hat 0.766795714
L 0.027192120
"""
GRU_BACKWARD = """
dy_hat -0.233204286
dW2 -0.139278911 0.036730408
db2 -0.233204286
dh1 -0.008415544 0.111810411 -0.044663966 0.174501084 -0.186563429 0.279845143
dz1 0.005588231 0.067574609 -0.044432833 -0.123734227 0.180451426 0.290940608
dn1 -0.004834246 0.039619314 -0.018382605 0.085907567 -0.120596824 0.078714011
dzn1 -0.002702610 0.025147947 -0.011466558 0.064864839 -0.014208778 0.014284804
dr1 0.000000000 0.000000000 0.013683556 -0.003591937 -0.000319283 -0.000762751
dzr1 0.000000000 0.000000000 0.003420767 -0.000843545 -0.000061593 -0.000137209
dzz1 0.001366089 0.015460006 -0.010760795 -0.030926228 0.041244619 0.058816630
dUr1 0.001306579 -0.000317930 -0.000740881 0.000162135
dUz1 -0.005259354 -0.013443405 0.007869443 0.014558873
dUn1 -0.001906106 0.012149806 0.001079183 -0.008202314
dWr1 -0.001833570 0.000147355
dWz1 0.089235724 0.148556380
dWn1 -0.025386888 0.021285135
dbr1 0.003359174 -0.000980753
dbz1 0.031849913 0.043350408
dbn1 -0.028377947 0.104297590
dx -0.016776532 -0.069137516 -0.013010948
"""
GRU_UPDATE = """
Ur1_new 0.199869342 0.700031793 -0.399925912 0.299983786
Uz1_new 0.600525935 -0.198655660 0.099213056 -0.501455887
Un1_new -0.299809389 0.498785019 0.799892082 0.400820231
W2_new 0.813927891 -1.203673041
b2_new 0.123320429
"""
GRU_LOSS = "0.000146515"
GRU_CUT = """
dUr1 0.000001724 0.000003841 -0.000008311 -0.000018513
dUz1 -0.001154639 -0.001646566 0.005564977 0.007935900
dUn1 0.000293928 -0.000295501 -0.000450931 0.000453344
"""
GRU_UNRESET = """
dUn1 -0.003976156 0.024342853 0.000538473 -0.011963666
"""


def rnn() -> Replay:
    """The figures of the recurrent network."""
    trace = load_example("rnn").trace()
    h, U = trace["h1"], trace["U1"]
    own = trace["dh1_from_y_hat"]
    slope = 1 - h**2
    alone = own * slope
    dh = own.copy()
    for t in reversed(range(h.shape[1] - 1)):
        dh[:, t] += dh[:, t + 1] @ U.T
    slips = (
        Slip(
            "Nothing carried back", NO_RECURRENCE, RNN_CUT,
            {
                "dz1": alone, "dU1": _of_the_step_before(h, alone), "dW1": _of_the_step(trace["x"], alone),
                "db1": alone.sum(axis=(0, 1)),
            },
        ),
        Slip(
            "Carried back without tanh'", "the derivative of tanh is left out on the way through time", RNN_NO_SLOPE,
            {"dh1": dh, "dz1": dh * slope, "dU1": _of_the_step_before(h, dh * slope)},
        ),
    )  # fmt: skip
    return replay_of("rnn", RNN, RNN_FORWARD, RNN_BACKWARD, RNN_UPDATE, RNN_LOSS, slips)


def lstm() -> Replay:
    """The figures of the LSTM."""
    trace = load_example("lstm").trace()
    cut = {f"dU{gate}1": _of_the_step_before(trace["h1"], _last(trace, f"dz{gate}1")) for gate in "ifgo"}
    same = {f"dU{gate}1": _of_the_step(trace["h1"], trace[f"dz{gate}1"]) for gate in "ifgo"}
    slips = (
        Slip("Nothing carried back", NO_RECURRENCE, LSTM_CUT, cut),
        Slip("The wrong step's h", "the same step's h1 is taken, not the one before", LSTM_SAME_STEP, same),
    )
    return replay_of("lstm", LSTM, LSTM_FORWARD, LSTM_BACKWARD, LSTM_UPDATE, LSTM_LOSS, slips)


def gru() -> Replay:
    """The figures of the GRU."""
    trace = load_example("gru").trace()
    h, rh = trace["h1"], trace["rh1"]
    cut = {f"dU{gate}1": _of_the_step_before(h, _last(trace, f"dz{gate}1")) for gate in "rz"}
    cut["dUn1"] = _of_the_step(rh, _last(trace, "dzn1"))
    slips = (
        Slip("Nothing carried back", NO_RECURRENCE, GRU_CUT, cut),
        Slip(
            "Without the reset", "the gate r1 is left out: Un1 met r1 h1, not h1", GRU_UNRESET,
            {"dUn1": _of_the_step_before(h, trace["dzn1"])},
        ),
    )  # fmt: skip
    return replay_of("gru", GRU, GRU_FORWARD, GRU_BACKWARD, GRU_UPDATE, GRU_LOSS, slips)


def _of_the_step(values: Array, dz: Array) -> Array:
    """The gradient of a matrix that met the values of each step."""
    return np.einsum("nti,ntu->iu", values, dz)


def _of_the_step_before(values: Array, dz: Array) -> Array:
    """The gradient of a matrix that met the values of the step before."""
    return _of_the_step(values[:, :-1], dz[:, 1:])


def _last(trace: Trace, name: str) -> Array:
    """A derivative where nothing is carried back: only the last step, which the output reads, has one."""
    alone = np.zeros_like(trace[name])
    alone[:, -1] = trace[name][:, -1]
    return alone
