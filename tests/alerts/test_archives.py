"""A pile's data plan and insurance warn before they run out, once, and stop when they are renewed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert
from alerts.tasks import watch_archives
from kernel.actor import system
from stations.models import Pile
from stations.services.piles import update_pile
from tests import factories as f

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def still_open(pile):
    watch_archives()
    return sorted(Alert.objects.filter(pile=pile, closed_at__isnull=True).values_list("kind", flat=True))


@pytest.mark.feature("PIL-24")
@pytest.mark.feature("PIL-42")
def test_what_runs_out_warns_once_and_ends_when_renewed(client):
    pile = f.make_site().pile
    today = timezone.localdate()
    Pile.objects.filter(pk=pile.pk).update(
        iccid="898600", sim_plan_mb=100, sim_used_mb=79, sim_expires_on=today + timedelta(days=31),
        insurer="人保", policy_no="P-1", insured_until=today + timedelta(days=31),
    )  # fmt: skip
    assert still_open(pile) == []
    update_pile(
        actor=system("tests"),
        pile=pile,
        changes={
            "sim_used_mb": 85,
            "sim_expires_on": today + timedelta(days=30),
            "insured_until": today - timedelta(days=1),
        },
    )
    assert still_open(pile) == still_open(pile) == ["insurance", "sim_expiry", "sim_usage"]
    assert Alert.objects.count() == 3
    client.force_login(f.make_staff(superuser=True))
    page = client.get(reverse("admin:stations_pile_change", args=[pile.pk])).content.decode()
    assert "85 %" in page and "P-1" in page and "898600" in page
    listed = client.get(reverse("admin:alerts_alert_changelist")).content.decode()
    assert "85 %" in listed and (today - timedelta(days=1)).isoformat() in listed
    update_pile(
        actor=system("tests"),
        pile=pile,
        changes={"sim_used_mb": 0, "insured_until": today + timedelta(days=365)},
    )
    assert still_open(pile) == ["sim_expiry"]
