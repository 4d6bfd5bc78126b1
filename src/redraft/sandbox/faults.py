"""What goes wrong with a model call, decided by seed, content and attempt, and scripts for single requests.

Neighbours: `calls` asks here what happens, `spoiling` makes it happen; `limits` has the rate limits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from redraft.sandbox.draws import Draws
from redraft.sandbox.options import FaultOptions

NONE = "none"
AFTER = "after:"  # before the name of a fault of a route: what was asked for is done, and its answer spoiled
_SPREAD = 0.5  # sigma of the lognormal latency: the slowest of a hundred takes about three times the mean


class Harm(NamedTuple):
    """What a fault means for the account: `paid` for although spoiled, and whether the client gets it `whole`.

    `status` is the HTTP status of a fault that comes instead of an answer.
    """

    paid: bool
    whole: bool
    status: int = 200


_REFUSED = {429: ("limited", "limited_seconds", "limited_ms", "limited_date", "ramp_limit", "spend_limit")}
_FAILED = {500: ("error_500", "error_list"), 502: ("error_502",), 503: ("error_503",), 529: ("error_529",)}
# Every fault that a script or `--fault` can name.
HARMS: dict[str, Harm] = {
    **{name: Harm(False, True, status) for status, names in (_REFUSED | _FAILED).items() for name in names},
    "error_in_200": Harm(False, True),
    # A generated answer of which the client gets nothing that it can use.
    "reset_headers": Harm(True, False),
    "reset_body": Harm(True, False),
    "dropped": Harm(True, False),
    "stall": Harm(True, False),
    "drip": Harm(True, False),
    "cut_json": Harm(True, False),
    "html": Harm(True, False),
    "garbage": Harm(True, False),
    # Answers that read as answers.
    "empty": Harm(True, True),
    "refused": Harm(True, True),
    "truncated": Harm(True, True),
    "malformed": Harm(True, True),
    "huge": Harm(True, True),
}


class Faults:
    """The random faults. A retry of the same content is a new attempt and draws again."""

    def __init__(self, seed: int, options: FaultOptions) -> None:
        self._seed, self._options = seed, options
        rates = (
            ("error", options.error_rate),
            ("dropped", options.drop_rate),
            ("malformed", options.malformed_rate),
            ("empty", options.empty_rate),
            ("refused", options.refusal_rate),
            ("truncated", options.truncate_rate),
            *options.more,
        )
        self._rates = [(name, rate) for name, rate in rates if rate > 0]
        self.active = bool(self._rates) or options.latency_ms > 0

    def draw(self, digest: bytes, attempt: int) -> tuple[str, float, float]:
        """(fault or `none`, seconds of latency, a number from 0 to 1 for choices within the fault)."""
        if not self.active:
            return NONE, 0.0, 0.0
        draws = Draws(self._seed, "fault", digest, attempt)
        latency = 0.0
        if self._options.latency_ms > 0:
            centre = math.log(self._options.latency_ms / 1000) - _SPREAD**2 / 2
            latency = math.exp(centre + _SPREAD * draws.normal(1))
        place = draws.uniform(0)
        for name, rate in self._rates:
            if place < rate:
                return name, latency, draws.uniform(2)
            place -= rate
        return NONE, latency, draws.uniform(2)


class Doing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a script does to a request.

    `status`, `headers` and `body` (text, or JSON) replace the answer; with `after` the request takes
    effect first (a job is made, a call is paid), which on other routes than model calls goes for a `fault` such as
    error_500 too. `close` ends the connection without an answer.
    `content` and `finish_reason` change a model's answer and leave the rest of it real. `fault` is a name out of
    `HARMS`, played in the provider's own words; `retry_after` are the seconds that the limited ones name.
    """

    status: int | None = None
    headers: dict[str, str] = {}
    body: object = None
    delay_ms: float = 0.0
    close: bool = False
    after: bool = False
    content: str | None = None
    finish_reason: str | None = None
    fault: str | None = None
    retry_after: float = 1.0

    def __post_init__(self) -> None:
        if self.fault is not None and self.fault not in HARMS:
            raise ValueError(f"no fault is called {self.fault!r}; there are {', '.join(sorted(HARMS))}")

    @property
    def replaces(self) -> bool:
        return self.close or self.status is not None or self.body is not None

    @property
    def changes(self) -> bool:
        """Whether the model's answer is another one than it would have been."""
        return self.replaces or self.content is not None or self.finish_reason is not None

    def payload(self) -> bytes:
        if isinstance(self.body, str):
            return self.body.encode()
        return b"" if self.body is None else msgspec.json.encode(self.body)


class RouteFaults:
    """The random faults of the routes that are no model calls; the n-th request of a kind draws the n-th number."""

    def __init__(self, seed: int, shares: tuple[tuple[str, float], ...]) -> None:
        self._seed, self._shares = seed, shares
        self._counts: Counter[str] = Counter()
        self.active = any(share > 0 for _, share in shares)

    def draw(self, line: str) -> Doing | None:
        """What is done to the next request of that `METHOD PATH`, if anything."""
        self._counts[line] += 1
        place = Draws(self._seed, "route", line, self._counts[line]).uniform(0)
        for name, share in self._shares:
            if place < share:
                return Doing(fault=name.removeprefix(AFTER), after=name.startswith(AFTER))
            place -= share
        return None

    def reset(self) -> None:
        self._counts.clear()


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """Applies to the next `times` requests in whose `METHOD PATH` line and body `match` occurs.

    `match` is a substring or, failing that, a regular expression; `times` of 0 means always.
    """

    match: str
    do: Doing
    times: int = 1

    def fits(self, text: str) -> bool:
        if self.match in text:
            return True
        try:
            return re.search(self.match, text) is not None
        except re.error:
            return False


class Scripts:
    def __init__(self) -> None:
        self._left: list[tuple[Script, int]] = []

    def __bool__(self) -> bool:
        return bool(self._left)

    def add(self, scripts: bytes) -> int:
        """Adds a JSON list of scripts; how many are waiting now. Raises msgspec.ValidationError."""
        self._left += [(script, script.times) for script in msgspec.json.decode(scripts, type=list[Script])]
        return len(self._left)

    def load(self, path: str) -> None:
        self.add(Path(path).read_bytes())

    def clear(self) -> None:
        self._left.clear()

    def take(self, line: str, body: bytes) -> Doing | None:
        """The first script that fits, used up by one."""
        text = f"{line}\n{body.decode('utf-8', 'replace')}"
        for place, (script, left) in enumerate(self._left):
            if script.fits(text):
                if left == 1:
                    del self._left[place]
                elif left > 1:
                    self._left[place] = (script, left - 1)
                return script.do
        return None
