"""What a simulated YKC pile does on the platform's upkeep: settings, card list, ground locks, firmware, QR prefix.

The handlers have the shape of those in `logic`, whose class owns the state they change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devices.simulators.ykc import codes

if TYPE_CHECKING:
    from devices.simulators.ykc.logic import YkcLogic

RAISED, LOWERED, BETWEEN = "55", "FF", "00"
NO_ALARM, FORCED, STUCK = "00", "FF", "55"
EMPTY, OCCUPIED = "00", "FF"
MOST_CARDS = 200
NO_SPACE = "02"
IDLE_ONLY = 2
DC_MODEL = 1
INSTALLED, OTHER_PILE, OTHER_MODEL = 0, 1, 2


@dataclass(slots=True)
class GroundLock:
    """The lock in front of one gun; `goal` is where its arm moves to until `moves_until`."""

    position: str = LOWERED
    alarm: str = NO_ALARM
    battery: int = 90
    goal: str = ""
    moves_until: float = 0.0
    report_due: float = 0.0


@dataclass(slots=True)
class Held:
    """What the platform put into the pile: cards by physical number, the prefix of its QR codes."""

    cards: dict[str, str] = field(default_factory=dict)
    qr_prefix: str = ""
    qr_with_gun: bool = False
    update_at: float | None = None
    update_state: int = INSTALLED
    update_when_idle: bool = False


def tick(pile: YkcLogic, now: float) -> None:
    """Move the arms, report the locks, carry an update out when it is due."""
    for number, lock in pile.locks.items():
        if lock.goal and now >= lock.moves_until:
            stuck = "lock_stuck" in pile.faults
            lock.position, lock.alarm = (BETWEEN, STUCK) if stuck else (lock.goal, NO_ALARM)
            lock.goal, lock.report_due = "", now
        if now >= lock.report_due:
            report_lock(pile, number, now)
    held = pile.held
    if held.update_at is None or now < held.update_at:
        return
    if held.update_when_idle and any(gun.session for gun in pile.guns.values()):
        return
    held.update_at = None
    pile.answer(0x93, None, state=held.update_state)
    if held.update_state == INSTALLED:
        pile.lose_power(now)
        pile.restart_soon()


def report_lock(pile: YkcLogic, number: int, now: float) -> None:
    lock = pile.locks[number]
    lock.report_due = now + pile.timing.idle_sample_s
    pile.answer(
        0x61,
        None,
        gun_no=number,
        lock=lock.position,
        bay=OCCUPIED if pile.guns[number].car else EMPTY,
        battery=lock.battery,
        alarm=lock.alarm,
    )


def on_cards_stored(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    cards = {card["physical_card"]: card["logical_card"] for card in fields["cards"]}
    fits = len(pile.held.cards | cards) <= MOST_CARDS
    if fits:
        pile.held.cards |= cards
    pile.answer(0x43, seq, ok=1 if fits else 0, fail="00" if fits else NO_SPACE)


def on_cards_cleared(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    results = []
    for card in fields["cards"]:
        gone = pile.held.cards.pop(card, None) is not None
        results.append({"physical_card": card, "mark": 1 if gone else 0, "fail": "00"})
    pile.answer(0x45, seq, cards=results)


def on_cards_looked_up(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    results = [
        {"physical_card": card, "result": 1 if card in pile.held.cards else 0} for card in fields["cards"]
    ]
    pile.answer(0x47, seq, cards=results)


def on_lock_command(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    number = fields["gun_no"]
    lock = pile.locks.get(number)
    raising = fields["cmd"] == RAISED
    ok = lock is not None and not (raising and pile.guns[number].car)
    pile.answer(0x63, seq, gun_no=number, ok=1 if ok else 0)
    if ok and lock.position != fields["cmd"]:
        lock.position, lock.alarm = BETWEEN, NO_ALARM
        lock.goal, lock.moves_until = fields["cmd"], now + pile.timing.start_delay_s


def on_update(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    """Nothing is said until the update was carried out or given up."""
    held = pile.held
    wrong_model = (fields["model"] == DC_MODEL) != pile.spec.dc
    state = pile.faults.get("refuse_firmware")
    held.update_state = int(state) if state is not None else OTHER_MODEL if wrong_model else INSTALLED
    held.update_at = now + pile.timing.answer_s
    held.update_when_idle = fields["when"] == IDLE_ONLY


def on_qr_prefix(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    pile.held.qr_prefix, pile.held.qr_with_gun = fields["prefix"], fields["format"] == 1
    pile.answer(0xF1, seq, result=1)


def on_balance(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    gun = pile.gun(fields)
    if gun and gun.session:
        gun.session.balance = fields["balance"]
    pile.answer(0x41, seq, physical_card=fields["physical_card"], result=0 if gun else 1)


def on_work_parameters(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    pile.forbidden = bool(fields["forbid"])
    pile.power_pct = min(100, max(30, fields["power_pct"]))
    pile.answer(0x51, seq, ok=1)
    if pile.forbidden:
        for gun in pile.guns.values():
            if gun.session:
                pile.finish(gun, codes.STOP_MANUAL, now)


def on_time(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    if fields["time"] is not None:
        pile.set_clock(fields["time"])
    pile.answer(0x55, seq, time=pile.wall())


def on_reboot(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    pile.answer(0x91, seq, ok=1)
    if fields["when"] == 1:
        pile.lose_power(now)
    pile.restart_soon()


HANDLERS = {
    0x44: on_cards_stored,
    0x46: on_cards_cleared,
    0x48: on_cards_looked_up,
    0x62: on_lock_command,
    0x94: on_update,
    0x42: on_balance,
    0x52: on_work_parameters,
    0x56: on_time,
    0x92: on_reboot,
    0xF0: on_qr_prefix,
}
