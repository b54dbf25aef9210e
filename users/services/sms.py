"""The door to a text-message provider."""

import logging
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)


class SmsError(Exception):
    """The provider did not take the message; `final` when another try cannot change that."""

    def __init__(self, reason: str = "", *, final: bool = False):
        self.reason, self.final = reason, final
        super().__init__(reason)


class SmsSender(Protocol):
    """Sends messages to phones. Raises `SmsError` when the provider refuses or does not answer."""

    def send_login_code(self, phone: str, code: str) -> None: ...

    def send_alarm(self, phone: str, *, place: str, what: str) -> str:
        """Tell somebody responsible what happens where; the provider's number of the message, where it has one."""


class ConsoleSmsSender:
    """Writes the code to the log instead of sending it: for demos and tests, refused in production."""

    def __init__(self) -> None:
        if settings.EV_ENV == "production":
            raise ImproperlyConfigured(
                "EV_SMS_SENDER is the console sender; EV_ENV=production needs a real provider"
            )

    def send_login_code(self, phone: str, code: str) -> None:
        logger.warning("SMS to %s: login code %s", phone, code)

    def send_alarm(self, phone: str, *, place: str, what: str) -> str:
        logger.warning("SMS to %s: %s: %s", phone, place, what)
        return ""


def sender() -> SmsSender:
    """The sender that `EV_SMS_SENDER` names; ImproperlyConfigured when there is none of that name."""
    try:
        factory = import_string(settings.SMS_SENDER)
    except ImportError:
        raise ImproperlyConfigured(f"EV_SMS_SENDER={settings.SMS_SENDER!r} names no sender class") from None
    return factory()
