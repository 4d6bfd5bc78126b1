"""Numbers as people read them: shares in percent, ranges that never round onto a mark, p-values, counts.

Neighbours: `wording` and `caveats` speak with these, `report` and `methods` show them.
"""

from __future__ import annotations


def many(count: int, noun: str) -> str:
    """`1 context`, `1,234 contexts`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    """A share as a percentage, with the digits it needs: 64%, 57.5%, 0.4%."""
    value = 100 * share
    return f"{value:.0f}%" if abs(value - round(value)) < 0.05 else f"{value:.1f}%"


def percent_range(low: float, high: float, marks: tuple[float, ...] = (0.5,)) -> str:
    """Both limits in percent, with as many digits as it takes not to round one onto or across a mark."""
    digits = max(_digits_beside(low, marks), _digits_beside(high, marks))
    return f"{_limit(low, digits, marks)}–{_limit(high, digits, marks)}%"  # noqa: RUF001  (a range takes an en dash)


def _digits_beside(share: float, marks: tuple[float, ...]) -> int:
    """Digits that keep a share on its side of every mark; 0 where even two do not, and words must."""
    return next((digits for digits in range(3) if _keeps_side(share, digits, marks)), 0)


def _keeps_side(share: float, digits: int, marks: tuple[float, ...]) -> bool:
    shown = round(100 * share, digits)
    lines = [round(100 * mark, 9) for mark in marks]
    sides = zip(marks, lines, strict=True)
    return all((shown > line) == (share > mark) and (shown < line) == (share < mark) for mark, line in sides)


def _limit(share: float, digits: int, marks: tuple[float, ...]) -> str:
    if _keeps_side(share, digits, marks):
        return f"{100 * share:.{digits}f}"
    nearest = min(marks, key=lambda mark: abs(mark - share))
    return f"just {'above' if share > nearest else 'below'} {100 * nearest:.0f}"


def p_value(p: float, alpha: float = 0.05) -> str:
    """`p = .034`, `p < .001`; more digits where three would round a p onto alpha."""
    if p < 0.001:
        return "p < .001"
    digits = next(d for d in range(3, 18) if round(p, d) != alpha or p == alpha or d == 17)
    return f"p = {p:.{digits}f}".replace("0.", ".", 1)


def round_up(count: int) -> int:
    """Two significant digits, upwards: 1,234 → 1,300."""
    step = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
