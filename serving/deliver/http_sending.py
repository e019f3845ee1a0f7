"""Sends a body to an address that the operator named, with care: no redirects, no proxies of the environment, bounded time.

What a receiver answers is judged by its status alone, and none of its words get into an error.
"""

import ssl
from collections.abc import Iterable, Mapping

import httpx

from qc_models.errors import QcError

_LATER = frozenset((408, 425, 429))  # statuses of a server that may answer otherwise soon, as those from 500 on
_LONGEST_CONNECT_S = 5.0


class ReceiverAwayError(QcError):
    """The receiver cannot be reached, or cannot take anything now; whatever else is for it waits too."""


class RefusedError(QcError):
    """The receiver is there and does not take this message; others may go through. No `ever`: nor will it later."""

    def __init__(self, message: str, *, ever: bool = True) -> None:
        super().__init__(message)
        self.ever = ever


class HttpSender:
    """Posts bodies to one server; threads do not share it. `token` is shown as a bearer token where there is one."""

    def __init__(self, url: str, timeout_s: float, token: str = "") -> None:
        self._url = url
        self._client = httpx.Client(
            headers={"User-Agent": "touchstone", **({"Authorization": f"Bearer {token}"} if token else {})},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _LONGEST_CONNECT_S)),
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
        )

    def post(self, content: bytes | Iterable[bytes], headers: Mapping[str, str], taken: Iterable[int]) -> None:
        """Posts a body; ReceiverAwayError or RefusedError where the status is none of `taken`."""
        try:
            with self._client.stream("POST", self._url, content=content, headers=dict(headers)) as response:
                status = response.status_code
        except httpx.TimeoutException as error:
            raise ReceiverAwayError("the receiver did not answer in time; see whether it runs") from error
        except (httpx.TransportError, OSError) as error:
            raise ReceiverAwayError(f"the receiver cannot be reached ({type(error).__name__})") from error
        if status in taken:
            return
        if status in _LATER or status >= 500:
            raise ReceiverAwayError(f"the receiver answered {status}; it may take it later")
        raise RefusedError(f"the receiver answered {status}; see its settings, and the address")

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
