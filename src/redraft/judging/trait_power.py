"""How many contexts a difference in points needs to be noticed, and which difference those of a run would have shown.

Neighbours: `traits` asks, `paired` has the same for any scores and repeated answers.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from redraft.errors import InputError
from redraft.judging.distributions import normal_quantile
from redraft.judging.paired import MeanEstimate

POWER = 0.8


def contexts_for_points(sd: float, points: float, power: float = POWER, alpha: float = 0.05) -> int:
    """Contexts that notice a mean difference of `points` where the differences have spread `sd`.

    n = ((z_{alpha/2} + z_power) sd / points)^2, both in points of the scale. InputError where one is not above 0.
    """
    if not (sd > 0 and points > 0 and np.isfinite(sd)):
        raise InputError(f"a spread of {sd} and a difference of {points}: both lie above 0")
    reach = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return max(2, ceil((reach * sd / points) ** 2))


def detectable(estimate: MeanEstimate) -> float | None:
    """The difference for which the interval leaves 0 with POWER: half its width and z_power errors more, in points.

    None where there is no interval.
    """
    if estimate.low is None or estimate.high is None or not estimate.standard_error or estimate.naive_error is None:
        return None
    # Clusters may differ less than chance would make them; to plan on that would be rash.
    least = max(1.0, estimate.naive_error / estimate.standard_error)
    return least * ((estimate.high - estimate.low) / 2 + normal_quantile(POWER) * estimate.standard_error)
