"""The frame log: found by pile, day, transaction and fault, carried off, and decoded again to the same result."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from devices.models import FrameLog
from devices.protocols.offline import Undecodable, decode_logged
from kernel.models import AuditEvent
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket


def stored() -> list[FrameLog]:
    return list(FrameLog.objects.unscoped("test").order_by("pk"))


@pytest.mark.feature("PIL-35", "PIL-50")
def test_the_frames_of_a_day_are_carried_off_and_decode_to_the_same(live_gateway, client):
    site = factories.make_site(online=False, connectors=2)
    pile = site.pile
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        sock.login()
        sock.send(0x03, gun_no="01", gun_status=0)
        sock.expect(0x04)
        sock.send_raw(bytes.fromhex("680C00010003") + bytes(8))  # a wrong checksum
        sock.send(0x03, gun_no="01", gun_status=0)
        sock.expect(0x04)
    until(lambda: len([row for row in stored() if row.error]) >= 1 and len(stored()) >= 8)
    yesterday = timezone.now() - timedelta(days=1)
    FrameLog.objects.create(
        at=yesterday, protocol="ykc", direction="in", name="??", raw="00", pile_id=pile.pk, pile_code=pile.code,
        operator_id=pile.operator_id, station_id=pile.station_id,
    )  # fmt: skip

    client.force_login(factories.make_staff(superuser=True))
    url = reverse("admin:devices_framelog_download")
    day = timezone.localdate().isoformat()
    answer = client.get(url, {"pile": pile.code, "day": day})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="frames-{pile.code}-{day}.jsonl"'
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]
    todays = [row.pk for row in stored() if row.at > yesterday and row.pk <= lines[-1]["id"]]
    assert [line["id"] for line in lines] == todays, "yesterday's is of another day"
    assert len(lines) >= 8
    for line in lines:
        if line["error"]:
            assert line["raw"]
            continue
        again = decode_logged("ykc", line["raw"], to_pile=line["direction"] == "out")
        assert again["name"] == line["name"]
        if line["direction"] == "in":
            assert again["fields"] == line["decoded"]
        else:
            assert {key: again["fields"][key] for key in line["decoded"]}.keys() == line["decoded"].keys()
    assert {line["name"][:2] for line in lines} >= {"01", "02", "03", "04"}
    assert AuditEvent.objects.get(action="devices.download_frames").after == {"day": day}
    assert client.get(url, {"pile": pile.code, "day": "26.11."}).status_code == 400
    assert client.get(url, {"pile": "nobody", "day": day}).status_code == 404

    listed = reverse("admin:devices_framelog_changelist")
    page = client.get(listed, {"q": pile.code, "when": day, "unreadable": "1"}).content.decode()
    assert page.count("field-pile_code") == 1
    assert "field-pile_code" in client.get(listed, {"when": yesterday.date().isoformat()}).content.decode()

    said = StringIO()
    call_command("frames", "--pile", pile.code, "--day", day, "--json", stdout=said)
    printed = [json.loads(line) for line in said.getvalue().splitlines()[:-1]]
    assert printed[: len(lines)] == lines
    said = StringIO()
    call_command("frames", "--pile", pile.code, "--errors", stdout=said)
    assert said.getvalue().splitlines()[-1] == "frames=1"


@pytest.mark.django_db
@pytest.mark.embedded
def test_frames_of_piles_out_of_scope_stay_there(client):
    site, other = factories.make_site(), factories.make_site()
    staff = factories.make_staff("devices.view_framelog", "kernel.add_exportjob", operator=site.operator)
    client.force_login(staff)
    url = reverse("admin:devices_framelog_download")
    day = timezone.localdate().isoformat()
    assert client.get(url, {"pile": other.pile.code, "day": day}).status_code == 404


@pytest.mark.embedded
def test_decoding_says_what_it_cannot_read():
    assert decode_logged("ocpp16", '[2,"1","Heartbeat",{}]') == {"name": "Heartbeat", "fields": {}}
    assert decode_logged("ocpp201", '[3,"1",{"a":1}]') == {"name": "result", "fields": [{"a": 1}]}
    for protocol, raw, said in [
        ("ykc", "zz", "not hexadecimal"),
        ("ykc", "68", "does not start as a frame"),
        ("dny", "68", "does not start as a frame"),
        ("ocpp16", "{}", "no OCPP-J message"),
        ("mqtt", "", "not one of ykc, dny, ocpp16, ocpp201"),
    ]:
        with pytest.raises(Undecodable, match=said):
            decode_logged(protocol, raw)
    said = StringIO()
    call_command("decode_frame", "--protocol", "ocpp16", '[2,"1","Authorize",{"idTag":"A"}]', stdout=said)
    assert said.getvalue() == "Authorize\n  idTag = A\n"
    with pytest.raises(CommandError, match="not hexadecimal"):
        call_command("decode_frame", "--protocol", "ykc", "zz")
