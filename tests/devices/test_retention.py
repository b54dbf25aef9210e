"""How long what piles told and uploaded is kept."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from devices import events
from devices.models import PileNotice, PileUpload
from devices.services import notices, retention, uploads
from devices.services.references import pile_ref
from devices.tasks import tidy_up
from kernel.actor import system
from tests import factories as f

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def test_notices_and_logs_go_in_time_and_an_upload_that_never_came_ends(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    pile = f.make_site(protocol="ocpp16").pile
    now, told = timezone.now(), []
    for kind, days in (("security", 364), ("security", 366), ("customer", 29), ("customer", 31)):
        at = now - timedelta(days=days)
        notices.keep(pile=pile_ref(pile), kind=kind, code=str(days), at=at, data={})
    waiting = uploads.ask(actor=system("tests"), pile=pile, reason="a look")
    late, old = (f.DeviceCommandFactory(pile=pile, state="accepted") for _ in range(2))
    common = {"operator_id": pile.operator_id, "station_id": pile.station_id, "pile": pile}
    PileUpload.objects.create(
        **common, command=late, secret_digest="a", created_at=now - timedelta(days=2), expires_at=now
    )
    gone = PileUpload.objects.create(
        **common, command=old, secret_digest="b", created_at=now - timedelta(days=400), expires_at=now,
        state="received", received_at=now - timedelta(days=399), file=ContentFile(b"x", name="l.txt"),
    )  # fmt: skip
    take = told.append
    events.subscribe(events.LogUploaded, take)
    try:
        tidy_up()
    finally:
        events._HANDLERS[events.LogUploaded].remove(take)
    assert set(PileNotice.objects.values_list("code", flat=True)) == {"364", "29"}
    assert set(PileUpload.objects.values_list("pk", "state", "progress")) == {
        (waiting.pk, "awaited", ""),
        (PileUpload.objects.get(command=late).pk, "failed", "expired"),
    }
    assert not gone.file.storage.exists(gone.file.name)
    assert [(event.status, event.detail) for event in told] == [("failed", "expired")]
    f.DeviceCommandFactory(pile=pile, kind="show_cost", state="accepted", created_at=now - timedelta(days=2))
    f.DeviceCommandFactory(pile=pile, kind="show_cost", state="expired", created_at=now)
    assert retention.tidy_up() == {"uploads_ended": 0, "notices": 0, "costs": 1, "files": 0}
