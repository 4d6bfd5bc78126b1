"""How a provider is reached: one HTTP session each, proxies as the providers' SDKs find them, and what can break.

Neighbours: `chat` sends through these sessions, `wire` says what.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
from msgspec import Struct
from yarl import URL

from redraft.errors import ConfigurationError
from redraft.providers import shapes, wire
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault

CONNECT_SECONDS = 10.0
# Below the minute after which gateways close idle connections: a call on a closed one is lost.
KEEPALIVE_SECONDS = 30.0
DNS_SECONDS = 300
# What OpenSSL says where the other side speaks no TLS, or none of this century: it will not learn it meanwhile.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}
)


class Route(Struct, frozen=True):
    """All that is the same for every call to one endpoint. `proxy` is None where it is reached directly."""

    session: aiohttp.ClientSession
    url: URL
    headers: dict[str, str]
    proxy: URL | None


def open_session(connections: int, secure: bool) -> aiohttp.ClientSession:
    """The session of one provider; at most `connections` calls are in flight on it. It keeps no cookies."""
    connector = aiohttp.TCPConnector(
        # aiohttp's own is made when it is imported; SSL_CERT_FILE counts as it is now, as it does for the SDKs.
        ssl=ssl.create_default_context() if secure else True,
        limit=connections,
        limit_per_host=connections,
        keepalive_timeout=KEEPALIVE_SECONDS,
        use_dns_cache=True,
        ttl_dns_cache=DNS_SECONDS,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def route_to(endpoint: Endpoint, session: aiohttp.ClientSession) -> Route:
    """Raises ConfigurationError where the environment names a proxy that cannot be used."""
    return Route(session, URL(wire.url(endpoint)), wire.headers(endpoint), _proxy(endpoint))


def _proxy(endpoint: Endpoint) -> URL | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name; nothing on loopback goes through one.

    aiohttp's own `trust_env` would look this up in a thread for every call.
    """
    place = URL(endpoint.base_url)
    if endpoint.loopback or proxy_bypass(place.host or ""):
        return None
    named = getproxies()
    proxy = named.get(place.scheme) or named.get("all")
    if not proxy:
        return None
    found = URL(proxy if "://" in proxy else f"http://{proxy}")
    if found.scheme not in {"http", "https"} or not found.host:
        raise ConfigurationError(
            f"the proxy for {endpoint.provider} ({place.scheme.upper()}_PROXY or ALL_PROXY) is no HTTP proxy; "
            f"name one as http://host:port, or list {place.host} in NO_PROXY"
        )
    return found


@lru_cache(maxsize=256)
def time_limit(seconds: float) -> aiohttp.ClientTimeout:
    # Not `connect`: that would count the wait for a free connection too.
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)


def broken(fault: Exception, seconds: float) -> CallFault:
    """The fault of an attempt of `seconds` that ended without a whole answer."""
    if isinstance(fault, aiohttp.ConnectionTimeoutError):
        return CallFault("unreachable", f"no connection within {min(seconds, CONNECT_SECONDS):g} s")
    if isinstance(fault, TimeoutError):
        return CallFault("timeout", f"no answer within {seconds:g} s", maybe_paid=True)
    if isinstance(fault, aiohttp.ClientSSLError) and (reason := _distrust(fault.os_error)):
        return CallFault("untrusted", f"no safe connection ({reason})")
    if isinstance(fault, aiohttp.ClientConnectorError):
        return CallFault("unreachable", f"cannot connect ({shapes.one_line(str(fault.os_error))})")
    if isinstance(fault, aiohttp.ClientHttpProxyError):  # no way to the provider was opened: nothing reached it
        return CallFault("unreachable", f"the proxy refused: HTTP {fault.status}")
    return CallFault("connection", f"the connection broke ({type(fault).__name__})", maybe_paid=True)


def _distrust(error: OSError) -> str:
    """Why no handshake can ever succeed, or nothing: of the others some do, such as one that was broken off."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return shapes.one_line(error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return f"the other side speaks no TLS: {error.reason.replace('_', ' ').lower()}"
    return ""
