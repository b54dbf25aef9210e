"""What a pile must say first, what of it is checked, and where it strays from its protocol (YKC V1.6 §6.1, §7, §13)."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import translation

from devices.models import FrameLog, TransactionRecord, UnknownPile
from devices.protocols.ykc import codec
from devices.words import finding_text, refusal_text
from stations.models import Pile
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket, record_fields

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pile(site) -> Pile:
    model = factories.PileModelFactory(current_type="dc")
    Pile.objects.filter(pk=site.pile.pk).update(model=model)
    return Pile.objects.get(pk=site.pile.pk)


@pytest.mark.feature("BOOT-01")
@pytest.mark.message("ykc", "03")
def test_whoever_says_anything_before_the_login_is_closed_and_logged(live_gateway, pile):
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        sock.send(0x03, gun_no="01", gun_status=0)
        assert sock.closed()
    row = until(lambda: FrameLog.objects.filter(name__startswith="03").first())
    assert (row.pile_code, row.pile_id, row.direction) == (pile.code, None, "in")
    assert not Pile.objects.get(pk=pile.pk).online


@pytest.mark.feature("BOOT-02")
@pytest.mark.message("ykc", "01", "02")
def test_what_a_login_says_is_compared_with_the_registration(live_gateway, pile, settings):
    odd = {"gun_count": 4, "pile_type": 1, "proto_version": 99}
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        assert sock.login(**odd).fields["result"] == 0, "firmwares are known to get it wrong"
        until(lambda: len(Pile.objects.get(pk=pile.pk).findings) >= 3)
        findings = Pile.objects.get(pk=pile.pk).findings
        assert {"gun_count_differs", "pile_type_differs", "version_unknown"} <= set(findings)
    settings.YKC_STRICT_LOGIN = True
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        assert sock.login(gun_count=4).fields["result"] == 1
        assert sock.closed()
    assert UnknownPile.objects.get(code=pile.code).reason == "gun_count_differs"
    assert "枪数" in refusal_text("gun_count_differs")
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        assert sock.login().fields["result"] == 0


@pytest.mark.promise(3)
@pytest.mark.message("ykc", "3B", "3D", "40")
def test_dialects_are_counted_and_read_in_words(live_gateway, pile, client):
    other = "99999999999999" + "01" + "261120120000" + "0001"
    own = pile.code + "01" + "261120120000"
    with YkcSocket(live_gateway.ykc_port, pile.code) as sock:
        sock.login()
        sock.expect(0x56)
        raw = codec.encode(0x03, {"pile_code": pile.code, "gun_no": "01", "gun_status": 0}, surplus=b"\x41")
        sock.send_raw(raw[:-2] + raw[:-3:-1])  # a longer body, and the checksum high byte first
        sock.expect(0x04)
        sock.live(trade_no=own + "0003", energy=Decimal("1.0000"))
        for trade_no in ("0" * 32, other, own + "0001"):
            for _ in range(2):
                sock.send(0x3B, **record_fields(trade_no))
                assert sock.expect(0x40).fields == {"trade_no": trade_no, "result": 0}
        late = record_fields(own + "0002")
        late |= {"meter_no": "0" * 12, "meter_cipher": "00" * 34, "meter_proto": 1, "meter_enc": 0}
        sock.send(0x3D, **late)
        sock.expect(0x40)
    assert TransactionRecord.objects.filter(pile=pile).count() == 4, "each once"
    expected = {
        "crc_high_first": 1,
        "crc_low_first": 1,
        "longer_body": 1,
        "stale_number": 1,
        "record_without_number": 2,
        "record_of_other_pile": 2,
        "record_1_7": 1,
    }
    until(lambda: expected.items() <= Pile.objects.get(pk=pile.pk).findings.items())
    client.force_login(factories.make_staff(superuser=True))
    with translation.override("zh-hans"):
        page = client.get(reverse("admin:stations_pile_change", args=[pile.pk])).content.decode()
        for finding in expected:
            assert finding_text(finding) != finding
            assert finding_text(finding) in page
