"""Tariffs: published, assigned, pushed to idle piles, held by piles, frozen for ever."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from billing.models import PileTariff, Tariff, TariffTier, TariffVersion
from billing.pricing import Tier
from billing.services import tariff_assignments, tariff_push, tariffs
from devices import ports
from devices.models import DeviceCommand
from devices.protocols.ykc import downlink
from devices.protocols.ykc.held import HeldGuns
from devices.services import commands, presence
from devices.services.references import pile_ref
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing import flow
from tests.factories import (
    DAY,
    OperatorFactory,
    StationFactory,
    TariffFactory,
    TariffVersionFactory,
    add_pile,
    bring_online,
    make_site,
    staff_actor,
)

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
ACTOR = system("tests")
TIERS = [
    Tier(code, Decimal(electricity), Decimal("0.4"))
    for code, electricity in (("sharp", "1.2"), ("peak", "1"), ("flat", "0.7"), ("valley", "0.3"))
]


def publish(tariff, *, effective_at=None, tiers=TIERS, slots=DAY, actor=ACTOR):
    return tariffs.publish_version(
        actor=actor, tariff=tariff, tiers=tiers, slots=slots, effective_at=effective_at or timezone.now()
    )


def refused(code, call, *args, **kwargs):
    with pytest.raises(DomainError) as refusal:
        call(*args, **kwargs)
    assert refusal.value.code == code
    return refusal.value


class TestPublishing:
    def test_versions_follow_each_other_with_numbers_of_their_own(self):
        tariff = tariffs.create_tariff(actor=ACTOR, operator=OperatorFactory(), name=" Summer ")
        first = publish(tariff, effective_at=timezone.now() - timedelta(days=30))
        second = publish(tariff)
        third = publish(TariffFactory())
        assert (tariff.name, first.number, second.number) == ("Summer", 1, 2)
        assert len({first.wire_no, second.wire_no, third.wire_no}) == 3
        assert AuditEvent.objects.filter(action="billing.publish_tariff").count() == 3

    def test_numbers_go_round_and_skip_those_in_force_planned_or_held(self):
        now = timezone.now()
        TariffVersionFactory(wire_no=1)  # in force
        TariffVersionFactory(wire_no=2, effective_at=now + timedelta(days=9))  # planned
        outdated = TariffVersionFactory(wire_no=3)
        held = TariffVersionFactory(tariff=outdated.tariff, wire_no=4, effective_at=now - timedelta(days=9))
        PileTariff.objects.create(pile=add_pile(StationFactory()), version=held, confirmed_at=now)
        TariffVersionFactory(tariff=outdated.tariff, wire_no=9999, effective_at=now - timedelta(days=1))
        assert publish(TariffFactory()).wire_no == 3
        assert publish(TariffFactory()).wire_no == 5

    @pytest.mark.parametrize(
        ("tiers", "slots"),
        [
            (TIERS, DAY[:47]),
            (TIERS, [*DAY[:47], "unknown"]),
            ([], DAY),
            ([*TIERS, TIERS[0]], DAY),
        ],
    )
    @pytest.mark.feature("TAR-01")
    def test_a_wrong_one_is_refused_with_the_reason_and_changes_nothing(self, tiers, slots):
        error = refused("tariff_invalid", publish, TariffFactory(), tiers=tiers, slots=slots)
        assert error.params["reason"] and "%" not in error.params["reason"]
        assert not TariffVersion.objects.exists() and not AuditEvent.objects.exists()

    def test_a_later_version_cannot_start_in_the_past_or_at_the_same_moment(self):
        tariff = TariffFactory()
        now = timezone.now()
        publish(tariff, effective_at=now)
        refused("tariff_in_the_past", publish, tariff, effective_at=now - timedelta(hours=1))
        refused("tariff_moment_taken", publish, tariff, effective_at=now)

    def test_names_are_unique_per_operator(self):
        operator = OperatorFactory()
        tariffs.create_tariff(actor=ACTOR, operator=operator, name="A")
        refused("tariff_name_taken", tariffs.create_tariff, actor=ACTOR, operator=operator, name="A")
        tariffs.create_tariff(actor=ACTOR, operator=OperatorFactory(), name="A")
        refused("tariff_invalid", tariffs.create_tariff, actor=ACTOR, operator=operator, name=" ")

    @pytest.mark.promise(10)
    def test_needs_the_right_and_is_audited_with_its_prices(self):
        site = make_site()
        tariff = TariffFactory(operator=site.operator)
        nobody = staff_actor(operator=site.operator)
        refused("permission_denied", publish, tariff, actor=nobody)
        refused("permission_denied", tariffs.create_tariff, actor=nobody, operator=site.operator, name="x")
        refused(
            "permission_denied",
            tariff_assignments.assign_tariff,
            actor=nobody,
            tariff=tariff,
            station=site.station,
        )
        refused("permission_denied", tariff_push.push_tariff, actor=nobody, pile=site.pile)
        assert not AuditEvent.objects.exclude(action="billing.top_up").exists()
        manager = staff_actor("billing.change_tariff", "stations.push_tariff", operator=site.operator)
        publish(tariff, actor=manager)
        tariff_assignments.assign_tariff(actor=manager, tariff=tariff, station=site.station)
        tariff_push.push_tariff(actor=manager, pile=site.pile)
        trail = AuditEvent.objects.filter(actor_id=manager.id).order_by("pk")
        assert [event.action for event in trail] == [
            "billing.publish_tariff",
            "billing.assign_tariff",
            "billing.push_tariff",
        ]
        assert trail[0].after["prices"]["peak"] == ["1.00000", "0.40000"]
        assert trail[1].before == {"tariff": site.tariff.name}

    @pytest.mark.parametrize("model", [TariffVersion, TariffTier])
    def test_a_published_version_never_changes(self, model):
        publish(TariffFactory())
        change = {"slots": []} if model is TariffVersion else {"service_price": Decimal("9")}
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            model.objects.update(**change)


class TestInForce:
    def test_the_pile_s_own_tariff_wins_over_the_station_s(self):
        site = make_site()
        own = TariffVersionFactory(tariff__operator=site.operator)
        tariff_assignments.assign_tariff(actor=ACTOR, tariff=own.tariff, station=site.station, pile=site.pile)
        other = add_pile(site.station)
        assert tariffs.version_in_force(pile=site.pile, at=timezone.now()) == own
        assert tariffs.version_in_force(pile=other, at=timezone.now()) == site.version

    def test_a_planned_version_holds_from_its_moment(self):
        site = make_site()
        moment = timezone.now() + timedelta(hours=1)
        planned = publish(site.tariff, effective_at=moment)
        assert tariffs.version_in_force(pile=site.pile, at=moment - timedelta(seconds=1)) == site.version
        assert tariffs.version_in_force(pile=site.pile, at=moment) == planned

    def test_foreign_tariffs_and_piles_are_not_assigned(self):
        site, other = make_site(), make_site()
        refused(
            "not_found",
            tariff_assignments.assign_tariff,
            actor=ACTOR,
            tariff=other.tariff,
            station=site.station,
        )
        refused(
            "not_found",
            tariff_assignments.assign_tariff,
            actor=ACTOR,
            tariff=site.tariff,
            station=site.station,
            pile=other.pile,
        )

    def test_five_tiers_in_use_do_not_fit_a_ykc_pile(self):
        site = make_site()
        tariff = TariffFactory(operator=site.operator)
        deep = Tier("deep_valley", Decimal("0.1"), Decimal("0.4"))
        publish(tariff, tiers=[*TIERS, deep], slots=["deep_valley", *DAY[1:]])
        refused(
            "tariff_does_not_fit",
            tariff_assignments.assign_tariff,
            actor=ACTOR,
            tariff=tariff,
            station=site.station,
        )

    def test_an_order_keeps_the_version_it_started_under(self):
        site = make_site()
        order = flow.charging(site)
        publish(site.tariff, tiers=[Tier(t.code, Decimal("9"), Decimal("9")) for t in TIERS])
        flow.shift_into_past(order, timedelta(hours=1))
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        order.refresh_from_db()
        assert (order.state, order.total_fen) == ("settled", 1_100)


class TestOnThePile:
    @pytest.mark.feature("TAR-03", "TAR-04")
    def test_the_model_on_the_wire(self):
        model = tariff_push.wire_model(TariffVersionFactory(wire_no=42))
        assert model["model_no"] == "0042" and model["loss_ratio"] == 0
        assert (model["sharp_elec_rate"], model["valley_service_rate"]) == (Decimal("1.2"), Decimal("0.4"))
        assert len(model["slots"]) == 48
        assert [model["slots"][n] for n in (0, 16, 20, 36)] == [3, 2, 1, 0]

    @pytest.mark.feature("PIL-05")
    def test_a_pushed_command_becomes_a_frame_and_its_answer_the_held_version(self):
        site = make_site()
        PileTariff.objects.all().delete()
        command = tariff_push.push_tariff(actor=ACTOR, pile=site.pile)
        held = HeldGuns(pile=pile_ref(site.pile), session_id=0)
        command = DeviceCommand.objects.get(pk=command.pk)
        kind, fields = downlink.set_tariff(downlink.Order(command, held))
        assert kind == 0x58 and fields["peak_elec_rate"] == Decimal("1.00000")
        assert bytes.fromhex(fields["slots"]) == tariff_push.wire_model(site.version)["slots"]
        commands.complete_command(command_id=command.pk, state="accepted")
        assert PileTariff.objects.get(pile=site.pile).version == site.version

    @pytest.mark.feature("PIL-05")
    def test_a_charging_pile_is_left_alone(self):
        site = make_site()
        flow.charging(site)
        publish(site.tariff)
        refused("pile_charging", tariff_push.push_tariff, actor=ACTOR, pile=site.pile)
        assert tariff_push.push_due(actor=ACTOR) == 0

    def test_a_new_version_is_pushed_once_to_idle_piles_that_price_themselves(self):
        site = make_site()
        ocpp = add_pile(site.station, protocol="ocpp16")
        bring_online(ocpp)
        assert tariff_push.push_due(actor=ACTOR) == 0
        publish(site.tariff)
        assert tariff_push.push_due(actor=ACTOR) == 1
        assert tariff_push.push_due(actor=ACTOR) == 0  # the first push is still pending
        assert DeviceCommand.objects.filter(kind="set_tariff").count() == 1

    def test_a_pile_that_comes_online_with_an_older_version_gets_the_new_one(self):
        site = make_site()
        publish(site.tariff)
        presence.close_session(session_id=site.pile.sessions.get().pk, reason="x")
        flow.come_back(site)
        assert DeviceCommand.objects.filter(kind="set_tariff", pile=site.pile).count() == 1

    @pytest.mark.feature("BOOT-08")
    def test_a_driver_cannot_start_until_the_pile_confirms_the_new_version(self):
        site = make_site()
        version = publish(site.tariff)
        refused("tariff_not_on_pile", flow.start, site)
        ports.tariffs().confirm(site.pile, f"{version.wire_no:04d}")
        assert flow.start(site).tariff_version == version

    def test_the_port_gives_the_version_in_force_but_not_in_mid_session(self):
        site = make_site()
        version = publish(site.tariff)
        assert ports.tariffs().current(site.pile).model_no == f"{version.wire_no:04d}"
        ports.tariffs().confirm(site.pile, f"{version.wire_no:04d}")
        flow.charging(site)
        publish(site.tariff)
        assert ports.tariffs().current(site.pile).model_no == f"{version.wire_no:04d}"

    @pytest.mark.parametrize("model_no", ["0000", "abcd", ""])
    def test_a_number_nobody_gave_confirms_nothing(self, model_no):
        site = make_site()
        PileTariff.objects.all().delete()
        ports.tariffs().confirm(site.pile, model_no)
        assert not PileTariff.objects.exists()

    def test_a_pile_without_a_tariff_gets_none(self):
        site = make_site()
        Tariff.objects.get(pk=site.tariff.pk).assignments.all().delete()
        assert ports.tariffs().current(site.pile) is None
