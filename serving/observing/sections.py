"""What an operator decides about watching the service: where metrics are read, and where traces are sent."""

from pydantic import Field

from configs.strict import Strict


class MetricsSection(Strict):
    """Where Prometheus reads: each process at the first free one of `ports` ports from `port` on; no `port`: nowhere."""

    host: str = "127.0.0.1"
    port: int | None = Field(default=9464, ge=1, le=65535)
    ports: int = Field(default=16, ge=1, le=1000)


class TracingSection(Strict):
    """Where traces are sent to, by OTLP over HTTP, such as http://collector.example:4318/v1/traces; empty: nowhere."""

    endpoint: str = Field(default="", pattern="^(https?://.+)?$")
    timeout_s: float = Field(default=5, gt=0)
