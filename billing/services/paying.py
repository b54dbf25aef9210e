"""Who asks to charge, who pays for it, and how much may flow: the checks of every way to start.

The caller holds the lock of the pile and of the accounts that `lock_for` names. Every start that one payer, card
or member could make at the same time goes through the same account, so what is counted here stays true until the
commit.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Case, F, Q, Sum, When

from billing import payers
from billing.models import ChargingOrder, EnterpriseStation
from billing.models.order import OPEN_STATES
from billing.payers import Payer
from billing.services import covers, ledger
from billing.services.ledger import Purse
from kernel import clock
from kernel.errors import DomainError
from stations.models import Station
from users.models import Card, Driver, Enterprise, EnterpriseMember, Vehicle, WhitelistEntry
from users.services.cards import is_valid_on

C = ChargingOrder.Cover
BOOKS = ZoneInfo("Asia/Shanghai")  # days and months of limits
UNSETTLED_STATES = (*OPEN_STATES, ChargingOrder.State.FINISHING, ChargingOrder.State.REVIEW)


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks to charge and who pays; `vin` when a vehicle asked."""

    payer: Payer
    driver: Driver | None = None
    card: Card | None = None
    enterprise: Enterprise | None = None
    vin: str = ""
    vehicle_id: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How much is held, after how much charging is stopped, and what stands behind the payer."""

    hold_fen: int
    stop_at_fen: int | None
    cover: str = C.NONE


NOTHING_TO_PAY = Terms(0, None)


def party_of_driver(driver: Driver) -> Party:
    """A driver who pays from their wallet."""
    return Party(payers.of_driver(driver), driver=driver)


def party_of_member(driver: Driver, enterprise: Enterprise) -> Party:
    """A driver for whom an enterprise pays."""
    return Party(payers.of_enterprise(enterprise), driver=driver, enterprise=enterprise)


def party_of_card(card: Card) -> Party:
    """A card, paid from what it is bound to."""
    match card.pays_from:
        case Card.PaysFrom.DRIVER:
            payer = payers.of_driver(card.driver)
        case Card.PaysFrom.ENTERPRISE:
            payer = payers.of_enterprise(card.enterprise)
        case _:
            payer = payers.of_card(card)
    return Party(payer, driver=card.driver, card=card, enterprise=card.enterprise)


def party_of_vehicle(vehicle: Vehicle) -> Party:
    """A verified vehicle: its enterprise pays for it, or its driver."""
    named = {"vin": vehicle.vin, "vehicle_id": vehicle.pk}
    if vehicle.enterprise is not None:
        return Party(payers.of_enterprise(vehicle.enterprise), enterprise=vehicle.enterprise, **named)
    return Party(payers.of_driver(vehicle.driver), driver=vehicle.driver, **named)


def lock_for(party: Party) -> Purse:
    """Lock what the party pays from, and the driver's wallet beside it: one driver starts one thing at a time."""
    also = []
    if party.driver is not None and party.payer.column != "driver_id":
        also.append(ledger.wallet_of(party.driver).pk)
    return ledger.lock_purse(party.payer, also=also)


def check_party(party: Party, station: Station) -> Party:
    """Everything about people, cards and enterprises that stands against a start; the party as it is now.

    Raises `driver_frozen`, `driver_busy`, `card_unusable`, `card_unsettled`, `card_not_here`, `enterprise_inactive`,
    `enterprise_not_here`, `enterprise_member_unknown`, `enterprise_full`, `vehicle_busy`.
    """
    driver = card = None
    if party.driver is not None:
        driver = Driver.objects.unscoped("the one who asks").get(pk=party.driver.pk)
        if driver.is_frozen:
            raise DomainError("driver_frozen")
    if party.card is not None:
        card = _check_card(party, station)
    if party.enterprise is not None and party.payer.column == "enterprise_id":
        _check_enterprise(party, station)
    if driver is not None:
        running = _orders().filter(driver=driver, state__in=OPEN_STATES)
        if (order_no := running.values_list("order_no", flat=True).first()) is not None:
            raise DomainError("driver_busy", {"order_no": order_no})
    if party.vin:
        running = _orders().filter(vin=party.vin, state__in=OPEN_STATES)
        if (order_no := running.values_list("order_no", flat=True).first()) is not None:
            raise DomainError("vehicle_busy", {"order_no": order_no})
    return Party(party.payer, driver, card, party.enterprise, party.vin, party.vehicle_id)


def terms_for(
    party: Party, purse: Purse, station: Station, limit_fen: int | None, least_fen: int = 0
) -> Terms:
    """How much may flow for this party; `purse` is theirs, locked, `least_fen` what the shortest costs.

    Raises `driver_in_arrears`, `insufficient_balance`, `member_limit_reached`.
    """
    minimum = max(settings.MINIMUM_START_BALANCE_FEN, least_fen, 1)
    usual = max(settings.DEFAULT_HOLD_FEN if limit_fen is None else limit_fen, least_fen)
    room = _member_room(party)
    if room is not None:
        if room < minimum:
            raise DomainError("member_limit_reached", {"room_yuan": f"{max(room, 0) / 100:.2f}"})
        usual = min(usual, room)
    now = clock.now()
    if party.card is not None and party.card.is_free:
        return Terms(0, usual, C.FREE)
    owed = purse.owed_fen
    available = purse.available_fen
    if not owed and available >= minimum and not _month(party, now, station):
        hold = min(available, usual)
        return Terms(hold, hold)
    entry = _white_entry(party, station, now)
    if entry is not None and entry.pays == WhitelistEntry.Pays.FREE:
        return Terms(0, min(usual, entry.limit_fen), C.FREE)
    if entry is not None and entry.limit_fen - owed >= minimum:
        hold = max(min(available, usual), 0)
        return Terms(hold, min(usual, hold + entry.limit_fen - owed), C.LATER)
    if owed:
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    if _month(party, now, station):
        hold = max(min(available, usual), 0)
        return Terms(hold, usual, C.MONTH_CARD)
    raise ledger.insufficient(available, minimum)


def terms_by_score(party: Party, limit_fen: int | None, least_fen: int = 0) -> Terms:
    """As `terms_for`, for a charge that pay score debits at its end: nothing is held, the limit is what it may ask.

    Raises `driver_in_arrears`, and `insufficient_balance` when the shortest charge costs more.
    """
    if owed := ledger.owed_fen(party.payer):
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    most = settings.PAYSCORE_FUND_FEN if limit_fen is None else limit_fen
    if most < least_fen:
        raise ledger.insufficient(most, least_fen)
    return Terms(0, most, C.SCORE)


def cover_of_record(party: Party) -> str:
    """What covers a charge of a card that the platform hears of afterwards."""
    if party.card is None:
        return C.NONE
    if party.card.is_free:
        return C.FREE
    return C.MONTH_CARD if party.card.kind == Card.Kind.MONTH else C.NONE


def enterprise_pays_at(enterprise: Enterprise, station: Station) -> bool:
    """Whether an enterprise's account pays at a station: a bound one of its own operator."""
    return (
        enterprise.operator_id == station.operator_id
        and EnterpriseStation.objects.filter(enterprise=enterprise, station=station).exists()
    )


def spent_fen(*, enterprise_id: int, driver_id: int, since: datetime) -> int:
    """What a member has spent of an enterprise's money since a moment: bills, and holds of what is not settled."""
    orders = _orders().filter(
        enterprise_id=enterprise_id,
        driver_id=driver_id,
        payer_kind=ChargingOrder.PayerKind.ENTERPRISE,
        created_at__gte=since,
    )
    spent = Case(
        When(state=ChargingOrder.State.SETTLED, then=F("total_fen") - F("covered_fen")),
        When(state__in=UNSETTLED_STATES, then=F("stop_at_fen")),
        default=0,
        output_field=BigIntegerField(),
    )
    return orders.aggregate(spent=Sum(spent))["spent"] or 0


def left_of_member(member: EnterpriseMember) -> dict[str, int | None]:
    """What a member may still spend of the enterprise's money today and in this month (fen; None: no limit)."""
    today = clock.now().astimezone(BOOKS).replace(hour=0, minute=0, second=0, microsecond=0)
    limits = {"day": (member.day_limit_fen, today), "month": (member.month_limit_fen, today.replace(day=1))}
    found: dict[str, int | None] = {}
    for name, (limit, since) in limits.items():
        found[name] = limit
        if limit is not None:
            found[name] -= spent_fen(
                enterprise_id=member.enterprise_id, driver_id=member.driver_id, since=since
            )
    return found


def unsettled_of_card(card: Card) -> str | None:
    """The number of a card's order that is not at its end, or None."""
    orders = _orders().filter(card=card, state__in=UNSETTLED_STATES)
    return orders.values_list("order_no", flat=True).first()


def _check_card(party: Party, station: Station) -> Card:
    card = Card.objects.unscoped("the card that asks").select_related("enterprise").get(pk=party.card.pk)
    today = clock.now().astimezone(ZoneInfo(station.time_zone)).date()
    if card.state != Card.State.ACTIVE:
        raise DomainError(
            "card_unusable", {"number": card.logical_no, "state": str(card.get_state_display())}
        )
    if card.kind != Card.Kind.MONTH and not is_valid_on(card, today):  # after its month it pays as any card
        raise DomainError("card_expired", {"number": card.logical_no})
    if party.payer.column == "card_id" and card.operator_id != station.operator_id:
        raise DomainError("card_not_here", {"number": card.logical_no})
    if (order_no := unsettled_of_card(card)) is not None:
        raise DomainError("card_unsettled", {"number": card.logical_no, "order_no": order_no})
    return card


def _check_enterprise(party: Party, station: Station) -> None:
    enterprise = Enterprise.objects.unscoped("the payer named by the caller").get(pk=party.enterprise.pk)
    if not enterprise.is_active:
        raise DomainError("enterprise_inactive", {"name": enterprise.name})
    if not enterprise_pays_at(enterprise, station):
        raise DomainError("enterprise_not_here", {"name": enterprise.name, "station": station.name})
    if enterprise.max_parallel is not None:
        running = _orders().filter(
            enterprise=enterprise, payer_kind=ChargingOrder.PayerKind.ENTERPRISE, state__in=OPEN_STATES
        )
        if running.count() >= enterprise.max_parallel:
            raise DomainError("enterprise_full", {"name": enterprise.name, "most": enterprise.max_parallel})


def _member_room(party: Party) -> int | None:
    """What a member may still spend of the enterprise's money; None without a limit."""
    if party.payer.column != "enterprise_id" or party.driver is None:
        return None
    member = EnterpriseMember.objects.unscoped("of the payer").filter(
        enterprise_id=party.payer.id, driver=party.driver, is_active=True
    )
    found = member.first()
    if found is None:
        raise DomainError("enterprise_member_unknown", {"name": party.enterprise.name})
    left = left_of_member(found)
    rooms = (found.order_limit_fen, left["day"], left["month"])
    return min((room for room in rooms if room is not None), default=None)


def _month(party: Party, now: datetime, station: Station) -> bool:
    card = party.card
    return (
        card is not None
        and card.kind == Card.Kind.MONTH
        and is_valid_on(card, now.astimezone(ZoneInfo(station.time_zone)).date())
        and card.operator_id == station.operator_id
        and covers.has_allowance(card, now, station.time_zone)
    )


def _white_entry(party: Party, station: Station, now: datetime) -> WhitelistEntry | None:
    names = Q(pk__in=())
    if party.driver is not None:
        names |= Q(driver=party.driver)
    if party.card is not None:
        names |= Q(card=party.card)
    if party.vehicle_id is not None:
        names |= Q(vehicle_id=party.vehicle_id)
    today = now.astimezone(ZoneInfo(station.time_zone)).date()
    entries = WhitelistEntry.objects.unscoped("of the one who asks").filter(
        names, Q(valid_until__isnull=True) | Q(valid_until__gte=today),
        operator_id=station.operator_id, is_active=True,
    )  # fmt: skip
    # The most generous of several: free before later, then the higher limit.
    return entries.order_by("pays", "-limit_fen").first()


def _orders():
    return ChargingOrder.objects.unscoped("everything of one payer, wherever it charged")
