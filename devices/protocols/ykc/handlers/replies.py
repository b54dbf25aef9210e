"""Answers to the platform's settings: balance, work parameters, clock, tariff, reboot."""

from devices import ports
from devices.models import DeviceCommand
from devices.services import commands
from devices.services.references import pile_by_id
from kernel import clock
from kernel.runtime.dbpool import in_database

CLOCK_DRIFT_S = 60
_KIND = DeviceCommand.Kind


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


async def work_parameters(consumer, held, frame, message) -> None:
    """51."""
    ok = message.fields["ok"] == 1
    await _end(held, _KIND.SET_AVAILABILITY, ok, reason="" if ok else "refused_by_pile")


async def clock_set(consumer, held, frame, message) -> None:
    """55: the pile's clock; one that is still wrong is counted."""
    time = message.fields["time"]
    drift = abs((time - clock.now()).total_seconds()) if time else None
    if drift is None or drift > CLOCK_DRIFT_S:
        consumer.count(held, "clock_drift")
    await _end(held, _KIND.SYNC_TIME, True, drift_s=drift)


def _tariff_set(pile_id: int, ok: bool) -> None:
    command = commands.answer_outstanding(
        pile_id=pile_id,
        kind=_KIND.SET_TARIFF,
        connector_no=0,
        accepted=ok,
        reason="" if ok else "refused_by_pile",
    )
    if ok and command is not None:
        ports.tariffs().confirm(pile_by_id(pile_id), command.params["model_no"])


async def tariff_set(consumer, held, frame, message) -> None:
    """57."""
    await in_database(_tariff_set, held.pile.id, message.fields["ok"] == 1)


async def reboot(consumer, held, frame, message) -> None:
    """91."""
    ok = message.fields["ok"] == 1
    await _end(held, _KIND.REBOOT, ok, reason="" if ok else "refused_by_pile")
