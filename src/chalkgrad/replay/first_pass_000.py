"""The figures that the convolutional network's notebook prints of the first of its two passes by hand."""

from __future__ import annotations

from collections.abc import Mapping

from .figure import Section, Value, figures

WEIGHTS = """
w_conv 1.76405235 0.40015721 0.97873798 2.2408932
w_1 1.8675579901499675
w_2 -0.977277879876411
w_3 0.9500884175255894
w_4 -0.1513572082976979
w_5 -0.10321885179355784
w_6 0.41059850193837233
w_7 0.144043571160878
w_8 1.454273506962975
w_9 0.7610377251469934
w_10 0.12167501649282841
w_11 0.44386323274542566
w_12 0.33367432737426683
"""
FORWARD = """
feature_map 3.04065716 3.03959951 3.42594746 2.30335656 1.50955823 3.0357556 2.08794513 1.71751519 \
0.75649298 2.5634734 3.83800314 1.52495626 2.00271675 2.15717747 2.86519773 2.71454537
pooled_feature_map 3.04065716 3.42594746 2.5634734 3.83800314
flattened_features 3.04065716 3.42594746 2.5634734 3.83800314
sigmoid_features 0.95437745 0.96850569 0.92847347 0.97891748
H1_output 0.8277581918035074
H2_output 0.8648898321761768
O1_output 0.6759432999019798
O2_output 0.6583619381178293
"""
ERRORS = """
E1 0.45689934468237775
E2 0.1167165653266059
E 0.5736159100089837
"""
SUMMARY = """
feature_map 3.0406497 3.03959311 3.42594019 2.30335449 1.5095541 3.03575084 2.08794019 1.71751325 \
0.75649146 2.56346646 3.83799727 1.52495424 2.00271472 2.15717056 2.8651923 2.71454182
pooled_feature_map 3.0406497 3.42594019 2.56346646 3.83799727
flattened_features 3.0406497 3.42594019 2.56346646 3.83799727
sigmoid_features 0.95437713 0.96850547 0.92847301 0.97891736
H1_output 0.8277317284803233
H2_output 0.8648932569716911
O1_output 0.6759177984208319
O2_output 0.6583397696237019
"""
OUTPUT_LAYER = """
dE1_dO1 1.3518865998039595
dO1_dnetO1 0.21904395521960202
dnetO1_dw9 0.8277581918035074
dE2_dO1 -0.6481134001960405
dnetO1_dw10 0.8648898321761768
dE1_dO2 1.3167238762356586
dO2_dnetO2 0.22492149655556481
dnetO2_dw11 0.8277581918035074
dE2_dO2 -0.6832761237643414
dnetO2_dw12 0.8648898321761768
grad_w_9 0.24511789785387136
grad_w_10 -0.12278436404679686
grad_w_11 0.24514845617318098
grad_w_12 -0.13291928641939774
updated_w_9 0.7607926072491396
updated_w_10 0.12179780085687521
updated_w_11 0.4436180842892525
updated_w_12 0.33380724666068623
"""
HIDDEN_LAYER = """
dE_dH1 0.35323638354339076
dE_dH2 -0.06905569216708796
grad_w_1 0.048064857946680715
grad_w_2 0.04877639171724259
grad_w_3 0.046760268132586026
grad_w_4 0.0493007558027989
grad_w_5 -0.007701378664579531
grad_w_6 -0.007815386928284625
grad_w_7 -0.0074923456914364065
grad_w_8 -0.00789940520179029
updated_w_1 1.8675099252920209
updated_w_2 -0.9773266562681283
updated_w_3 0.9500416572574568
updated_w_4 -0.1514065090535007
updated_w_5 -0.10321115041489326
updated_w_6 0.4106063173253006
updated_w_7 0.14405106350656943
updated_w_8 1.4542814063681768
"""
KERNEL = """
grad_sigmoid_features 0.09488538 -0.05253404 0.04668407 -0.01936058
grad_flattened_features 0.00413142 -0.00160242 0.00310031 -0.00039956
grad_feature_map 0.00413142 0. -0.00160242 0. 0. 0. 0. 0. 0. 0.00310031 -0.00039956 0. 0. 0. 0. 0.
grad_w_conv 0.00102128 0.00453462 0.00099141 0.00397162
updated_w_conv 1.76405132 0.40015267 0.97873699 2.24088923
"""

O1_WITH_T2 = "O1 is compared with the target of O2, though E2 does not depend on O1"
O2_WITH_T1 = "O2 is compared with the target of O1, though E1 does not depend on O2"
MISTAKES = {
    "dE2_dO1": O1_WITH_T2,
    "grad_w_10": O1_WITH_T2,
    "updated_w_10": O1_WITH_T2,
    "dE1_dO2": O2_WITH_T1,
    "grad_w_11": O2_WITH_T1,
    "updated_w_11": O2_WITH_T1,
    "dE_dH1": (
        "O2 is compared with the target of O1, w9 and w11 are updated before they carry the error back (their array "
        "is changed in place), and the sigmoid's slope at O1 is taken for O2 too"
    ),
    "dE_dH2": (
        "O1 is compared with the target of O2, w10 and w12 are updated before they carry the error back, and the "
        "sigmoid's slope at O2 is taken for O1 too"
    ),
    **{f"{kind}_{k}": "it follows from the wrong dE_dH1" for kind in ("grad_w", "updated_w") for k in range(1, 5)},
    **{f"{kind}_{k}": "it follows from the wrong dE_dH2" for kind in ("grad_w", "updated_w") for k in range(5, 9)},
    "grad_sigmoid_features": (
        "dE_dH1 and dE_dH2 are the wrong ones, and w1 to w8 are updated before they carry the error back"
    ),
    "grad_flattened_features": "it follows from the wrong gradient of the sigmoid features",
    "grad_feature_map": "it follows from the wrong gradient of the flattened features",
    "grad_w_conv": "it follows from the wrong gradient of the feature map",
    "updated_w_conv": "it follows from the wrong gradient of the kernel",
}


def first_pass(
    correct: Mapping[str, Value], mistaken: Mapping[str, Value], second: Mapping[str, Value]
) -> tuple[Section, ...]:
    """The figures of the first pass.

    Args:
        correct: what they should be, by the document's names.
        mistaken: what the document's own calculation gives.
        second: the same for its second pass, whose forward values stand in the summary of the first.
    """
    summary = dict.fromkeys(second, "these are the numbers of the second pass, after the first update")
    return (
        Section("Initial weights", figures(WEIGHTS, correct)),
        Section("First pass, forward", figures(FORWARD, correct)),
        Section("First pass, forward, the list in the text below it", figures(SUMMARY, correct, second, summary)),
        Section("First pass, errors", figures(ERRORS, correct)),
        Section("First pass, output layer", figures(OUTPUT_LAYER, correct, mistaken, MISTAKES)),
        Section("First pass, hidden layer", figures(HIDDEN_LAYER, correct, mistaken, MISTAKES)),
        Section("First pass, kernel", figures(KERNEL, correct, mistaken, MISTAKES)),
    )
