"""The mistakes that are tried: those beside the rules, those between rules, and those made from the formulas."""
