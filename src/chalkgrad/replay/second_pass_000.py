"""The figures that the convolutional network's notebook prints of the second of its two passes by hand."""

from __future__ import annotations

from collections.abc import Mapping

from .figure import Section, Value, figures
from .first_pass_000 import KERNEL, SUMMARY

ERRORS = """
E1 0.45686487022206435
E2 0.1167317130207851
E 0.5735965832428495
"""
OUTPUT_LAYER = """
dE1_dO1 1.3518355968416638
dO1_dnetO1 0.21904395521960202
dnetO1_dw9 0.8277581918035074
dE2_dO1 -0.6481644031583362
dnetO1_dw10 0.8648898321761768
dE1_dO2 1.3166795392474038
dO2_dnetO2 0.22492149655556481
dnetO2_dw11 0.8277581918035074
dE2_dO2 -0.6833204607525962
dnetO2_dw12 0.8648898321761768
grad_w_9 0.24510865022991823
grad_w_10 -0.12279402650137365
grad_w_11 0.24514020148560509
grad_w_12 -0.1329279113963812
"""
HIDDEN_LAYER = """
dE_dH1 0.35308029521889095
dE_dH2 -0.06909875004418603
grad_w_1 0.048049447923111416
grad_w_2 0.04876075900404932
grad_w_3 0.04674526906071064
grad_w_4 0.04928496021098562
grad_w_5 -0.007706013212102794
grad_w_6 -0.007820090955439073
grad_w_7 -0.007496853274184514
grad_w_8 -0.007904160629515565
"""
UPDATED = """
updated_w_1 1.8674618758440977
updated_w_2 -0.9773754170271324
updated_w_3 0.9499949119883961
updated_w_4 -0.15145579401371168
updated_w_5 -0.10320344440168115
updated_w_6 0.4106141374162561
updated_w_7 0.14405856035984363
updated_w_8 1.4542893105288064
updated_w_9 0.7605474985989097
updated_w_10 0.12192059488337659
updated_w_11 0.4433729440877669
updated_w_12 0.33394017457208264
"""

WRONG_UPDATE = "the weights come from the wrong first update"
FIRST_OUTPUT = "the output of the first pass is used"
FIRST_HIDDEN = "the hidden neuron's output of the first pass is used"
SAME_AGAIN = "the mistakes of the first pass are made again, with O and H of that pass in the derivatives"
OLD_NUMBERS = "it is not calculated anew: these are the numbers of the first pass"

MISTAKES = {
    "dE1_dO1": WRONG_UPDATE,
    "dE2_dO2": WRONG_UPDATE,
    "dO1_dnetO1": FIRST_OUTPUT,
    "dO2_dnetO2": FIRST_OUTPUT,
    **dict.fromkeys(("dnetO1_dw9", "dnetO1_dw10", "dnetO2_dw11", "dnetO2_dw12"), FIRST_HIDDEN),
    "dE2_dO1": "O1 is compared with the target of O2, and the weights come from the wrong first update",
    "dE1_dO2": "O2 is compared with the target of O1, and the weights come from the wrong first update",
    "grad_w_9": "O1 in the sigmoid's slope and H1 are those of the first pass, and the weights come from its update",
    "grad_w_12": "O2 in the sigmoid's slope and H2 are those of the first pass, and the weights come from its update",
    **dict.fromkeys(("grad_w_10", "grad_w_11", "dE_dH1", "dE_dH2"), SAME_AGAIN),
    **{f"grad_w_{k}": "it follows from the wrong dE_dH1" for k in range(1, 5)},
    **{f"grad_w_{k}": "it follows from the wrong dE_dH2" for k in range(5, 9)},
    **{f"updated_w_{k}": "it follows from the wrong gradients of both passes" for k in range(1, 13)},
    "updated_w_conv": "the kernel is not updated a second time",
    **dict.fromkeys(
        ("grad_sigmoid_features", "grad_flattened_features", "grad_feature_map", "grad_w_conv"), OLD_NUMBERS
    ),
}


def second_pass(
    correct: Mapping[str, Value], mistaken: Mapping[str, Value], first: Mapping[str, Value]
) -> tuple[Section, ...]:
    """The figures of the second pass.

    Args:
        correct: what they should be after one correct update, by the document's names.
        mistaken: what the document's own calculation gives.
        first: the same for its first pass, whose kernel figures are printed again.
    """
    forward = dict.fromkeys(mistaken, WRONG_UPDATE)
    return (
        Section("Second pass, forward", figures(SUMMARY, correct, mistaken, forward)),
        Section("Second pass, errors", figures(ERRORS, correct, mistaken, forward)),
        Section("Second pass, output layer", figures(OUTPUT_LAYER, correct, mistaken, MISTAKES)),
        Section("Second pass, hidden layer", figures(HIDDEN_LAYER, correct, mistaken, MISTAKES)),
        Section("Second pass, kernel", figures(KERNEL, correct, first, MISTAKES)),
        Section("Second pass, updated weights", figures(UPDATED, correct, mistaken, MISTAKES)),
    )
