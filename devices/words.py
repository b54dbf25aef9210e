"""Codes of piles as people read them: one look-up for every page, API and timeline, whatever the protocol.

Every function answers in the active language with a phrase without a full stop, and shows a code that nobody
knows as it came. Sources of the tables: YKC V1.6 §7 and §13.1; OCPP 1.6 §4 to §7; OCPP 2.0.1 part 2 §3;
AP3000 device protocol V8.6 §3.1, §3.3 and §4.2.
"""

from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from devices.models import DeviceCommand
from devices.protocols.dny.codec import FROM_DEVICE, TO_DEVICE
from devices.protocols.dny.codec import words as dny
from devices.protocols.mqtt import contract as mqtt_contract
from devices.protocols.mqtt import words as mqtt
from devices.protocols.ocpp16 import statuses
from devices.protocols.ocpp16 import words as ocpp16
from devices.protocols.ocpp201 import words as ocpp201
from devices.protocols.ykc.codec import LAYOUTS, words

YKC, OCPP16, OCPP201, DNY, MQTT = "ykc", "ocpp16", "ocpp201", "dny", "mqtt"
_OCPP = {OCPP16: ocpp16, OCPP201: ocpp201}
ALL_FAULT_BITS = 0xFFFF

# Answers that the platform itself writes on a command.
_OWN_ANSWERS = {
    "not sent in time": _("The command could not be sent in time."),
    "no answer in time": _("The pile did not answer in time."),
    "connection lost before it was sent": _("The link broke before the command was sent."),
    "connection lost before the answer": _("The link broke before the pile answered."),
    "unreadable answer": _("The answer of the pile could not be read."),
    "the transaction has no number yet": _("The transaction has no number yet."),
    "wrong_pile": _("The pile code does not match."),
    "wrong_card": _("The card does not match."),
    "refused_by_pile": _("The pile refused."),
}
_OWN_FAULTS = {
    "fault": _("The pile reports a fault."),
    "Faulted": _("The pile reports a fault."),
    "heartbeat_fault": _("The heartbeat of the pile reports a fault."),
}
# Why a link ended, why a pile counts as offline.
_ENDINGS = {
    "disconnected": _("The pile closed the link."),
    "closed by the peer": _("The pile closed the link."),
    "closed by the platform": _("The platform closed the link."),
    "consumer failed": _("The platform closed the link after an error of its own."),
    "gateway stopped": _("The gateway was stopped."),
    "gateway_restarted": _("The gateway was restarted."),
    "no frame": _("The pile sent nothing of its protocol."),
    "no login": _("The pile did not log in."),
    "only garbage": _("The pile sent only unreadable data."),
    "replaced": _("A newer connection of the pile took over."),
    "replaced by a newer connection": _("A newer connection of the pile took over."),
    "silent": _("The pile was silent for too long."),
    "unknown pile": _("The pile is not registered."),
}
# Why a pile that dialled in was not let in.
_REFUSALS = {
    "unknown": _("The pile is not registered."),
    "other_protocol": _("The pile is registered with another protocol."),
    "no_password": _("The pile sent no password."),
    "bad_password": _("The password is wrong."),
}


def stop_reason_text(protocol: str, reason: str) -> str:
    """Why charging ended; for a start that failed, the pile's answer or the end of the command."""
    known = _stop_reasons(protocol).get(reason)
    if known:
        return _phrase(known)
    if reason in DeviceCommand.State.values:
        return str(DeviceCommand.State(reason).label)
    return answer_text(protocol, reason)


def answer_text(protocol: str, reason: str) -> str:
    """What a pile answered to a command beside yes or no; an OCPP error keeps the pile's own description."""
    answers = _answers(protocol)
    if reason in answers:
        return _phrase(answers[reason])
    code, colon, description = reason.partition(": ")
    if colon and code in answers:
        return f"{_phrase(answers[code])} ({description})"
    return reason


def fault_text(protocol: str, code: str) -> str:
    """The faults in a code: YKC bits joined by commas, or an OCPP error code with the vendor's after a slash."""
    known = _faults(protocol)
    parts = code.split("," if protocol == YKC else "/")
    return gettext("; ").join(_phrase(known[part]) if part in known else part for part in parts)


def frame_title(protocol: str, name: str) -> str:
    """The name of a frame in the log with its meaning: «13 · Live data», «MeterValues · Meter values»."""
    code, title = name, None
    if protocol == YKC:
        code = name.partition(" ")[0]
        title = _frames().get(code)
    elif protocol in _OCPP:
        title = _OCPP[protocol].ACTIONS.get(name)
    elif protocol == DNY:
        code, title = name.partition(" ")[0], _dny_frames().get(name)
    elif protocol == MQTT:
        message = mqtt_contract.UP.get(name) or mqtt_contract.DOWN.get(name)
        title = message.title if message else None
    if not title or gettext(title) == code:
        return name
    return f"{code} · {gettext(title)}"


def ending_text(reason: str) -> str:
    """Why the link to a pile ended."""
    return _phrase(_ENDINGS[reason]) if reason in _ENDINGS else reason


def refusal_text(reason: str) -> str:
    """Why a pile was not let in."""
    return _phrase(_REFUSALS[reason]) if reason in _REFUSALS else reason


def _phrase(sentence: str) -> str:
    return gettext(sentence).rstrip(".。")


@cache
def _stop_reasons(protocol: str) -> dict[str, str]:
    if protocol == YKC:
        return {word.slug: word.text for word in words.STOP_REASONS.values()}
    if protocol == DNY:
        return dny.STOP_REASONS
    if protocol == MQTT:
        return mqtt.STOP_REASONS
    return _OCPP[protocol].STOP_REASONS if protocol in _OCPP else {}


@cache
def _answers(protocol: str) -> dict[str, str]:
    known = dict(_OWN_ANSWERS)
    if protocol == YKC:
        for look_up in (words.remote_stop_failure, words.remote_start_failure):
            known |= {word.slug: word.text for word in map(look_up, range(256))}
    elif protocol in _OCPP:
        known |= _OCPP[protocol].ANSWERS
    elif protocol == DNY:
        known |= dny.ANSWERS
    elif protocol == MQTT:
        known |= mqtt.ANSWERS
    return known


@cache
def _faults(protocol: str) -> dict[str, str]:
    known = dict(_OWN_FAULTS)
    if protocol == YKC:
        known |= {fault.slug: fault.text for fault in words.faults(ALL_FAULT_BITS)}
        unnamed = [slug for slug in known if slug.startswith("fault_bit_")]
        for slug in unnamed:
            del known[slug]  # its number says more than «a fault»
    elif protocol == OCPP16:
        known |= statuses.FAULTS
    elif protocol == DNY:
        known |= dny.FAULTS
    elif protocol == MQTT:
        known |= mqtt.FAULTS
    return known


@cache
def _dny_frames() -> dict[str, str]:
    tables = (*FROM_DEVICE.values(), *TO_DEVICE.values())
    return {f"{layout.command:02X} {layout.name}": layout.title for layout in tables}


@cache
def _frames() -> dict[str, str]:
    return {f"{kind:02X}": layout.title for kind, layout in LAYOUTS.items()}
