"""Explanations of a pass: its values, and the derivation of any element of them."""
