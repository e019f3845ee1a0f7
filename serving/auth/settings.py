"""What an operator decides about signing in."""

from pydantic import Field

from configs.strict import Strict


class SigningIn(Strict):
    """How long a person stays signed in."""

    session_h: float = Field(default=12, gt=0, le=168)
