"""Where an object store is: a section of the service's configuration, apart from the library that speaks to it."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from configs.strict import Strict


class S3Section(Strict):
    """A bucket, which must exist; keys stand in TOUCHSTONE_S3_ACCESS_KEY and TOUCHSTONE_S3_SECRET_KEY."""

    endpoint: str  # such as https://s3.example:9000
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    region: str = "us-east-1"
    authority: str = ""  # file in PEM of who signed the store's certificate, where the system does not know them
    copies_mib: int = Field(default=16384, ge=1)  # of copies that one process holds at once while it examines

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname or url.username is not None or url.path or url.query:
            raise ValueError("must be like https://s3.example:9000, with nothing behind it")
        return value
