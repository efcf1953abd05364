"""Rates and their intervals. Every rate is over the tasks planned."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(passed: int, planned: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate (Wilson 1927), from 0 to 1.

    >>> wilson(29, 63)
    (0.3431, 0.5821)
    """
    if planned <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate, spread = passed / planned, z * z / planned
    centre = rate + spread / 2
    half = z * math.sqrt(rate * (1 - rate) / planned + spread / (4 * planned))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return round(max(0.0, low), 4), round(min(1.0, high), 4)
