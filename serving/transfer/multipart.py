"""Reads the parts of a multipart/related body as they stream in, one at a time, each into a spool."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from qc_models.errors import InputError
from serving.transfer.spool import Spool

_LOGGER = "python_multipart"  # which quotes what was sent
_BEGIN, _END, _LAST = object(), object(), object()


class BrokenBodyError(InputError):
    """A body is no multipart one, or ends in the middle; what came whole before it has been given."""


async def spooled_parts(
    stream: AsyncIterator[bytes], boundary: bytes, begin: Callable[[], Awaitable[Spool]]
) -> AsyncGenerator[Spool]:
    """The content of each part, in a spool that `begin` makes; raises BrokenBodyError after the last whole one.

    `begin` is awaited before anything of a part is kept, so that it may let the sender wait.
    """
    logging.getLogger(_LOGGER).setLevel(logging.CRITICAL + 1)
    events: list[object] = []
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: events.append(_BEGIN),
                "on_part_data": lambda data, start, end: events.append(data[start:end]),
                "on_part_end": lambda: events.append(_END),
                "on_end": lambda: events.append(_LAST),
            },
        )
    except FormParserError as error:
        raise BrokenBodyError("the boundary is too long; send another one") from error
    spool: Spool | None = None
    whole = False
    try:
        async for chunk in stream:
            broken = _parsed(parser, chunk)
            for event in events:
                if event is _BEGIN:
                    spool = await begin()
                elif event is _LAST:
                    whole = True
                elif spool is None:
                    continue
                elif event is _END:
                    taken, spool = spool, None
                    yield taken
                elif isinstance(event, bytes):
                    if spool.on_disk:
                        await to_thread.run_sync(spool.write, event)
                    else:
                        spool.write(event)
            events.clear()
            if broken:
                raise BrokenBodyError("the body is no multipart one with this boundary; send all of it again")
        if not whole:
            raise BrokenBodyError("the body ends in the middle; send what was not taken again")
    finally:
        if spool is not None:
            spool.close()


def _parsed(parser: MultipartParser, chunk: bytes) -> bool:
    """Whether a piece of the body is broken."""
    try:
        parser.write(chunk)
    except FormParserError:
        return True
    return False
