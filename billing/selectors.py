"""What doors read of orders and money, always as an actor may see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop

from billing.event_words import event_detail
from billing.models import (
    Account,
    ChargingOrder,
    CheckFinding,
    Difference,
    Entry,
    OrderEvent,
    PileTariff,
    TariffVersion,
)
from billing.pricing import TariffSnapshot
from billing.services.tariffs import snapshot_of, version_in_force
from devices.models import DeviceCommand, FrameLog, VehicleReport
from devices.protocols.offline import decoding_of
from devices.selectors import vehicle_reports
from devices.vehicle_words import vehicle_sentence
from devices.words import answer_text, frame_title
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from stations.models import Pile
from users.models import Driver
from users.scope import grants_of

FIRST_FRAMES, LAST_FRAMES = 100, 300

EVENT_TITLES: dict[str, str] = {
    "created": gettext_noop("Order created"),
    "start_accepted": gettext_noop("The pile accepted the start"),
    "start_refused": gettext_noop("The pile refused the start"),
    "start_unanswered": gettext_noop("Charging did not begin in time"),
    "charging_seen": gettext_noop("Charging began"),
    "reading_doubtful": gettext_noop("A reading was left out as implausible"),
    "idle_seen": gettext_noop("The pile reports that it does not charge"),
    "end_seen": gettext_noop("Charging ended"),
    "stop_requested": gettext_noop("Stop requested"),
    "stop_accepted": gettext_noop("The pile accepted the stop"),
    "stop_refused": gettext_noop("The pile refused the stop"),
    "stop_failed": gettext_noop("The stop had no effect"),
    "stop_impossible": gettext_noop("The stop could not be sent"),
    "nothing_delivered": gettext_noop("Closed without energy"),
    "score_asked": gettext_noop("Debit asked of pay score"),
    "score_done": gettext_noop("Pay score is through with the order"),
    "score_ended": gettext_noop("Pay score no longer stands behind the order"),
    "record_attached": gettext_noop("Record kept with the order"),
    "record_doubtful": gettext_noop("The record waits for a person"),
    "record_missing": gettext_noop("No record in time"),
    "late_charging": gettext_noop("Charging on a closed order"),
    "opened_by_record": gettext_noop("Opened by the record of an offline session"),
    "settled": gettext_noop("Settled"),
    "pile_offline": gettext_noop("The pile went offline"),
    "pile_online": gettext_noop("The pile is online again"),
    "fault": gettext_noop("Fault"),
    "silent": gettext_noop("No reading for hours"),
    "occupancy_begins": gettext_noop("The occupancy fee begins to count"),
    "fee_ended": gettext_noop("Fee after the charge booked"),
    "fee_waived": gettext_noop("Fee after the charge waived"),
    "charge_paused": gettext_noop("The port stands still"),
    "charge_resumed": gettext_noop("Charging goes on"),
    "extended": gettext_noop("Time or money added"),
    "extend_failed": gettext_noop("The pile did not take what was added"),
    "note": gettext_noop("Note"),
    "record_linked": gettext_noop("A record was linked by a person"),
}
_EVENT_LEVELS = {
    "start_refused": "error",
    "start_unanswered": "error",
    "reading_doubtful": "warning",
    "idle_seen": "warning",
    "stop_refused": "warning",
    "charge_paused": "warning",
    "extend_failed": "warning",
    "stop_failed": "warning",
    "stop_impossible": "warning",
    "record_doubtful": "warning",
    "record_missing": "warning",
    "late_charging": "error",
    "pile_offline": "warning",
    "fault": "error",
    "silent": "warning",
    "charging_seen": "success",
    "settled": "success",
}
_COMMAND_LEVELS = {
    DeviceCommand.State.ACCEPTED: "success",
    DeviceCommand.State.REJECTED: "error",
    DeviceCommand.State.EXPIRED: "error",
    DeviceCommand.State.FAILED: "error",
}


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line of an order's timeline.

    `kind` is event, command, frame or money; `level` is info, success, warning or error; `data` is what a page
    may fold open (JSON-compatible).
    """

    at: datetime
    kind: str
    title: str
    detail: str = ""
    level: str = "info"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceNow:
    """The price at a pile at a moment, yuan per kWh, until the local half-hour in which the tier changes."""

    version: TariffVersion
    snapshot: TariffSnapshot
    tier: str
    electricity_price: Decimal
    service_price: Decimal
    until: datetime

    @property
    def unit_price(self) -> Decimal:
        return self.electricity_price + self.service_price


def order_get(*, actor: Actor, order_no: str) -> ChargingOrder:
    """One order with its place and its driver; `order_unknown` when it is not there or out of scope."""
    orders = ChargingOrder.objects.for_actor(actor).select_related(
        "operator", "station", "pile", "connector", "driver", "tariff_version__tariff", "record"
    )
    orders = orders.prefetch_related("fees")
    order = orders.filter(order_no=order_no).first()
    if order is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    return order


def order_list(*, actor: Actor) -> QuerySet[ChargingOrder]:
    """Orders the actor may see, newest first."""
    return (
        ChargingOrder.objects.for_actor(actor)
        .select_related("station", "pile", "connector")
        .prefetch_related("fees")
        .order_by("-id")
    )


def entry_list(*, actor: Actor, driver: Driver) -> QuerySet[Entry]:
    """Ledger entries of a driver's wallet and arrears, newest first."""
    entries = Entry.objects.for_actor(actor).filter(driver=driver)
    return entries.select_related("journal", "journal__order", "account").order_by("-id")


def wallet_get(*, actor: Actor, driver: Driver) -> Account | None:
    """The driver's wallet, or None when it was never used or is out of scope."""
    return Account.objects.for_actor(actor).filter(kind=Account.Kind.WALLET, driver=driver).first()


def price_now(*, pile: Pile, at: datetime) -> PriceNow | None:
    """The price at a pile at a moment; None when no tariff is in force."""
    version = version_in_force(pile=pile, at=at)
    if version is None:
        return None
    snapshot = snapshot_of(version, zone=pile.station.time_zone, at=at)
    local = at.astimezone(ZoneInfo(snapshot.zone))
    code = snapshot.tier_code_at(local)
    tier = snapshot.tier(code)
    start = local.replace(minute=local.minute - local.minute % 30, second=0, microsecond=0)
    later = (start + timedelta(minutes=30 * n) for n in range(1, 48))
    until = next((one for one in later if snapshot.tier_code_at(one) != code), start + timedelta(days=1))
    return PriceNow(version, snapshot, code, tier.electricity_price, tier.service_price, until)


def held_tariff(*, pile: Pile) -> PileTariff | None:
    """What a pile that prices itself says it holds."""
    held = PileTariff.objects.unscoped("the pile was read in scope").select_related("version__tariff")
    return held.filter(pile=pile).first()


def order_timeline(*, actor: Actor, order: ChargingOrder) -> list[TimelineItem]:
    """States, commands, frames and money of one order in time; frames of a long session are cut in the middle.

    Raises `order_unknown` when the order is out of the actor's scope.
    """
    if not ChargingOrder.objects.for_actor(actor).filter(pk=order.pk).exists():
        raise DomainError("order_unknown", {"order_no": order.order_no})
    items = [_event_item(order, event) for event in order.events.order_by("id")]
    items += _command_items(order)
    items += _frame_items(order)
    items += _vehicle_items(order)
    items += _money_items(actor, order)
    return sorted(items, key=lambda item: item.at)


def _event_item(order: ChargingOrder, event: OrderEvent) -> TimelineItem:
    return TimelineItem(
        at=event.at,
        kind="event",
        title=gettext(EVENT_TITLES.get(event.kind, event.kind)),
        detail=event_detail(order, event),
        level=_EVENT_LEVELS.get(event.kind, "info"),
        data={**event.data, "by": event.actor_name, "event": event.kind},
    )


def _command_items(order: ChargingOrder) -> list[TimelineItem]:
    commands = DeviceCommand.objects.unscoped("the order was read in scope").filter(
        reference=order.order_no, pile_id=order.pile_id
    )
    items = []
    for command in commands.order_by("id"):
        data = {"command": command.pk, "params": command.params, "by": command.actor_name}
        items.append(
            TimelineItem(command.created_at, "command", str(command.get_kind_display()), "", "info", data)
        )
        if command.answered_at is not None:
            answer = answer_text(order.pile.protocol, command.reason)
            detail = " · ".join(filter(None, [str(command.get_state_display()), answer]))
            level = _COMMAND_LEVELS.get(command.state, "info")
            data = {"command": command.pk, "result": command.result}
            items.append(
                TimelineItem(
                    command.answered_at, "command", str(command.get_kind_display()), detail, level, data
                )
            )
    return items


def _vehicle_items(order: ChargingOrder) -> list[TimelineItem]:
    """What the vehicle said beside its running figures."""
    reports = vehicle_reports(pile_id=order.pile_id, transaction_ref=order.transaction_ref)
    return [
        TimelineItem(
            report.at,
            "vehicle",
            str(report.get_kind_display()),
            vehicle_sentence(report.kind, report.vin, report.data),
            "warning" if report.kind == VehicleReport.Kind.ERRORS else "info",
            {"report": report.pk, "vin": report.vin, **report.data},
        )
        for report in reports
    ]


def _frame_items(order: ChargingOrder) -> list[TimelineItem]:
    if not order.transaction_ref:
        return []
    frames = FrameLog.objects.unscoped("the order was read in scope").filter(
        pile_id=order.pile_id, transaction_ref=order.transaction_ref
    )
    first = list(frames.order_by("id")[:FIRST_FRAMES])
    last = []
    if len(first) == FIRST_FRAMES:
        last = list(frames.filter(id__gt=first[-1].pk).order_by("-id")[:LAST_FRAMES])
    return [_frame_item(frame) for frame in [*first, *reversed(last)]]


def _frame_item(frame: FrameLog) -> TimelineItem:
    return TimelineItem(
        at=frame.at,
        kind="frame",
        title=frame_title(frame.protocol, frame.name),
        detail=str(frame.get_direction_display()),
        level="error" if frame.error else "info",
        data={
            "direction": frame.direction,
            "decoded": decoding_of(
                protocol=frame.protocol,
                raw=frame.raw,
                direction=frame.direction,
                decoded=frame.decoded,
                error=frame.error,
            ),
            "raw": frame.raw,
            "error": frame.error,
        },
    )


def _money_items(actor: Actor, order: ChargingOrder) -> list[TimelineItem]:
    items = []
    hold = getattr(order, "hold", None)
    if hold is not None:
        data = {"amount_fen": hold.total_fen} | ({"bonus_fen": hold.bonus_fen} if hold.bonus_fen else {})
        yuan = gettext("%(yuan)s yuan") % {"yuan": f"{hold.total_fen / 100:.2f}"}
        items.append(TimelineItem(hold.created_at, "money", gettext("Money held"), yuan, "info", data))
        if hold.released_at is not None:
            items.append(
                TimelineItem(hold.released_at, "money", gettext("Hold released"), yuan, "info", data)
            )
    entries = Entry.objects.unscoped("the order was read in scope").filter(journal__order=order)
    if actor.kind is ActorKind.ACCOUNT:
        entries = entries.filter(driver_id=order.driver_id)  # the operator's side is none of theirs
    for entry in entries.select_related("account", "journal").order_by("id"):
        yuan = gettext("%(yuan)s yuan") % {"yuan": f"{entry.amount_fen / 100:+.2f}"}
        data = {"amount_fen": entry.amount_fen, "balance_after_fen": entry.balance_after_fen}
        title = str(entry.account.get_kind_display())
        items.append(TimelineItem(entry.at, "money", title, yuan, "info", data))
    return items


def open_differences(*, actor: Actor) -> int:
    """Differences with payment channels that wait for a person; 0 for anybody but the platform's own staff."""
    if not grants_of(actor).everything:
        return 0
    return Difference.objects.filter(state=Difference.State.OPEN).count()


def open_findings(*, actor: Actor) -> int:
    """Problems in the books that the nightly checks found; 0 for anybody but the platform's own staff."""
    return CheckFinding.objects.filter(gone_at=None).count() if grants_of(actor).everything else 0
