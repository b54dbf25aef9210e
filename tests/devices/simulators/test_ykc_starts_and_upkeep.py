"""The simulated YKC pile: what its cars say, starts by card and VIN, and everything the platform can ask of it."""

from decimal import Decimal
from hashlib import md5

import pytest

from devices.protocols.ykc.codec import plausible_vin, words
from devices.simulators.battery import CAR_MODELS, Car
from tests.devices.simulators.test_ykc import CODE, TRADE, charge, site

VIN = "LSVAA49J132047371"
CARD, OTHER_CARD = "00000000D14B0A54", "00000000E14C0A54"


def car(soc_pct: float = 20) -> Car:
    return Car(CAR_MODELS[2], soc_pct=soc_pct, vin=VIN)


def allow(platform, gun="01", *, trade_no=TRADE, kind=0x32, **more) -> None:
    fields = {"trade_no": trade_no, "pile_code": CODE, "gun_no": gun, "logical_card": "0" * 16}
    platform.send(kind, **fields, **({"balance": Decimal("50.00"), "ok": 1, "fail": "00"} | more))


async def test_the_car_speaks_from_handshake_to_statistics():
    async with site() as (platform, pile):
        await charge(platform, pile, car=car())
        await pile.wait_until(lambda: len(platform.of(0x23)) >= 2 and len(platform.of(0x25)) >= 2)
        platform.stop(CODE)
        await pile.wait_until(lambda: platform.of(0x19))
        (handshake,), (parameters,) = platform.of(0x15), platform.of(0x17)
        assert (handshake["vin"], handshake["trade_no"], handshake["battery_type"]) == (VIN, TRADE, 3)
        assert parameters["i_max"] < 0 and parameters["energy"] == Decimal("60.5")
        assert platform.of(0x23)[-1]["soc"] >= 20 and not platform.of(0x1D)
        (stopped,) = platform.of(0x21)
        assert [flag.slug for flag in words.bms_flags(0x21, stopped)] == ["condition_reached"]

    async with site("vehicle_silent=0.05") as (platform, pile):
        await charge(platform, pile, car=car())
        await pile.wait_until(lambda: platform.of(0x3B))
        assert [flag.slug for flag in words.bms_flags(0x1B, platform.of(0x1B)[0])] == ["bcl"]
        assert platform.of(0x3B)[0]["stop_reason"] == "85"

    async with site(dc=False) as (platform, pile):
        await charge(platform, pile)
        platform.stop(CODE)
        await pile.wait_until(lambda: platform.of(0x3B))
        assert not {0x15, 0x17, 0x19, 0x21, 0x23, 0x25} & {message.type for message in platform.messages}


async def test_a_card_or_a_vin_asks_for_a_start_and_the_card_ends_it():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        pile.plug(1, car())
        pile.swipe(1, CARD, password="1234")
        await pile.wait_until(lambda: platform.of(0x31))
        asked = platform.of(0x31)[0]
        assert (asked["mode"], asked["need_pwd"], asked["physical_card"]) == (1, 1, CARD)
        assert bytes.fromhex(asked["password"]).decode() == md5(b"1234").hexdigest()[8:24]
        allow(platform, ok=0, fail="03")
        await pile.wait_until(lambda: pile.logic.guns[1].refusal == "03")
        assert pile.state(1) == "plugged"

        pile.ask_by_vin(1)
        await pile.wait_until(lambda: len(platform.of(0x31)) == 2)
        assert plausible_vin(platform.of(0x31)[1]["vin"]) == VIN
        allow(platform)
        await pile.wait_until(lambda: pile.state(1) == "charging")
        pile.stop_by_hand(1)
        await pile.wait_until(lambda: platform.of(0x3B))
        assert platform.of(0x3B)[0]["trade_type"] == 5

        pile.swipe(1, CARD)
        await pile.wait_until(lambda: len(platform.of(0x31)) == 3)
        allow(platform, trade_no=TRADE[:-1] + "2")
        await pile.wait_until(lambda: pile.state(1) == "charging")
        pile.swipe(1, OTHER_CARD)
        assert pile.state(1) == "charging", "only the card of the charge ends it"
        pile.swipe(1, CARD)
        await pile.wait_until(lambda: len(platform.of(0x3B)) == 2)
        record = platform.of(0x3B)[1]
        assert (record["trade_type"], record["physical_card"], record["stop_reason"]) == (2, CARD, "45")


async def test_two_guns_of_one_vehicle_begin_together_or_not_at_all():
    async with site(connectors=2) as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        pile.plug(1, car())
        pile.plug(2, car())
        pile.swipe(1, CARD, also=(2,))
        await pile.wait_until(lambda: len(platform.of(0xA1)) == 2)
        main, auxiliary = platform.of(0xA1)
        assert (main["role"], auxiliary["role"]) == (0, 1) and main["merge_no"] == auxiliary["merge_no"]
        allow(platform, kind=0xA2, merge_no=main["merge_no"])
        allow(platform, "02", kind=0xA2, merge_no=main["merge_no"], ok=0, fail="08")
        await pile.wait_until(lambda: pile.logic.guns[2].refusal == "08")
        assert (pile.state(1), pile.state(2)) == ("plugged", "plugged")

        pile.swipe(1, CARD, also=(2,))
        await pile.wait_until(lambda: len(platform.of(0xA1)) == 4)
        merge_no = platform.of(0xA1)[-1]["merge_no"]
        allow(platform, kind=0xA2, merge_no=merge_no)
        allow(platform, "02", kind=0xA2, merge_no=merge_no, trade_no=TRADE[:-1] + "2")
        await pile.wait_until(lambda: (pile.state(1), pile.state(2)) == ("charging", "charging"))
        for number in (1, 2):
            pile.stop_by_hand(number)
        await pile.wait_until(lambda: len(platform.of(0x3B)) == 2)

        for gun, last in (("01", "8"), ("02", "9")):
            platform.send(
                0xA4,
                trade_no=TRADE[:-1] + last,
                pile_code=CODE,
                gun_no=gun,
                logical_card="0" * 16,
                physical_card=CARD,
                balance=Decimal("50.00"),
                merge_no="261120120000",
            )
        await pile.wait_until(lambda: (pile.state(1), pile.state(2)) == ("charging", "charging"))
        assert [(f["ok"], f["role"], f["merge_no"]) for f in platform.of(0xA3)] == [
            (1, 0, "261120120000"),
            (1, 1, "261120120000"),
        ]


@pytest.mark.feature("BOOT-04")
async def test_cards_are_kept_and_let_charge_without_a_link():
    async with site() as (platform, pile):
        await pile.wait_until(lambda: pile.online)
        platform.send(
            0x44,
            pile_code=CODE,
            cards=[
                {"logical_card": "0000001000000573", "physical_card": card} for card in (CARD, OTHER_CARD)
            ],
        )
        platform.send(0x48, pile_code=CODE, cards=[CARD, "00000000000000FF"])
        platform.send(0x46, pile_code=CODE, cards=[OTHER_CARD, "00000000000000FF"])
        await pile.wait_until(lambda: platform.of(0x45))
        assert platform.of(0x43)[0]["ok"] == 1
        assert [one["result"] for one in platform.of(0x47)[0]["cards"]] == [1, 0]
        assert [one["mark"] for one in platform.of(0x45)[0]["cards"]] == [1, 0]

        pile.plug(1, car())
        pile.drop_link(away_s=0.4)
        await pile.wait_until(lambda: pile.logic.phase == "down")
        pile.swipe(1, OTHER_CARD)
        assert pile.state(1) == "plugged", "a card that was cleared"
        pile.swipe(1, CARD)
        await pile.wait_until(lambda: pile.state(1) == "charging")
        pile.swipe(1, CARD)
        await pile.wait_until(lambda: platform.of(0x3B), timeout=8)
        types = [message.type for message in platform.messages]
        again = len(types) - types[::-1].index(0x01)
        assert types[again] == 0x3B, "what is stored goes first after a login"
        record = platform.of(0x3B)[0]
        assert (record["trade_type"], record["physical_card"]) == (4, CARD)
        assert record["trade_no"].startswith(f"{CODE}01")


async def test_locks_firmware_and_the_qr_prefix():
    async with site(bay_locks=True) as (platform, pile):
        await pile.wait_until(lambda: pile.online and platform.of(0x61))
        assert (platform.of(0x61)[0]["lock"], platform.of(0x61)[0]["bay"]) == ("FF", "00")
        platform.send(0x62, pile_code=CODE, gun_no=1, cmd="55")
        await pile.wait_until(lambda: platform.of(0x61)[-1]["lock"] == "55")
        pile.plug(1, car())
        await pile.wait_until(lambda: platform.of(0x61)[-1]["bay"] == "FF")
        pile.faults.set("lock_stuck")
        platform.send(0x62, pile_code=CODE, gun_no=1, cmd="FF")
        await pile.wait_until(lambda: platform.of(0x61)[-1]["alarm"] == "55")
        platform.send(0x62, pile_code=CODE, gun_no=1, cmd="55")
        await pile.wait_until(lambda: len(platform.of(0x63)) == 3)
        assert [one["ok"] for one in platform.of(0x63)] == [1, 1, 0], "no arm rises under a vehicle"

        platform.send(0xF0, pile_code=CODE, format=1, prefix="https://ev.example/q/")
        await pile.wait_until(lambda: platform.of(0xF1))
        assert (pile.logic.held.qr_prefix, pile.logic.held.qr_with_gun) == ("https://ev.example/q/", True)

        update = {
            "pile_code": CODE,
            "power": 60,
            "host": "10.1.2.3",
            "port": 21,
            "user": "ev",
            "password": "secret",
            "path": "/fw.bin",
            "when": 2,
            "timeout": 30,
        }
        platform.send(0x94, **update, model=2)
        await pile.wait_until(lambda: platform.of(0x93))
        assert platform.of(0x93)[0]["state"] == 2, "firmware of another model"
        logins = pile.stats.logins
        platform.send(0x94, **update, model=1)
        await pile.wait_until(lambda: len(platform.of(0x93)) == 2 and pile.stats.logins > logins)
        assert platform.of(0x93)[1]["state"] == 0
