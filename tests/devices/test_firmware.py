"""Firmware for many piles: in batches, never while one charges, with a result for every pile."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from devices.models import DeviceCommand, FirmwareCampaign, FirmwareFile, FirmwareTarget
from devices.services import commands, firmware, presence
from devices.services import firmware_campaigns as campaigns
from devices.services.references import pile_ref
from devices.tasks import advance_firmware_campaigns
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Connector, Pile
from tests import factories as f
from tests.users.tenants import make_order

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
IMAGE = b"firmware of the tests " * 1000
DIGEST = hashlib.sha256(IMAGE).hexdigest()
S = FirmwareTarget.State


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.FIRMWARE_FTP_URL = "ftp://piles:secret@files.example/media"


@pytest.fixture
def boss(client):
    client.force_login(f.make_staff(superuser=True))
    return client


def fleet(number=5, *, protocol="ocpp16"):
    """Idle online piles of one model at one station."""
    site = f.make_site(protocol=protocol)
    piles = [site.pile, *(f.add_pile(site.station, protocol=protocol) for _ in range(number - 1))]
    model = f.PileModelFactory()
    for pile in piles[1:]:
        f.bring_online(pile)
    rows = Pile.objects.filter(pk__in=[pile.pk for pile in piles])
    rows.update(model=model, firmware="1.0")
    Connector.objects.filter(pile__in=piles).update(state="idle", plugged=False)
    return site, model, list(rows.order_by("code"))


def add(boss, model, version="2.0", **more):
    page = boss.post(
        reverse("admin:devices_firmwarefile_add"),
        {
            "model": model.pk,
            "version": version,
            "file": SimpleUploadedFile("ac 7kW.bin", IMAGE),
            "expected_sha256": DIGEST,
            **more,
        },
    )
    assert page.status_code == 302, page.context["errors"]
    return FirmwareFile.objects.get(version=version)


def act(boss, campaign, action, **data):
    """One action of the campaign's page; returns the campaign after it."""
    address = reverse(f"admin:devices_firmwarecampaign_{action}", args=[campaign.pk])
    page = boss.post(address, {"reason": "试验", **data})
    assert page.status_code == 302, page.content.decode()
    campaign.refresh_from_db()
    return campaign


def states(campaign):
    return list(campaign.targets.order_by("pile__code").values_list("state", flat=True))


def tell(campaign, pile, status, detail=""):
    command = campaign.targets.get(pile=pile).command
    commands.complete_command(command_id=command.pk, state="accepted")
    firmware.report(
        pile=pile_ref(pile), status=status, at=timezone.now(), request_id=command.pk, detail=detail
    )


@pytest.mark.feature("PIL-06")
def test_a_campaign_goes_in_batches_pauses_and_is_taken_back(boss, client, settings):
    site, model, piles = fleet()
    old, new = add(boss, model, "1.0"), add(boss, model, "2.0")
    charging, offline = piles[3], piles[4]
    Connector.objects.filter(pile=charging, number=1).update(state="charging")
    presence.close_session(session_id=offline.sessions.get().pk, reason="disconnected")
    page = boss.post(
        reverse("admin:devices_firmwarecampaign_add"),
        {
            "name": "秋季升级",
            "operator": site.operator.pk,
            "firmware": new.pk,
            "stations": [site.station.pk],
            "batch_size": 2,
            "most_failures": 1,
        },
    )
    assert page.status_code == 302, page.context["errors"]
    campaign = FirmwareCampaign.objects.get()
    assert states(campaign) == [S.WAITING] * 5 and not DeviceCommand.objects.exists()
    act(boss, campaign, "start")
    assert states(campaign) == [S.ASKED, S.ASKED, S.WAITING, S.WAITING, S.WAITING]
    # The address is the pile's own: it gives the file without a login, and nothing once it is forged or old.
    address = (
        campaign.targets.get(pile=piles[0]).command.params["url"].removeprefix(settings.DEVICE_FILES_URL)
    )
    client.logout()
    fetched = client.get(address)
    assert b"".join(fetched.streaming_content) == IMAGE and fetched["Content-Length"] == str(len(IMAGE))
    assert client.get(address.replace("/device-firmware/", "/device-firmware/x")).status_code == 404
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("devices.services.firmware_files.GOOD_FOR", timedelta(seconds=-1))
        assert client.get(address).status_code == 404
    boss.force_login(f.make_staff(superuser=True))

    # The stages show; an end makes room for the next; a failure pauses.
    tell(campaign, piles[0], "downloading")
    shown = boss.get(reverse("admin:devices_firmwarecampaign_change", args=[campaign.pk])).content.decode()
    assert "正在下载" in shown and "升级中 2" in shown and 'hx-trigger="every 5s"' in shown
    tell(campaign, piles[0], "installed")
    advance_firmware_campaigns()
    assert states(campaign) == [S.DONE, S.ASKED, S.ASKED, S.WAITING, S.WAITING]
    tell(campaign, piles[1], "install_failed")
    advance_firmware_campaigns()
    campaign.refresh_from_db()
    assert (campaign.state, campaign.paused_because) == ("paused", "failures")

    # Resumed, the accepted failure counts no more; the pile that charged gets its turn when it is free.
    act(boss, campaign, "resume")
    Connector.objects.filter(pile=charging).update(state="idle")
    order = make_order(site, site.driver, state="charging", pile=charging, settled_at=None)
    advance_firmware_campaigns()
    assert states(campaign)[3] == S.WAITING, "an order that is not over keeps the pile"
    type(order).objects.filter(pk=order.pk).update(state="settled", settled_at=timezone.now())
    advance_firmware_campaigns()
    assert states(campaign) == [S.DONE, S.FAILED, S.ASKED, S.ASKED, S.WAITING]

    # A pile that comes back with the new version is done; one that could not be reached has failed.
    Pile.objects.filter(pk=piles[2].pk).update(firmware="2.0")
    presence.open_session(pile_id=piles[2].pk, protocol="ocpp16", channel="x", remote_address="")
    command = campaign.targets.get(pile=charging).command
    commands.complete_command(
        command_id=command.pk, state="failed", reason="connection lost before the answer"
    )
    act(boss, campaign, "pause")
    act(boss, campaign, "retry")
    assert campaign.state == "running" and states(campaign)[1] == states(campaign)[3] == S.ASKED
    tell(campaign, charging, "installed")
    act(boss, campaign, "cancel")
    assert states(campaign) == [S.DONE, S.ASKED, S.DONE, S.DONE, S.CANCELLED]

    # Back to the old version: those that were updated, in a campaign of its own.
    act(boss, campaign, "roll_back", firmware=old.pk)
    back = FirmwareCampaign.objects.get(rollback_of=campaign)
    assert (back.state, back.firmware, len(states(back))) == ("running", old, 3)
    assert states(back).count(S.ASKED) == 2
    out = call_json("--campaign", str(back.pk), "--do", "pause", "--reason", "night")
    assert out["campaigns"][0]["piles"] == {"asked": 2, "waiting": 1}


def call_json(*args):
    from io import StringIO

    out = StringIO()
    call_command("firmware_campaigns", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_what_a_campaign_refuses_and_leaves_out(boss, settings):
    site, model, piles = fleet(2, protocol="ykc")
    new = add(boss, model)
    wrong = boss.post(
        reverse("admin:devices_firmwarefile_add"),
        {
            "model": model.pk,
            "version": "3",
            "file": SimpleUploadedFile("x", b"x"),
            "expected_sha256": "0" * 64,
        },
    )
    assert wrong.status_code == 200 and not FirmwareFile.objects.filter(version="3").exists()
    given = {"operator": site.operator, "firmware": new, "name": "升级"}
    stranger = f.make_site()
    for actor, more, code in (
        (f.staff_actor(campaigns.PERMISSION, operator=stranger.operator), {}, "not_found"),
        (f.staff_actor(operator=site.operator), {}, "permission_denied"),
        (system("tests"), {"batch_size": 0}, "invalid"),
        (system("tests"), {"name": " "}, "invalid"),
        (system("tests"), {"pile_codes": [stranger.pile.code]}, "invalid"),
        (system("tests"), {"stations": [stranger.station]}, "campaign_empty"),
    ):
        with pytest.raises(DomainError) as refusal:
            campaigns.create_campaign(actor=actor, **{**given, **more})
        assert refusal.value.code == code
    assert not FirmwareCampaign.objects.exists()

    Pile.objects.filter(pk=piles[0].pk).update(firmware="2.0")
    campaign = campaigns.create_campaign(actor=system("tests"), **given)
    campaigns.move(actor=system("tests"), campaign=campaign, event="start", reason="x")
    assert states(campaign) == [S.SKIPPED, S.ASKED]
    target = campaign.targets.get(pile=piles[1])
    assert target.command.params["url"] == f"{settings.FIRMWARE_FTP_URL}/{new.file.name}"
    # YKC says one thing only, at the end; whoever says nothing at all has failed in the end.
    firmware.update_ended(
        pile=pile_ref(piles[1]), status="verification_failed", reason="firmware_wrong_model"
    )
    target.refresh_from_db()
    assert (target.state, target.reason) == (S.FAILED, "firmware_wrong_model")
    advance_firmware_campaigns()
    campaign.refresh_from_db()
    assert campaign.state == "finished"
    with pytest.raises(DomainError) as refusal:
        campaigns.move(actor=system("tests"), campaign=campaign, event="pause", reason="x")
    assert refusal.value.code == "illegal_transition"

    settings.FIRMWARE_FTP_URL = ""
    campaigns.move(actor=system("tests"), campaign=campaign, event="retry", reason="x")
    target.refresh_from_db()
    assert (target.state, target.reason) == (S.FAILED, "firmware_no_ftp")
    settings.FIRMWARE_FTP_URL = "ftp://files.example"
    campaigns.move(actor=system("tests"), campaign=campaign, event="retry", reason="x")
    assert states(campaign)[1] == S.ASKED
    FirmwareTarget.objects.update(asked_at=timezone.now() - timedelta(hours=3))
    advance_firmware_campaigns()
    target.refresh_from_db()
    assert (target.state, target.reason) == (S.FAILED, "no_end")
