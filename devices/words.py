"""Stop reasons as people read them, whatever protocol they came by; pages above know no protocol."""

from functools import lru_cache

from django.utils.translation import gettext, gettext_noop

from devices.protocols.ykc.codec.words import STOP_REASONS

# OCPP 1.6 §7.36, Reason.
_OCPP_REASONS = {
    "deauthorized": gettext_noop("The authorisation ended."),
    "emergencystop": gettext_noop("The emergency stop was pressed."),
    "evdisconnected": gettext_noop("The plug was pulled."),
    "hardreset": gettext_noop("The pile was reset."),
    "softreset": gettext_noop("The pile was reset."),
    "reboot": gettext_noop("The pile was reset."),
    "local": gettext_noop("Stopped by hand at the pile."),
    "other": gettext_noop("Another reason."),
    "powerloss": gettext_noop("The pile lost power."),
    "remote": gettext_noop("Stopped remotely."),
    "unlockcommand": gettext_noop("The connector was unlocked."),
}


@lru_cache(maxsize=1)
def _sentences() -> dict[str, str]:
    return {**_OCPP_REASONS, **{word.slug: word.text for word in STOP_REASONS.values()}}


def stop_reason_words(reason: str) -> str:
    """A stop reason in the reader's language; one nobody knows is shown as it came."""
    sentence = _sentences().get(reason) or _sentences().get(reason.lower())
    return gettext(sentence) if sentence else reason
