"""The simulated OCPP piles are looked after by the platform itself: every command, and what follows it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from devices.models import (
    DeviceCommand,
    DeviceVariable,
    FirmwareTarget,
    HeldItem,
    HeldProfile,
    IssuedCertificate,
    LocalList,
    PileNotice,
    PileUpload,
    Reservation,
)
from devices.protocols.capabilities import supported_kinds
from devices.services import firmware_campaigns, local_lists, reservations, uploads
from devices.services.commands import send_command
from devices.services.firmware_files import add_firmware
from devices.simulators.battery import CAR_MODELS, Car
from devices.simulators.ocpp16 import Ocpp16Pile
from devices.simulators.ocpp201 import Ocpp201Pile
from devices.simulators.ocppj.certificates import Certificates
from devices.simulators.ocppj.limits import Limits, held_limit
from kernel.actor import system
from stations.models import Connector, Pile
from tests import factories as f
from tests.devices.gateway.test_ykc_listener import until as until_soon
from tests.devices.simulators.ocpp_platform import PASSWORD
from tests.devices.simulators.test_ocpp201 import FAST, InThread
from tests.factories import make_site

K = DeviceCommand.Kind
TIMING = replace(FAST, answer_s=10.0, heartbeat_s=2.0)
until = partial(until_soon, timeout=20.0)
ACTOR = system("tests")
INTERVAL = {"ocpp16": "MeterValueSampleInterval", "ocpp201": "SampledDataCtrlr.TxUpdatedInterval"}


def root_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root")])
    now = timezone.now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 77, now, now + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.feature("OPS-13")
@pytest.mark.feature("PIL-06")
@pytest.mark.parametrize("protocol", ["ocpp16", "ocpp201"])
def test_a_simulated_pile_answers_every_command(
    live_gateway, transactional_db, settings, tmp_path, protocol, client
):
    settings.EV_DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path
    settings.DEVICE_FILES_URL = live_gateway.http_url
    place = make_site(protocol=protocol, online=False, connectors=2)
    Pile.objects.filter(pk=place.pile.pk).update(password=make_password(PASSWORD))
    kind_of_pile = Ocpp16Pile if protocol == "ocpp16" else Ocpp201Pile
    url = f"{live_gateway.ws_url}/ocpp"
    simulated = kind_of_pile(place.pile.code, password=PASSWORD, url=url, timing=TIMING, connectors=2)
    newer = protocol == "ocpp201"
    sent = {K.START, K.STOP, K.SEND_CERTIFICATE, K.UPLOAD_LOG, K.RESERVE, K.CANCEL_RESERVATION, K.SYNC_CARDS}

    def pile() -> Pile:
        return Pile.objects.get(pk=place.pile.pk)

    def ask(kind, state="accepted", connector_no=0, **params) -> DeviceCommand:
        sent.add(kind)
        command = send_command(actor=ACTOR, pile=pile(), kind=kind, connector_no=connector_no, params=params)
        return ended(command, state)

    def ended(command, state="accepted") -> DeviceCommand:
        rows = DeviceCommand.objects.filter(pk=command.pk).exclude(state__in=["queued", "sent"])
        row = until(rows.first)
        assert row.state == state, (row.kind, row.params, row.reason, row.result)
        return row

    def held(kind) -> list[str]:
        return sorted(HeldItem.objects.filter(pile=place.pile, kind=kind).values_list("key", flat=True))

    def state_of(number) -> str:
        return Connector.objects.get(pile=place.pile, number=number).state

    with InThread(simulated) as running:
        until(lambda: state_of(1) == state_of(2) == "idle")
        ask(K.READ_STATUS, connector_no=1)
        for message in ("Heartbeat", "FirmwareStatusNotification", "LogStatusNotification"):
            ask(K.TRIGGER, message=message)
        ask(K.DATA_TRANSFER, "rejected", vendor_id="x")
        # One from the console; its log says what was asked and what came back, in words.
        client.force_login(f.make_staff(superuser=True))
        client.post(
            reverse("admin:stations_pile_command", args=[place.pile.pk, K.CLEAR_CACHE]), {"reason": "试验"}
        )
        sent.add(K.CLEAR_CACHE)
        ended(DeviceCommand.objects.get(pile=place.pile, kind=K.CLEAR_CACHE))
        log = client.get(reverse("admin:devices_devicecommand_changelist"), {"q": place.pile.code})
        with translation.override("zh-hans"):
            words = gettext("The pile does not know this vendor.").rstrip("。")
        for text in ("清除", words):
            assert text in log.content.decode(), text
        # Configuration.
        ask(K.GET_REPORT)
        until(lambda: DeviceVariable.objects.filter(pile=place.pile, path=INTERVAL[protocol]).exists())
        if newer:
            ask(K.MONITOR_VARIABLE, key=INTERVAL[protocol], type="Delta", value="1", severity=2)
            assert held("monitor") == ["1"]
        ask(K.CHANGE_CONFIGURATION, key=INTERVAL[protocol], value="7")
        ask(K.GET_CONFIGURATION, keys=[INTERVAL[protocol]])
        assert DeviceVariable.objects.get(pile=place.pile, path=INTERVAL[protocol]).value == "7"
        # Cards.
        cards = [{"tag": "A"}, {"tag": "B", "status": "blocked"}]
        ended(local_lists.sync(actor=ACTOR, pile=pile(), cards=cards, full=True))
        assert simulated.cards == {"A": "Accepted", "B": "Blocked"}
        ask(K.QUERY_CARDS)
        assert LocalList.objects.get(pile=place.pile).reported_version == 1
        # Reservations: one is cancelled, one is over.
        for end in ("cancelled", "expired"):
            row = reservations.reserve(
                actor=ACTOR, pile=pile(), connector_no=2, id_tag="C", expires_at=timezone.now() + timedelta(hours=1)
            )  # fmt: skip
            until(lambda: state_of(2) == "reserved")
            if end == "cancelled":
                ended(reservations.cancel(actor=ACTOR, reservation=row, reason="not needed"))
            elif newer:
                simulated.faults.set("clock_skew", 7200)
            else:
                Reservation.objects.filter(pk=row.pk).update(expires_at=timezone.now())
                reservations.expire_due()
                running.do(simulated.cancel_reservation, row.pk)
            until(lambda pk=row.pk, end=end: Reservation.objects.get(pk=pk).state == end)
            until(lambda: state_of(2) == "idle")
        simulated.faults.clear("clock_skew")
        # Limits.
        periods = [{"start_s": 0, "limit": 20}]
        ask(K.SET_CHARGING_PROFILE, connector_no=1, periods=periods)
        ask(K.SET_CHARGING_PROFILE, "rejected", connector_no=1, periods=periods, purpose="transaction", transaction_ref="5")  # fmt: skip
        ask(K.SET_POWER_LIMIT, limit_kw="11")
        course = ask(K.GET_CHARGING_SCHEDULE, connector_no=1, duration_s=120, unit="W").result
        schedule = course["schedule" if newer else "chargingSchedule"]
        assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 11000}]
        if newer:
            ask(K.GET_CHARGING_SCHEDULE, profiles=True)
        until(lambda: HeldProfile.objects.filter(pile=place.pile).count() == 2)
        ask(K.SET_POWER_LIMIT)
        ask(K.CLEAR_CHARGING_PROFILE)
        assert not HeldProfile.objects.exists()
        # Certificates.
        ask(K.INSTALL_CERTIFICATE, certificate=root_certificate(), use="platform")
        ask(K.INSTALL_CERTIFICATE, "rejected", certificate="-----BEGIN CERTIFICATE-----\nx")
        ask(K.LIST_CERTIFICATES)
        data = HeldItem.objects.get(pile=place.pile, kind="certificate").data
        ask(K.DELETE_CERTIFICATE, issuer_name_hash=data["issuerNameHash"], issuer_key_hash=data["issuerKeyHash"], serial_no=data["serialNumber"])  # fmt: skip
        assert held("certificate") == [] and simulated.certificates.trusted == []
        ask(K.RENEW_CERTIFICATE)
        until(lambda: IssuedCertificate.objects.filter(pile=place.pile, installed_at__isnull=False).first())
        assert "station" in simulated.certificates.own
        # A log.
        upload = uploads.ask(actor=ACTOR, pile=pile(), reason="a look", log="diagnostics")
        until(lambda: PileUpload.objects.get(pk=upload.pk).state == "received")
        assert b"all is well" in PileUpload.objects.get(pk=upload.pk).file.read()
        if newer:
            _newer_only(ask, held, simulated)
        # Firmware, which restarts the pile.
        model = f.PileModelFactory()
        Pile.objects.filter(pk=place.pile.pk).update(model=model)
        image = add_firmware(
            actor=ACTOR, model=model, version="2.1.3", file=ContentFile(b"image", name="a.bin")
        )
        campaign = firmware_campaigns.create_campaign(
            actor=ACTOR, operator=place.pile.operator, firmware=image, name="one"
        )
        firmware_campaigns.move(actor=ACTOR, campaign=campaign, event="start", reason="test")
        until(lambda: pile().firmware == "2.1.3")
        until(lambda: FirmwareTarget.objects.get().state == "done")
        told = PileNotice.objects.filter(pile=place.pile, kind="firmware").order_by("pk")
        assert [row.code for row in told][-4:] == ["downloading", "downloaded", "installing", "installed"]
        assert PileNotice.objects.filter(kind="security", code="FirmwareUpdated").exists()
        until(lambda: pile().online and state_of(1) == "idle")
        simulated.faults.set("firmware_fails")
        ask(K.UPDATE_FIRMWARE, url="ftp://files/pile-3.0.bin", signature="c2ln", signing_certificate="x")
        until(lambda: PileNotice.objects.filter(kind="firmware").latest("pk").code == "install_failed")
        ask(K.CLEAR_CARDS, version=9)
        ask(K.SET_AVAILABILITY, connector_no=2, available=False)
        ask(K.UNLOCK, connector_no=1)
        ask(K.REBOOT)
        assert sent == supported_kinds(protocol)


def _newer_only(ask, held, simulated) -> None:
    """What OCPP 2.0.1 alone can be asked for."""
    assert PileNotice.objects.get(kind="component").detail == "7"
    ask(K.MONITOR_VARIABLE, "rejected", key="Nothing.Here", value="1")
    ask(K.MONITOR_VARIABLE, action="level", severity=5)
    ask(K.MONITOR_VARIABLE, action="report")
    ask(K.MONITOR_VARIABLE, action="clear", monitor_id=1)
    ask(K.MONITOR_VARIABLE, action="base", base="All")
    assert ask(K.MONITOR_VARIABLE, action="report").reason == "EmptyResultSet" and held("monitor") == []
    ask(K.DISPLAY_MESSAGE, text="谷时八折", message_id=4)
    ask(K.DISPLAY_MESSAGE, action="list")
    assert held("message") == ["4"]
    ask(K.DISPLAY_MESSAGE, action="clear", message_id=4)
    assert ask(K.DISPLAY_MESSAGE, action="list").reason == "Unknown" and held("message") == []
    ask(K.SET_NETWORK_PROFILE, slot=1, url="wss://elsewhere/ocpp")
    assert held("network") == ["1"] and simulated.networks[1]["ocpp_csms_url"] == "wss://elsewhere/ocpp"
    ask(K.CUSTOMER_INFORMATION, tag="A", clear=True)
    until(lambda: PileNotice.objects.filter(kind="customer").first())
    assert ask(K.TRANSACTION_STATUS, transaction_ref="T").result == {
        "messagesInQueue": False, "ongoingIndicator": False,
    }  # fmt: skip
    ask(K.SHOW_COST, transaction_ref="T", cost_fen=1250)
    assert simulated.costs == {"T": 12.5}


@pytest.mark.parametrize("kind_of_pile", [Ocpp16Pile, Ocpp201Pile])
async def test_a_card_of_the_list_starts_without_a_link_and_a_limit_is_kept(kind_of_pile):
    pile = kind_of_pile("CP-1", url="ws://127.0.0.1:9/ocpp", timing=FAST, speed=400.0)
    running = asyncio.create_task(pile.run())
    pile.take_cards(1, {"A": "Accepted", "B": "Blocked"}, full=True)
    assert pile.take_cards(1, {"C": "Accepted"}, full=False) == "VersionMismatch"
    pile.plug(1, Car(CAR_MODELS[2], soc_pct=20))
    for tag in ("B", "Z"):
        pile.swipe(1, tag)
        assert pile.state(1) == "plugged"
    said = {
        "charging_profile_purpose": "TxDefaultProfile",
        "stack_level": 0,
        "charging_profile_kind": "Absolute",
    }
    schedule = {"charging_rate_unit": "W", "charging_schedule_period": [{"start_period": 0, "limit": 8000}]}
    limit = held_limit(
        said, number=1, connector=1, purposes={"TxDefaultProfile": "default"}, schedule=schedule
    )
    pile.take_limit(limit, None)
    pile.swipe(1, "A")
    await pile.wait_until(
        lambda: pile.connectors[1].transaction and pile.connectors[1].transaction.run.power_kw
    )
    run = pile.connectors[1].transaction.run
    assert run.limit_kw == 8.0 and run.power_kw <= 8.0 * run.speed
    await pile.close()
    await running


def test_certificates_and_limits_refuse_what_is_not_theirs():
    mine, other = Certificates("CP-1"), Certificates("CP-2")
    assert mine.request("station").startswith("-----BEGIN CERTIFICATE REQUEST")
    assert not mine.take("station", root_certificate()) and not mine.take("station", "no PEM")
    assert not other.install("x", "no PEM") and not other.delete({"serial_number": "1"})
    assert not Limits().clear(number=1)
