"""The Together client for files and fine-tunes, its faults in one line each, and the one place that retries.

The SDK's own retries are off: it would send a paid `create` again without any key to tell the two apart.
Neighbours: `uploading`, `hosted` and `watching` make every call through `ControlPlane.ask`.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeVar, cast

import httpx
import msgspec
from pydantic import BaseModel
from tenacity import RetryCallState, Retrying, retry_if_exception
from together import DefaultHttpxClient, Together
from together._exceptions import APIConnectionError, APIResponseValidationError, APIStatusError, TogetherError

from redraft.errors import ConfigurationError, ProviderError, RedraftError, TrainingError
from redraft.providers.endpoints import Endpoint

T = TypeVar("T")

# A body cut short or garbled, which the SDK lets through as Python's own errors.
GARBLED = (json.JSONDecodeError, UnicodeDecodeError)
# The faults of one call: the SDK's own, those it lets through while it uploads, and garbled bodies.
FAULTS = (TogetherError, httpx.HTTPError, *GARBLED)
_LONG_KEY = 16  # characters; the keys of providers have more
RETRIED = {408, 409, 425, 429}
LONGEST_WAIT = 30.0
PATIENCE = httpx.Timeout(600, connect=10)


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How often a call is tried, and how waits grow: `first` seconds, doubled each time, a random half taken off."""

    tries: int = 6
    first: float = 0.5
    sleep: Callable[[float], None]
    random: random.Random

    def wait(self, attempt: int, asked_for: float | None = None) -> float:
        """Seconds before the next try; never less than the provider asked for, unless that is beyond the cap."""
        grown = min(self.first * 2 ** (attempt - 1), LONGEST_WAIT) * (1 - 0.5 * self.random.random())
        return max(grown, min(asked_for or 0.0, LONGEST_WAIT))


@contextmanager
def opened(endpoint: Endpoint, tries: int = 6) -> Generator[ControlPlane]:
    """A control plane with usual retries, `tries` of each request; closed afterwards. Raises ConfigurationError."""
    # How long waits are matters to no result.
    plane = ControlPlane(endpoint, Retries(tries=tries, sleep=time.sleep, random=random.Random()))  # noqa: S311
    try:
        yield plane
    finally:
        plane.close()


class ControlPlane:
    """One client for one endpoint, which alone says the address and the key. Close it after use."""

    def __init__(self, endpoint: Endpoint, retries: Retries) -> None:
        if endpoint.provider != "together":
            raise ConfigurationError(f"hosted training is at Together only, not at {endpoint.provider}")
        if not endpoint.api_key.strip():
            raise ConfigurationError("no key for Together: set TOGETHER_API_KEY or save the credentials block")
        self.endpoint = endpoint
        self.retries = retries
        # The SDK's paths begin with /v1 themselves.
        base_url = endpoint.base_url.rstrip("/").removesuffix("/v1")
        # A proxy named in the environment must not come between us and a sandbox on loopback.
        http_client = DefaultHttpxClient(
            base_url=base_url,
            timeout=PATIENCE,
            trust_env=not endpoint.loopback,
            event_hooks={"request": [_about_to_send]},
        )
        self.client = Together(
            api_key=endpoint.api_key, base_url=base_url, timeout=PATIENCE, max_retries=0, http_client=http_client
        )
        self._until: float | None = None

    def close(self) -> None:
        self.client.close()

    @contextmanager
    def within(self, seconds: float, patience: float) -> Generator[None]:
        """Inside, `ask` sends and waits for nothing any more once `seconds` have passed (OutOfTimeError), and no answer
        is waited for longer than `patience` seconds."""
        client, self._until = self.client, time.monotonic() + seconds
        self.client = client.with_options(timeout=httpx.Timeout(patience, connect=min(patience, 10.0)))
        try:
            yield
        finally:
            self.client, self._until = client, None

    def ask(self, call: Callable[[], T], what: str) -> T:
        """The answer of `call`, tried again after faults that pass. `what` names it for people: "list the jobs".

        For calls that may be sent twice. Raises ConfigurationError, TrainingError or ProviderError: one line, no key.
        """
        if self._too_late():
            raise OutOfTimeError(f"there was no time left to {what}")
        retrying = Retrying(
            stop=lambda tried: tried.attempt_number >= self.retries.tries or self._too_late(tried.upcoming_sleep),
            wait=self._wait,
            retry=retry_if_exception(passing),
            sleep=self.retries.sleep,
            reraise=True,
        )
        try:
            return retrying(call)
        except FAULTS as error:
            raise explained(error, what, self.endpoint) from error

    def ask_fields(self, call: Callable[[], object], what: str) -> dict[str, Any]:
        """Like `ask`, with the answer as the fields that came over the wire."""
        return self.ask(lambda: fields(call()), what)

    @cached_property
    def account(self) -> str | None:
        """The provider's id of the project that the key is for; None where it does not say."""

        def call() -> dict[str, Any]:
            try:
                return fields(self.client.whoami())
            except APIStatusError as error:
                if status_of(error) in {403, 404}:  # a provider, or a key, without projects
                    return {}
                raise

        project: object = self.ask(call, "look up the key's project").get("project")
        found = cast("dict[str, Any]", project).get("id") if isinstance(project, dict) else None
        return found if isinstance(found, str) and found else None

    def submit(
        self, arguments: Mapping[str, Any], timeout: httpx.Timeout, before: Callable[[], None]
    ) -> dict[str, Any]:
        """Submit a training job with these arguments of the SDK, once; the provider's fields of it.

        `before` is called right before the request leaves, later than anything else that the SDK asks on the way: what
        it raises keeps the request from being sent, and is raised. Else raises whatever the SDK does.
        """

        def sending(request: httpx.Request) -> None:
            if request.method == "POST" and request.url.path.endswith("/fine-tunes"):
                before()

        token = _BEFORE.set(sending)
        try:
            client = self.client.with_options(timeout=timeout)
            answer = fields(client.fine_tuning.create(**arguments))
        except APIConnectionError as error:
            if isinstance(error.__cause__, RedraftError):
                raise error.__cause__ from None
            raise
        finally:
            _BEFORE.reset(token)
        if not answer.get("id"):
            raise UnknownShapeError
        return answer

    def _too_late(self, after: float = 0.0) -> bool:
        return self._until is not None and time.monotonic() + after >= self._until

    def _wait(self, state: RetryCallState) -> float:
        return self.retries.wait(state.attempt_number, retry_after(state.outcome and state.outcome.exception()))


# What looks at a request of this thread before it is sent.
_BEFORE: ContextVar[Callable[[httpx.Request], None] | None] = ContextVar("_BEFORE", default=None)


def _about_to_send(request: httpx.Request) -> None:
    look = _BEFORE.get()
    if look is not None:
        look(request)


class OutOfTimeError(ProviderError):
    """The time for a pass is used up; nothing was sent."""


class UnknownShapeError(TogetherError):
    """An answer that is no JSON object: a gateway's page, or a body cut short."""


def fields(response: object) -> dict[str, Any]:
    """The fields of an answer under their names on the wire. The SDK's synchronous and asynchronous types differ
    (`output_name`, `x_model_output_name`), and it hands over a page of HTML as if it were an answer."""
    if not isinstance(response, BaseModel):
        raise UnknownShapeError
    return response.model_dump(mode="json", by_alias=True, warnings=False)


def passing(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, APIStatusError):
        return error.status_code in RETRIED or error.status_code >= 500
    return isinstance(error, (APIConnectionError, httpx.TransportError, UnknownShapeError, *GARBLED))


def never_sent(error: Exception) -> bool:
    """Whether the connection itself failed, so that the provider cannot have seen the request."""
    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    return isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def status_of(error: Exception) -> int | None:
    return error.status_code if isinstance(error, APIStatusError) else None


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the provider asked to wait, where it said so as a number."""
    if not isinstance(error, APIStatusError):
        return None
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def explained(error: Exception, what: str, endpoint: Endpoint, keys: Iterable[str] = ()) -> RedraftError:
    """The fault in one line with its mend. The SDK's own texts can carry headers and whole bodies; these do not.

    `keys` are secrets that were sent along, beside the endpoint's own.
    """
    where = f"Together at {without_password(endpoint.base_url)}"
    said = redacted(_message(error), endpoint, keys)
    status = status_of(error)
    tail = f": {said}" if said else ""
    if status == 401:
        return ConfigurationError(
            f"{where} refused the key (401) to {what}{tail}; check TOGETHER_API_KEY and the account's credits"
        )
    if status in {402, 403}:
        return ConfigurationError(f"{where} does not allow this account to {what} ({status}){tail}")
    if status == 404:
        return TrainingError(f"{where} knows nothing to {what} (404){tail}; check the name and the base URL")
    if status in {400, 413, 422}:
        return TrainingError(f"{where} refused to {what} ({status}){tail}")
    if status is not None:
        return ProviderError(f"{where} could not {what} ({status}){tail}; run again later")
    if isinstance(error, (APIResponseValidationError, UnknownShapeError, *GARBLED)):
        return ProviderError(f"{where} gave an answer of unknown shape when asked to {what}")
    if isinstance(error, APIConnectionError | httpx.TransportError):
        kind = type(error.__cause__ or error).__name__
        return ProviderError(f"{where} cannot be reached to {what} ({kind}); check the base URL and the network")
    return TrainingError(f"{where}: cannot {what}{tail}")


def without_password(url: str) -> str:
    """The URL without any user name and password in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def redacted(text: str, endpoint: Endpoint, keys: Iterable[str] = ()) -> str:
    """One line of at most 300 characters without the endpoint's key and `keys`."""
    line = " ".join(text.split())
    for key in filter(None, (endpoint.api_key, *keys)):
        # A short one, such as a sandbox's, may be part of any name: it counts where it stands for itself.
        found = re.escape(key) if len(key) >= _LONG_KEY else rf"(?<![\w/.-]){re.escape(key)}(?![\w/-]|\.\w)"
        line = re.sub(found, "[key]", line)
    return line if len(line) <= 300 else f"{line[:297]}..."


def _message(error: Exception) -> str:
    """What the provider said of the fault: the `message` of its error body, whichever of its shapes that has."""
    if not isinstance(error, APIStatusError):
        return "" if isinstance(error, APIConnectionError) else str(error)
    body: object = error.body
    if isinstance(body, str):
        try:
            body = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return body
    while isinstance(body, dict):
        entries = cast("dict[str, Any]", body)
        body = entries.get("error") or entries.get("message") or entries.get("detail")
    return body if isinstance(body, str) else ""
