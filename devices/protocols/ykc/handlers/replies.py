"""Answers to the platform's settings: balance, work parameters, clock, tariff, lock, reboot, firmware, QR prefix."""

from devices import ports
from devices.events import PileRef
from devices.models import DeviceCommand
from devices.protocols.ykc.codec import words
from devices.services import commands, firmware
from devices.services.work_parameters import power_pct_of
from kernel import clock
from kernel.runtime.dbpool import in_database

CLOCK_DRIFT_S = 60
_KIND = DeviceCommand.Kind
FIRMWARE_STATUS = {
    "firmware_installed": "installed",
    "firmware_wrong_pile": "refused",
    "firmware_wrong_model": "verification_failed",
    "firmware_download_timeout": "download_failed",
    "unlisted": "install_failed",
}


async def _end(held, kind: str, accepted: bool, *, connector_no: int = 0, reason: str = "", **result):
    return await in_database(
        commands.answer_outstanding,
        pile_id=held.pile.id,
        kind=kind,
        connector_no=connector_no,
        accepted=accepted,
        reason=reason,
        result=result,
    )


async def balance(consumer, held, frame, message) -> None:
    """41: carries no gun, so it ends the oldest open balance update of the pile."""
    code = message.fields["result"]
    await in_database(
        commands.answer_oldest,
        pile_id=held.pile.id,
        kind=_KIND.SET_BALANCE,
        accepted=code == 0,
        reason={0: "", 1: "wrong_pile", 2: "wrong_card"}.get(code, f"result_{code}"),
    )


def _work_parameters_set(pile: PileRef, ok: bool) -> None:
    """Lock and power limit travel in the same frame, so an answer is for whichever was sent first."""
    kinds = (_KIND.SET_AVAILABILITY, _KIND.SET_POWER_LIMIT)
    sent = [command for kind in kinds for command in commands.open_commands(pile_id=pile.id, kind=kind)]
    sent = sorted((command for command in sent if command.sent_at), key=lambda command: command.sent_at)
    if not sent:
        return
    result = {}
    if sent[0].kind == _KIND.SET_POWER_LIMIT:
        result["power_pct"] = power_pct_of(sent[0].params, pile.rated_power_kw)
    commands.complete_command(
        command_id=sent[0].pk,
        state=DeviceCommand.State.ACCEPTED if ok else DeviceCommand.State.REJECTED,
        reason="" if ok else "refused_by_pile",
        result=result,
    )


async def work_parameters(consumer, held, frame, message) -> None:
    """51."""
    await in_database(_work_parameters_set, held.pile, message.fields["ok"] == 1)


async def clock_set(consumer, held, frame, message) -> None:
    """55: the pile's clock; one that is still wrong is counted."""
    time = message.fields["time"]
    drift = abs((time - clock.now()).total_seconds()) if time else None
    if drift is None or drift > CLOCK_DRIFT_S:
        consumer.count(held, "clock_drift")
    await _end(held, _KIND.SYNC_TIME, True, drift_s=drift)


def _tariff_set(pile: PileRef, ok: bool) -> None:
    command = commands.answer_outstanding(
        pile_id=pile.id,
        kind=_KIND.SET_TARIFF,
        connector_no=0,
        accepted=ok,
        reason="" if ok else "refused_by_pile",
    )
    if ok and command is not None:
        ports.tariffs().confirm(pile, command.params["model_no"])


async def tariff_set(consumer, held, frame, message) -> None:
    """57."""
    await in_database(_tariff_set, held.pile, message.fields["ok"] == 1)


async def reboot(consumer, held, frame, message) -> None:
    """91."""
    ok = message.fields["ok"] == 1
    await _end(held, _KIND.REBOOT, ok, reason="" if ok else "refused_by_pile")


async def bay_lock_asked(consumer, held, frame, message) -> None:
    """63: the lock begins to move, or does not; where it got to comes with 61."""
    fields = message.fields
    ok = fields["ok"] == 1
    reason = "" if ok else "refused_by_pile"
    await _end(held, _KIND.MOVE_BAY_LOCK, ok, connector_no=fields["gun_no"], reason=reason)


async def firmware_updated(consumer, held, frame, message) -> None:
    """93: comes when the update was carried out, perhaps minutes later and after another login."""
    word = words.firmware_state(message.fields["state"])
    await in_database(
        firmware.update_ended, pile=held.pile, status=FIRMWARE_STATUS[word.slug], reason=word.slug
    )


async def qr_prefix(consumer, held, frame, message) -> None:
    """F1: firmwares disagree on whether 0 or 1 is a success, so the value is kept and any answer ends the command."""
    await _end(held, _KIND.SET_QR_PREFIX, True, value=message.fields["result"])
