"""The lower end of Wilson's score interval, which small numbers cannot fool: 3 of 3 is not 100 %."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054
"""Two-sided 95 %: the 97.5 % point of the normal distribution."""


def lower(numerator: int, denominator: int, z: float = Z95) -> float | None:
    """Wilson's lower bound for `numerator` of `denominator`; None where there is nothing to divide by."""
    if denominator == 0:
        return None
    if numerator == 0:
        return 0.0
    share = numerator / denominator
    square = z * z / denominator
    margin = z * sqrt(share * (1 - share) / denominator + square / (4 * denominator))
    return (share + square / 2 - margin) / (1 + square)
