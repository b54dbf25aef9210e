"""A campaign on the wire: the station is told, fetches the file and tells how it gets on."""

import urllib.request

import pytest
from django.core.files.base import ContentFile

from devices.models import FirmwareTarget
from devices.services import firmware_campaigns as campaigns
from devices.services.firmware_files import add_firmware
from kernel.actor import system
from stations.models import Connector, Pile
from tests import factories as f

ACTOR = system("tests")


@pytest.mark.feature("PIL-06")
def test_a_station_is_updated_by_a_campaign(station, pile, eventually, settings, tmp_path, live_gateway):
    settings.MEDIA_ROOT = tmp_path
    settings.DEVICE_FILES_URL = live_gateway.ws_url.replace("ws://", "http://")
    model = f.PileModelFactory()
    Pile.objects.filter(pk=pile.pk).update(model=model)
    Connector.objects.filter(pile=pile).update(state="idle")
    image = add_firmware(actor=ACTOR, model=model, version="2.0", file=ContentFile(b"image", name="a.bin"))
    campaign = campaigns.create_campaign(actor=ACTOR, operator=pile.operator, firmware=image, name="one")
    campaigns.move(actor=ACTOR, campaign=campaign, event="start", reason="test")
    message_id, action, payload = station.expect_call()
    assert action == "UpdateFirmware"
    with urllib.request.urlopen(payload["location"], timeout=10) as answer:
        assert answer.read() == b"image"
    station.answer(message_id, {})
    for word, stage in (("Downloading", "downloading"), ("Installing", "installing")):
        station.call("FirmwareStatusNotification", {"status": word})
        assert FirmwareTarget.objects.get().stage == stage
    station.call("FirmwareStatusNotification", {"status": "Installed"})
    target = FirmwareTarget.objects.get()
    assert (target.state, target.stage) == ("done", "installed")
    campaigns.advance()
    campaign.refresh_from_db()
    assert campaign.state == "finished"
