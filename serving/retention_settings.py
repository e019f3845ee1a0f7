"""What an operator decides about how long things are kept."""

from pydantic import Field

from configs.strict import Strict


class Retention(Strict):
    """How long things are kept; what has no number is kept for ever."""

    images_days: int | None = Field(default=None, ge=0)  # after the verdict; the verdict and its report stay
    studies_years: int | None = Field(default=None, ge=1)  # after the verdict: then the whole study is erased
    quarantine_days: int | None = Field(default=30, ge=0)
    jobs_days: int | None = Field(default=90, ge=1)  # that were done
    messages_days: int | None = Field(default=90, ge=1)  # that were sent
    reports_days: int | None = Field(default=30, ge=0)  # of radiologists, whose study does not come
