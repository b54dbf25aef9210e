"""How a charge begins and ends at a simulated YKC pile: by the platform, by card or VIN, over one gun or several.

A pile that has no link lets the cards of its own list charge and numbers the transaction itself (YKC V1.6 §4).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any

from devices.protocols.ykc.codec.datatypes import BEIJING
from devices.simulators.ykc import codes

if TYPE_CHECKING:
    from devices.simulators.ykc.gun import Gun
    from devices.simulators.ykc.logic import YkcLogic

CARD, VIN = 1, 3
BY_APP, BY_CARD, BY_OFFLINE_CARD, BY_VIN = 1, 2, 4, 5  # trade_type of the record
OFFLINE_BALANCE = Decimal("9999.00")
MAIN, AUXILIARY = 0, 1
NOT_PLUGGED = 0x05


@dataclass(slots=True)
class Asked:
    """A start that waits for its answer; `begin` is what the answer allowed, until all guns of a merge may begin."""

    mode: int
    card: str
    merge_no: str = ""
    role: int = MAIN
    begin: dict[str, Any] | None = None


def physical(card: str) -> str:
    return card.upper().rjust(16, "0")


def _digest(password: str) -> str:
    """Sixteen characters out of the MD5 of the input, as ASCII (YKC V1.6 §6.5)."""
    if not password:
        return "00" * 16
    return md5(password.encode(), usedforsecurity=False).hexdigest()[8:24].encode().hex()


def ask(
    pile: YkcLogic,
    numbers: list[int],
    now: float,
    *,
    card: str = "",
    vin: str = "",
    password: str = "",
) -> None:
    """Ask the platform for a start on these guns; more than one is a merged charge with the first as its main gun."""
    merge_no = f"{pile.wall().astimezone(BEIJING):%y%m%d%H%M%S}" if len(numbers) > 1 else ""
    for at, number in enumerate(numbers):
        gun = pile.guns[number]
        gun.refusal = ""
        gun.asked = Asked(CARD if card else VIN, physical(card), merge_no, AUXILIARY if at else MAIN)
        fields = {
            "gun_no": f"{number:02d}",
            "mode": gun.asked.mode,
            "need_pwd": 1 if password else 0,
            "physical_card": physical(card),
            "password": _digest(password),
            "vin": vin,
        }
        if merge_no:
            pile.answer(0xA1, None, **fields, role=gun.asked.role, merge_no=merge_no)
        else:
            pile.answer(0x31, None, **fields)


def swipe(pile: YkcLogic, numbers: list[int], card: str, now: float, *, password: str = "") -> None:
    """A card at the reader: it ends the charge it belongs to, else it asks for one; offline the pile decides."""
    for number in numbers:
        session = pile.guns[number].session
        if session is not None:
            if physical(card) == session.physical_card:
                pile.stop_by_hand(number, now)
            return
    if pile.phase in ("tariff", "ready"):
        ask(pile, numbers, now, card=card, password=password)
    elif physical(card) in pile.held.cards and pile.tariff is not None:
        _begin_offline(pile, pile.guns[numbers[0]], physical(card), now)


def _begin_offline(pile: YkcLogic, gun: Gun, card: str, now: float) -> None:
    if gun.car is None or gun.fault_bits or pile.forbidden:
        return
    stamp = f"{pile.wall().astimezone(BEIJING):%y%m%d%H%M%S}"
    pile.offline_count = (pile.offline_count + 1) % 10_000
    trade_no = f"{pile.spec.code}{gun.number:02d}{stamp}{pile.offline_count:04d}"
    pile.begin(gun, trade_no, OFFLINE_BALANCE, now, trade_type=BY_OFFLINE_CARD, physical_card=card)


def on_answer(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    """32 and A2: a merged charge begins only when all its guns were allowed."""
    number = int(fields["gun_no"])
    gun = pile.guns.get(number)
    asked = gun.asked if gun else None
    if asked is None or asked.merge_no != fields.get("merge_no", ""):
        return
    party = [
        one
        for one in pile.guns.values()
        if one.asked and asked.merge_no and one.asked.merge_no == asked.merge_no
    ] or [gun]
    if fields["ok"] != 1:
        gun.refusal = fields["fail"]
        for one in party:
            one.asked = None
        return
    asked.begin = {"trade_no": fields["trade_no"], "balance": fields["balance"]}
    if any(one.asked.begin is None for one in party):
        return
    for one in party:
        kind = BY_CARD if one.asked.mode == CARD else BY_VIN
        allowed, card, one.asked = one.asked.begin, one.asked.card, None
        pile.begin(one, allowed["trade_no"], allowed["balance"], now, trade_type=kind, physical_card=card)


def on_merged_start(pile: YkcLogic, fields: dict[str, Any], seq: bytes, now: float) -> None:
    """A4: one frame per gun; answered by A3, the lowest gun being the main one."""
    number = int(fields["gun_no"]) if fields["gun_no"].isdigit() else 0
    gun = pile.guns.get(number)
    fail = why_not(pile, gun, fields)
    pile.answer(
        0xA3,
        seq,
        trade_no=fields["trade_no"],
        gun_no=fields["gun_no"],
        ok=0 if fail else 1,
        fail=f"{fail:02X}",
        role=MAIN if number == min(pile.guns) else AUXILIARY,
        merge_no=fields["merge_no"],
    )
    if not fail:
        pile.begin(gun, fields["trade_no"], fields["balance"], now, physical_card=fields["physical_card"])


def on_start(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    if "never_answer_start" in pile.faults:
        return
    gun = pile.gun(fields)
    fail = why_not(pile, gun, fields)
    if fail == NOT_PLUGGED and gun is not None:
        gun.waiting_start = (fields, seq, now + pile.timing.plug_wait_s)
    if fail:
        _answer(pile, fields, seq, fail)
    else:
        accept(pile, gun, fields, seq, now)


def why_not(pile: YkcLogic, gun: Gun | None, fields: dict) -> int:
    """The reason byte of 33 for a start that cannot be; 0 for one that can."""
    rejection = pile.faults.get("reject_start")
    if fields["pile_code"] != pile.spec.code or gun is None:
        return 0x01
    if rejection is not None:
        return int(rejection)
    if gun.session:
        return 0x02
    if gun.fault_bits:
        return 0x03
    if pile.tariff is None:
        return 0x07
    if pile.forbidden:
        return 0x09
    return NOT_PLUGGED if gun.car is None else 0


def accept(pile: YkcLogic, gun: Gun, fields: dict, seq: bytes, now: float) -> None:
    pile.begin(gun, fields["trade_no"], fields["balance"], now, physical_card=fields["physical_card"])
    _answer(pile, fields, seq, 0)


def _answer(pile: YkcLogic, fields: dict, seq: bytes, fail: int) -> None:
    pile.answer(
        0x33,
        seq,
        trade_no=fields["trade_no"],
        gun_no=fields["gun_no"],
        ok=0 if fail else 1,
        fail=f"{fail:02X}",
    )


def on_stop(pile: YkcLogic, fields: dict, seq: bytes, now: float) -> None:
    gun = pile.gun(fields)
    running = gun is not None and gun.session is not None
    pile.answer(0x35, seq, gun_no=fields["gun_no"], ok=1 if running else 0, fail="00" if running else "02")
    if gun is not None:
        gun.waiting_start = None
    if running:
        pile.finish(gun, codes.STOP_BY_APP, now)


HANDLERS = {0x32: on_answer, 0xA2: on_answer, 0xA4: on_merged_start, 0x34: on_start, 0x36: on_stop}
