"""How often somebody may ask: buckets of tokens that fill up with time, one for each caller or address, in this process alone."""

import threading
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from pydantic import Field

from configs.strict import Strict

_OF_ONE_HOUSE = 64  # bits of an IPv6 address: whoever has one has all that begin so
_MOST = 10_000  # buckets that are kept


class RateLimits(Strict):
    """Requests of one caller, of one address without a key or session, and sign-ins from one address; each with its burst."""

    caller_per_s: float = Field(default=200, gt=0)
    caller_burst: int = Field(default=5000, ge=1)
    stranger_per_s: float = Field(default=10, gt=0)
    stranger_burst: int = Field(default=300, ge=1)
    sign_ins_per_minute: float = Field(default=20, gt=0)
    sign_in_burst: int = Field(default=60, ge=1)
    proxies: tuple[str, ...] = ()  # addresses of ours whose X-Forwarded-For is believed


class Buckets:
    """One bucket of `burst` tokens for each name, filled by `per_s`."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._lock = threading.Lock()
        self._filled: dict[str, tuple[float, float]] = {}  # tokens, at a time; who is absent has a full one

    def take(self, name: str) -> float:
        """Takes a token: 0, or the seconds until there is one."""
        now = self._clock()
        with self._lock:
            if len(self._filled) >= _MOST:
                self._forget_full(now)
            tokens = self._tokens(name, now)
            if tokens < 1:
                return (1 - tokens) / self._per_s
            self._filled.pop(name, None)
            self._filled[name] = (tokens - 1, now)  # at the end: the first was used longest ago
            return 0

    def _tokens(self, name: str, now: float) -> float:
        tokens, since = self._filled.get(name, (self._burst, now))
        return min(self._burst, tokens + (now - since) * self._per_s)

    def _forget_full(self, now: float) -> None:
        """Forgets whose bucket is full again; where none is, the half that was used longest ago."""
        kept = {name: kept for name, kept in self._filled.items() if self._tokens(name, now) < self._burst}
        self._filled = kept if len(kept) < _MOST else dict(list(kept.items())[_MOST // 2 :])


class Limiter:
    """The buckets of one process."""

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.callers = Buckets(limits.caller_per_s, limits.caller_burst, clock)
        self.strangers = Buckets(limits.stranger_per_s, limits.stranger_burst, clock)
        self.sign_ins = Buckets(limits.sign_ins_per_minute / 60, limits.sign_in_burst, clock)
        self._proxies = frozenset(limits.proxies)

    def address(self, peer: str, forwarded_for: str) -> str:
        """Where a request comes from: its peer, or what our own proxies say of theirs; others may say what they like."""
        hops = [peer, *(hop.strip() for hop in reversed(forwarded_for.split(",")))]
        found = next((hop for hop in hops if hop and hop not in self._proxies), peer)
        try:
            parsed = ip_address(found)
        except ValueError:
            return peer
        return str(ip_network((parsed, _OF_ONE_HOUSE), strict=False)) if parsed.version == 6 else found
