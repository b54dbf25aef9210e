"""Codes of piles as people read them: one look-up for every page, API and timeline, whatever the protocol.

Every function answers in the active language with a phrase without a full stop, and shows a code that nobody
knows as it came. Sources of the tables: YKC V1.6 §7 and §13.1; OCPP 1.6 §4 to §7; OCPP 2.0.1 part 2 §3;
AP3000 device protocol V8.6 §3.1, §3.3 and §4.2.
"""

from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from devices.advice import ADVICE, PROTECTION, URGENT
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
    "other_gun_refused": _("Another connector of the merged charge refused."),
    "cards_not_cleared": _("Not all cards could be cleared."),
}
_OWN_FAULTS = {
    "fault": _("The pile reports a fault."),
    "Faulted": _("The pile reports a fault."),
    "heartbeat_fault": _("The heartbeat of the pile reports a fault."),
    "bay_lock_forced": _("The arm of the bay lock was forced."),
    "bay_lock_stuck": _("The arm of the bay lock did not reach its position."),
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
    "tls_required": _("The pile has to connect over TLS."),
    "certificate_required": _("The pile has to show its own certificate."),
    "certificate_unknown": _("The certificate is not one that the platform issued to piles."),
    "certificate_revoked": _("The certificate was revoked."),
    "certificate_expired": _("The certificate has run out, or is not valid yet."),
    "certificate_of_another_pile": _("The certificate belongs to another pile."),
    "certificate_authority_missing": _("The platform has no authority that could check certificates."),
    "gun_count_differs": _("The pile has another number of connectors than registered."),
    "pile_type_differs": _("The pile is AC or DC otherwise than registered."),
}
# Where a pile strays from its protocol, as the gateway counts it.
_FINDINGS = {
    "garbage": _("Bytes that are no frame"),
    "bad_crc": _("Frames with a wrong checksum"),
    "truncated": _("Frames that broke off"),
    "short_body": _("Frames that are too short"),
    "longer_body": _("Frames that are longer than the protocol says"),
    "unknown_type": _("Frames of an unknown type"),
    "unhandled_type": _("Frames that the platform does not use"),
    "encrypted": _("Encrypted frames, which cannot be read"),
    "bad_time": _("Times that cannot be read"),
    "crc_high_first": _("Checksum with the high byte first"),
    "crc_low_first": _("Checksum with the low byte first again"),
    "gun_count_differs": _("Another number of connectors than registered"),
    "pile_type_differs": _("AC or DC otherwise than registered"),
    "version_unknown": _("A protocol version that does not exist"),
    "clock_drift": _("The clock stays wrong"),
    "no_tariff": _("Asked for a tariff when there was none"),
    "throttled": _("Slowed down after too many messages"),
    "record_1_7": _("Records of version 1.7 (3D)"),
    "record_without_number": _("Records without a transaction number"),
    "record_of_other_pile": _("Records with the transaction number of another pile"),
    "stale_number": _("A transaction number while nothing charges"),
    "bay_lock_alarm_unknown": _("An unknown alarm of the bay lock"),
    "start_asked_again": _("Starts that were asked for twice"),
}

# How a firmware update gets on, and why a pile of a campaign was left out or failed.
_FIRMWARE = {
    "idle": _("No update under way"),
    "download_scheduled": _("Download is planned"),
    "downloading": _("Downloading"),
    "download_paused": _("Download is paused"),
    "downloaded": _("Downloaded"),
    "signature_verified": _("Signature is good"),
    "install_scheduled": _("Installation is planned"),
    "rebooting": _("Rebooting"),
    "installing": _("Installing"),
    "installed": _("Installed"),
    "download_failed": _("The download failed."),
    "install_failed": _("The installation failed."),
    "verification_failed": _("The firmware does not fit."),
    "signature_invalid": _("The signature is wrong."),
    "certificate_invalid": _("The signing certificate is not accepted."),
    "certificate_revoked": _("The signing certificate was revoked."),
    "refused": _("The pile refused."),
    "same_version": _("The pile has this version already."),
    "unsupported": _("Piles of this protocol take no firmware from the platform."),
    "no_end": _("The pile told no end in time."),
    "firmware_no_ftp": _("No FTP server is set for piles that need one."),
}


def firmware_text(protocol: str, code: str) -> str:
    """A stage or result of a firmware update in words; the pile's own answer where it is one."""
    return _phrase(_FIRMWARE[code]) if code in _FIRMWARE else answer_text(protocol, code)


def finding_text(finding: str) -> str:
    """A protocol finding in words; one that nobody knows as it came."""
    return gettext(_FINDINGS[finding]) if finding in _FINDINGS else finding


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


def advice_text(protocol: str, code: str) -> str:
    """What to do about faults, an end of charging or a refusal, in sentences; empty where nothing is to be done.

    `code` is what `fault_text`, `stop_reason_text` and `answer_text` take.
    """
    known = ADVICE.get(protocol, {})
    parts = [code, code.partition(": ")[0], *code.split("," if protocol == YKC else "/")]
    found = dict.fromkeys(known[part] for part in parts if part in known)
    return " ".join(gettext(sentence) for sentence in found)


def is_protection(protocol: str, code: str) -> bool:
    """Whether a fault or an end of charging says that the pile protected people, itself or the vehicle."""
    return ADVICE.get(protocol, {}).get(code) in PROTECTION


def is_urgent(protocol: str, code: str) -> bool:
    """Whether somebody should go to the pile at once: emergency stop, leakage, short circuit, fire, water."""
    known = ADVICE.get(protocol, {})
    parts = code.split("," if protocol == YKC else "/")
    return any(known.get(part) in URGENT for part in parts)


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
        for look_up in (
            words.firmware_state,
            words.card_failure,
            words.remote_stop_failure,
            words.remote_start_failure,
        ):
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
