"""Webhooks: a verdict as JSON, signed so that the receiver knows who sent it, when, and that nobody altered it.

The scheme is that of standard-webhooks.com: `webhook-id` (the same however often a message comes), `webhook-timestamp` (seconds
since 1970) and `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body joined by dots). A key is
written `whsec_` and base64; a receiver answers 2xx once it has kept the message, and ignores one whose id it knows.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from qc_models.errors import ConfigError, InputError
from serving.deliver.http_sending import HttpSender
from serving.deliver.outbox import Taken
from serving.deliver.told_verdict import ToldVerdict

TOLERANCE = timedelta(minutes=5)  # between the time that a message tells and the receiver's clock
_PREFIX = "whsec_"
_SHORTEST_KEY = 24  # bytes
_MOST_FINDINGS = 100
_TAKEN = range(200, 300)

Tokens = Callable[[ToldVerdict], Mapping[str, str]]  # the signed tokens of a verdict, by exam item


def keys_of(text: str, variable: str) -> tuple[bytes, ...]:
    """The keys in a variable, parted by blanks: all sign, so that a key can be changed; ConfigError where one is none."""
    keys = []
    for word in text.split():
        try:
            key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not word.startswith(_PREFIX) or len(key) < _SHORTEST_KEY:
            raise ConfigError(f"{variable}: must be {_PREFIX} and the base64 of {_SHORTEST_KEY} or more random bytes")
        keys.append(key)
    if not keys:
        raise ConfigError(
            f"{variable}: is missing; make a key and give it to the receiver, who checks signatures by it"
        )
    return tuple(keys)


def sign(key: bytes, message_id: str, at: datetime, body: bytes) -> str:
    """The signature of a message by one key."""
    signed = b".".join((message_id.encode(), str(int(at.timestamp())).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises InputError where a message was not signed by the key, was altered, or was sent too long ago; for receivers.

    The names of `headers` are in lower case.
    """
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        signatures = headers["webhook-signature"].split(" ")
        at = datetime.fromtimestamp(int(timestamp), now.tzinfo)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise InputError("the message shows no signature; refuse it") from error
    if abs(now - at) > TOLERANCE:
        raise InputError("the message was signed at another time; refuse it, and see to the clock")
    expected = sign(key, message_id, at, body).encode()
    if not any(hmac.compare_digest(expected, signature.encode()) for signature in signatures):
        raise InputError("the message was altered, or signed by another key; refuse it")


def body_of(told: ToldVerdict, address: str, tokens: Mapping[str, str], on: date) -> dict[str, Any]:
    """What a webhook says on a day, nothing that identifies a patient; `address` is where the service is, empty: no links."""
    verdict, content = told.verdict, told.report.content if told.report is not None else {}
    until = {item["id"]: told.valid_until(item["id"], on) for item in verdict.items}
    return {
        "type": f"verdict.{verdict.kind}",
        "timestamp": verdict.created_at.isoformat(),
        "data": {
            "study_instance_uid": told.study.uid,
            "hospital": {"id": told.hospital.id, "name": told.hospital.name},
            "verdict_id": verdict.id,
            "generation": verdict.generation,
            "current": told.current,
            "replaces": _replaced(told),
            "verdict": verdict.verdict,
            "total": verdict.total,
            "grade": verdict.grade,
            "as_of": verdict.as_of.isoformat(),
            "dimensions": content.get("dimensions", {}),
            "items": [
                {
                    **item,
                    "valid_until": day.isoformat() if (day := until[item["id"]]) is not None else None,
                    "token": tokens.get(item["id"]),
                }
                for item in verdict.items
            ],
            "reasons": list(verdict.reasons),
            "findings": [_finding(finding) for finding in told.findings[:_MOST_FINDINGS]],
            "versions": dict(verdict.versions),
            "links": _links(told, address),
        },
    }


class WebhookChannel:
    """Sends verdicts to one webhook."""

    def __init__(self, sender: HttpSender, keys: tuple[bytes, ...], address: str, tokens: Tokens) -> None:
        self._sender = sender
        self._keys = keys
        self._address = address
        self._tokens = tokens

    def send(self, taken: Taken, told: ToldVerdict, now: datetime) -> None:
        """Sends one message, signed at this moment."""
        body = body_of(told, self._address, self._tokens(told), now.astimezone().date())
        self._post(body, id_of(taken, told), now)

    def send_erased(self, taken: Taken, erased: Mapping[str, Any], now: datetime) -> None:
        """Sends that a study was erased, by what is left of it."""
        content = {
            "type": "verdict.erased",
            "timestamp": taken.created_at.isoformat(),
            "data": {**erased, "verdict_id": taken.verdict_id, "current": False},
        }
        said = (taken.kind, taken.target, taken.subject, *map(str, erased.values()), taken.created_at.isoformat())
        self._post(content, _id(said), now)

    def _post(self, content: Mapping[str, Any], message_id: str, now: datetime) -> None:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(sign(key, message_id, now, body) for key in self._keys),
        }
        self._sender.post(body, headers, _TAKEN)


def id_of(taken: Taken, told: ToldVerdict) -> str:
    """The id of a message: the same for every attempt, another for every verdict and receiver, of other services too."""
    verdict = told.verdict
    said = (taken.kind, taken.target, taken.subject, told.study.uid, told.hospital.id, verdict.created_at.isoformat())
    return _id(said)


def _id(said: tuple[str, ...]) -> str:
    return "msg_" + hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("metric", "dimension", "level", "veto", "value", "limit", "unit", "message", "remedy", "clause")
    place = {key: value for key, value in finding.get("location", {}).items() if value is not None}
    return {key: finding[key] for key in keys if key in finding} | {"location": place}


def _replaced(told: ToldVerdict) -> dict[str, Any] | None:
    """The verdict that no longer holds."""
    replaced = told.replaced
    if replaced is None:
        return None
    return {"verdict_id": replaced.id, "generation": replaced.generation, "verdict": replaced.verdict}


def _links(told: ToldVerdict, address: str) -> dict[str, str]:
    if not address:
        return {}
    return {
        "study": f"{address}/dicom-web/studies/{quote(told.study.uid, safe='')}",
        "keys": f"{address}/.well-known/jwks.json",
    }
