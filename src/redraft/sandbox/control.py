"""What a test or a person asks the sandbox about itself: identity, counts, calls, truth, scripts, limits, reset.

Neighbours: `accounts` counts, `app` mounts these under /sandbox/.
"""

from __future__ import annotations

import time
from collections import Counter
from importlib.metadata import version
from typing import Annotated

import msgspec
from aiohttp import web

from redraft.sandbox.accounts import Accounts
from redraft.sandbox.calls import Calls
from redraft.sandbox.catalogue import Catalogue
from redraft.sandbox.course import Course
from redraft.sandbox.deployments import FAILED, STOPPED, Minutes, hours_run, replicas_of, state_of
from redraft.sandbox.dialects import JSON
from redraft.sandbox.faults import RouteFaults, Scripts
from redraft.sandbox.files import Files
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.state import DeploymentRecord, State
from redraft.sandbox.traits import Traits, expected_score
from redraft.sandbox.truth import Truth, true_win_rate


class RateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rpm: Annotated[int, msgspec.Meta(ge=0)] = 0
    tpm: Annotated[int, msgspec.Meta(ge=0)] = 0


class Control:
    """`accounts` is replaced by a fresh one on reset, here and wherever it is counted."""

    def __init__(
        self,
        options: Options,
        state: State,
        scripts: Scripts,
        random: RouteFaults,
        calls: Calls,
        files: Files,
        models: Models,
        catalogue: Catalogue,
    ) -> None:
        self._options, self._state, self._scripts, self._random = options, state, scripts, random
        self._catalogue = catalogue
        self._calls, self._files, self._models = calls, files, models
        self.accounts = files.accounts

    async def identity(self, request: web.Request) -> web.Response:
        body = {"simulated": True, "identity": self._options.identity, "version": version("redraft")}
        body |= {"seed": self._options.seed, "truth": self._options.truth}
        return _json(body | {"documents": self._options.documents, "answers": self._options.answers})

    async def stats(self, request: web.Request) -> web.Response:
        """Counts; jobs, files, endpoints and deployments are counted by name and for ever, deleted or not.

        With ?courses=1 also each job's states so far, by suffix, with the Unix times at which they began.
        """
        state = self._state
        made = {
            "jobs": Counter(job.suffix for job in state.jobs.values()),
            "files": Counter(file.filename for file in state.files.values()),
            "endpoints": Counter(one.name for one in state.endpoints.values()),
            "deployments": Counter(self._deployment_name(one) for one in state.deployments.values()),
        }
        counted = self.accounts.totals() | made | {"trained": self._models.trained(), "serving": self._serving()}
        if request.query.get("courses", "0") not in {"0", ""}:
            now = time.time()
            counted["courses"] = {job.suffix: Course(job).states(now) for job in state.jobs.values()}
        return _json(counted)

    def _deployment_name(self, record: DeploymentRecord) -> str:
        return f"{self._state.endpoints[record.endpoint].name}/{record.name}"

    def _serving(self) -> dict[str, object]:
        """What runs and what it has cost: the names of deployments that are neither stopped nor failed, replicas that
        are ready, hours of replicas, US dollars."""
        now, minutes = time.time(), Minutes(self._options.endpoints.minute_seconds)
        records = list(self._state.deployments.values())
        going = [one for one in records if state_of(one, now, minutes) not in {STOPPED, FAILED}]
        hours = {one.id: hours_run(one, now, minutes) for one in records}
        cost = sum(hours[one.id] * self._catalogue.config(one.config).hardware.cents / 100 for one in records)
        ready = sum(replicas_of(one, now, minutes)[1] for one in going)
        names = sorted(map(self._deployment_name, going))
        return {"running": names, "ready": ready, "hours": sum(hours.values()), "dollars": cost}

    async def calls(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line; `?repeated=1` only contents that were answered twice, `?since=N` later ones."""
        since = request.query.get("since", "0")
        repeated = request.query.get("repeated", "0") not in {"0", ""}
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        lines: list[bytes] = []
        for call in self.accounts.calls(repeated, int(since) if since.isdigit() else 0):
            lines.append(msgspec.json.encode(call))
            if len(lines) == 1000:
                await response.write(b"\n".join(lines) + b"\n")
                lines.clear()
        if lines:
            await response.write(b"\n".join(lines) + b"\n")
        await response.write_eof()
        return response

    async def truth(self, request: web.Request) -> web.Response:
        """The strengths of ?a= and ?b= (model names) and the win rate of a that a perfect study would find.

        With ?trait=NAME also what each leans to it, and the mean score of each on a scale from ?low= to ?high=.
        """
        options, query = self._options.truth, request.query
        world = Truth(self._options.seed, options)
        first, second = query.get("a", ""), query.get("b", "")
        a, b = world.strength(first), world.strength(second)
        sides: dict[str, dict[str, object]] = {
            "a": {"model": first, "strength": a},
            "b": {"model": second, "strength": b},
        }
        if trait := query.get("trait"):
            try:
                low, high = float(query.get("low", "1")), float(query.get("high", "10"))
            except ValueError:
                return _json({"error": {"message": "low and high are the numbers at the ends of the scale"}}, 400)
            traits = Traits(self._options.documents)
            for side, strength in (("a", a), ("b", b)):
                lean = traits.of(str(sides[side]["model"])).get(trait, 0.0)
                sides[side] |= {"lean": lean, "score": expected_score(strength, lean, options, low, high)}
        return _json(sides | {"win_rate": true_win_rate(a, b, options)})

    async def script(self, request: web.Request) -> web.Response:
        try:
            waiting = self._scripts.add(await request.read())
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return _json({"error": {"message": str(error)}}, 400)
        return _json({"waiting": waiting})

    async def limits(self, request: web.Request) -> web.Response:
        """Other limits from now on: `{"rpm": 600, "tpm": 0}`, where 0 means none. What is left of them stays."""
        try:
            wanted = msgspec.json.decode(await request.read(), type=RateLimits)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return _json({"error": {"message": str(error)}}, 400)
        self._calls.limits.change(wanted.rpm, wanted.tpm)
        return _json(wanted)

    async def reset(self, request: web.Request) -> web.Response:
        """Counts from zero and drops scripts; with ?everything=1 files, jobs, models and endpoints go too."""
        self.accounts = self._files.accounts = Accounts()
        self._calls.reset(self.accounts)
        self._scripts.clear()
        self._random.reset()
        if request.query.get("everything", "0") not in {"0", ""}:
            self._state.clear()
            self._models.forget()
            self._catalogue.forget()
        return _json({"reset": True})


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=JSON)
