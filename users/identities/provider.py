"""What the platform asks of an app that knows its users: who sent this code, and what is their phone number."""

from dataclasses import dataclass
from typing import Protocol


class IdentityRefused(Exception):
    """The provider looked at the code and said no: wrong, used, expired, or of another application."""

    def __init__(self, code: str, message: str = ""):
        self.code, self.message = code, message
        super().__init__(f"{code} {message}".strip())


class IdentityUnreachable(Exception):
    """No answer, or none that can be trusted; nothing is known about the code."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as one application of a provider knows them; `union_id` is the same in all of its applications."""

    provider: str
    app_id: str
    subject: str
    union_id: str = ""


class IdentityProvider(Protocol):
    """One application at a provider. Raises `IdentityRefused` and `IdentityUnreachable`."""

    name: str
    knows_phones: bool  # whether `phone` can be asked

    def identity(self, code: str) -> Identity:
        """Whose code this is; a code works once."""

    def phone(self, code: str) -> str:
        """The mainland number that the user let the app know, by the code of that consent."""
