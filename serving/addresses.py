"""How peers are named and reached: ports, AE titles and URLs, as an operator types them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

Port = Annotated[int, Field(ge=1, le=65535)]
AeTitle = Annotated[str, Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$")]  # PS3.5 table 6.2-1, unpadded


def _is_url(value: str) -> str:
    """An address without a password in it: that one belongs into the environment."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("is no URL; write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password; secrets stand in the environment")
    _ = parts.port  # ValueError where it is none
    return value


Url = Annotated[str, AfterValidator(_is_url)]
