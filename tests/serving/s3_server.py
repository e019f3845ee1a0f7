"""A small object store over HTTP for tests: it checks signatures, digests and parts as the S3 API says, and keeps all in memory.

It is no full one: one bucket, path style, signature version 4 in the header, objects, lists and uploads of several parts.
"""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

ACCESS_KEY, SECRET_KEY, BUCKET, REGION = "test-access", "test-secret-key", "studies", "cn-north-1"
_PAGE = 3  # keys in one answer of a list, so that lists have several
_SMALLEST_PART = 5 << 20


class Store:
    """What the server holds, and how it is to fail."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str], datetime]] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.fails: str = ""  # code of the error of every answer
        self.fails_puts: str = ""
        self.cuts = False  # bodies end after half of them
        self.address = ""


@contextmanager
def s3_server() -> Iterator[Store]:
    """A server on a free port of this machine."""
    store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": store}))
    store.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Error(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self._require_signature(body)
            if self.store.fails or (self.store.fails_puts and self.command == "PUT"):
                raise _Error(503, self.store.fails or self.store.fails_puts)
            url = urlsplit(self.path)
            bucket, _, key = unquote(url.path).lstrip("/").partition("/")
            if bucket != BUCKET:
                raise _Error(404, "NoSuchBucket")
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            handle = self._object if key else self._of_bucket
            handle(key, query, body)
        except _Error as error:
            self._send(error.status, f"<Error><Code>{error.code}</Code><Message>no</Message></Error>".encode())

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815

    def _require_signature(self, body: bytes) -> None:
        """Signature version 4 over method, path, query, the signed headers and the body's digest."""
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "AWS4-HMAC-SHA256" or not {"Credential", "SignedHeaders", "Signature"} <= parts.keys():
            raise _Error(403, "AccessDenied")
        access, day, region, service, end = parts["Credential"].split("/")
        at = self.headers["x-amz-date"]
        if (access, region, service, end) != (ACCESS_KEY, REGION, "s3", "aws4_request") or not at.startswith(day):
            raise _Error(403, "InvalidAccessKeyId")
        said = self.headers["x-amz-content-sha256"]
        if said != hashlib.sha256(body).hexdigest():
            raise _Error(400, "XAmzContentSHA256Mismatch")
        names = parts["SignedHeaders"].split(";")
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
            raise _Error(403, "AccessDenied")
        url = urlsplit(self.path)
        query = sorted(parse_qsl(url.query, keep_blank_values=True))
        canonical = "\n".join(
            (
                self.command,
                url.path,
                "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query),
                *(f"{name}:{' '.join((self.headers[name] or '').split())}" for name in names),
                "",
                ";".join(names),
                said,
            )
        )
        scope = f"{day}/{region}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{SECRET_KEY}".encode()
        for word in (day, region, "s3", "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), parts["Signature"]):
            raise _Error(403, "SignatureDoesNotMatch")

    def _of_bucket(self, _: str, query: dict[str, str], body: bytes) -> None:
        if self.command == "HEAD":
            return self._send(200, b"")
        if query.get("list-type") != "2":
            raise _Error(501, "NotImplemented")
        after = query.get("continuation-token", query.get("start-after", ""))
        keys = [key for key in sorted(self.store.objects) if key.startswith(query.get("prefix", "")) and key > after]
        page = keys[:_PAGE]
        entries = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{len(self.store.objects[key][0])}</Size>"
            f"<LastModified>{self.store.objects[key][2].strftime('%Y-%m-%dT%H:%M:%S.000Z')}</LastModified></Contents>"
            for key in page
        )
        more = len(keys) > len(page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        listed = f"<IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>{token}{entries}"
        name = "http://s3.amazonaws.com/doc/2006-03-01/"
        return self._send(
            200, f'<ListBucketResult xmlns="{name}"><Name>{BUCKET}</Name>{listed}</ListBucketResult>'.encode()
        )

    def _object(self, key: str, query: dict[str, str], body: bytes) -> None:
        objects = self.store.objects
        if self.command in ("PUT", "POST") and ("uploads" in query or "uploadId" in query):
            return self._upload(key, query, body)
        if self.command == "PUT":
            objects[key] = (body, self._metadata(), datetime.now(UTC))
            return self._send(200, b"", {"ETag": _etag(body)})
        if self.command == "DELETE":
            if "uploadId" in query:
                self.store.uploads.pop(query["uploadId"], None)
            else:
                objects.pop(key, None)
            return self._send(204, b"")
        if key not in objects:
            raise _Error(404, "NoSuchKey")
        content, metadata, at = objects[key]
        headers = {"ETag": _etag(content), "Last-Modified": format_datetime(at, usegmt=True), **metadata}
        return self._send(200, content, headers, cut=self.store.cuts)

    def _upload(self, key: str, query: dict[str, str], body: bytes) -> None:
        """An upload of several parts: begun, a part, ended. No part but the last is smaller than 5 MiB."""
        uploads = self.store.uploads
        if "uploads" in query:
            number = str(len(uploads) + 1)
            uploads[number] = (key, {})
            begun = f"<UploadId>{number}</UploadId><Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key>"
            name = "http://s3.amazonaws.com/doc/2006-03-01/"
            result = f'<InitiateMultipartUploadResult xmlns="{name}">{begun}</InitiateMultipartUploadResult>'
            return self._send(200, result.encode())
        of_key, parts = uploads.get(query["uploadId"], ("", {}))
        if of_key != key:
            raise _Error(404, "NoSuchUpload")
        if self.command == "PUT":
            parts[int(query["partNumber"])] = body
            return self._send(200, b"", {"ETag": _etag(body)})
        named = [(int(part.findtext("{*}PartNumber") or 0), part.findtext("{*}ETag")) for part in ET.fromstring(body)]
        if [(number, _etag(content)) for number, content in sorted(parts.items())] != [
            (number, f'"{(etag or "").strip(chr(34))}"') for number, etag in named
        ]:
            raise _Error(400, "InvalidPart")
        if any(len(parts[number]) < _SMALLEST_PART for number, _ in named[:-1]):
            raise _Error(400, "EntityTooSmall")
        content = b"".join(parts[number] for number, _ in named)
        self.store.objects[key] = (content, {}, datetime.now(UTC))
        del uploads[query["uploadId"]]
        name = "http://s3.amazonaws.com/doc/2006-03-01/"
        done = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><ETag>{_etag(content)}</ETag>"
        result = f'<CompleteMultipartUploadResult xmlns="{name}">{done}</CompleteMultipartUploadResult>'
        return self._send(200, result.encode())

    def _metadata(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml" if body.startswith(b"<") else "application/octet-stream")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
