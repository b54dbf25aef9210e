"""Tags of drivers, and the whitelist of who starts without money."""

from collections.abc import Iterable
from datetime import date

from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.models import Card, Driver, DriverTag, Operator, Vehicle, WhitelistEntry
from users.services import edits


def save_tag(
    *,
    actor: Actor,
    operator: Operator,
    name: str,
    note: str = "",
    drivers: Iterable[Driver] = (),
    rank: int = 0,
    tag: DriverTag | None = None,
) -> DriverTag:
    """Create a tag, or rename it and set who carries it.

    Only drivers that the actor sees are taken on or off; others keep the tag. DomainError `permission_denied`,
    `not_found`, `invalid`, `tag_taken`.
    """
    policy.require(actor, "users.change_drivertag" if tag else "users.add_drivertag")
    edits.in_scope(actor, tag or operator)
    row = tag or DriverTag(operator=operator)
    row.name, row.note, row.rank = name.strip(), note.strip(), rank
    edits.validate(row)
    wanted = set(Driver.objects.for_actor(actor).filter(pk__in=[driver.pk for driver in drivers]))
    try:
        with transaction.atomic():
            row.save()
            seen = set(Driver.objects.for_actor(actor).filter(tags=row))
            row.drivers.remove(*(seen - wanted))
            row.drivers.add(*(wanted - seen))
            audit.record(
                actor=actor,
                action="users.save_tag",
                target=row,
                before={"drivers": sorted(driver.pk for driver in seen)},
                after={"name": row.name, "rank": row.rank, "drivers": sorted(driver.pk for driver in wanted)},
            )
    except IntegrityError:
        raise DomainError("tag_taken", {"name": row.name}, field="name") from None
    return row


def set_carriers(*, actor: Actor, tag: DriverTag, driver_ids: set[int]) -> tuple[int, int]:
    """Make exactly these drivers carry a tag; (put on, taken off). For levels that are earned, not given by hand."""
    carried = DriverTag.drivers.through.objects.filter(drivertag=tag)
    with transaction.atomic():
        before = set(carried.values_list("driver_id", flat=True))
        on, off = driver_ids - before, before - driver_ids
        carried.filter(driver_id__in=off).delete()
        carried.model.objects.bulk_create(
            [carried.model(drivertag=tag, driver_id=driver_id) for driver_id in sorted(on)],
            ignore_conflicts=True,
            batch_size=1000,
        )
        if on or off:
            audit.record(
                actor=actor,
                action="users.set_carriers",
                target=tag,
                before={"drivers": sorted(off)[:100], "count": len(before)},
                after={"drivers": sorted(on)[:100], "count": len(driver_ids)},
            )
    return len(on), len(off)


def list_white(
    *,
    actor: Actor,
    operator: Operator,
    pays: str,
    limit_fen: int,
    reason: str,
    driver: Driver | None = None,
    card: Card | None = None,
    vehicle: Vehicle | None = None,
    valid_until: date | None = None,
) -> WhitelistEntry:
    """Let a driver, card or vehicle start without money at an operator's stations.

    DomainError `permission_denied`, `not_found`, `whitelist_one`, `whitelist_limit`, `whitelist_taken`,
    `reason_required`.
    """
    policy.require(actor, "users.add_whitelistentry")
    edits.in_scope(actor, operator)
    given = [row for row in (driver, card, vehicle) if row is not None]
    if len(given) != 1:
        raise DomainError("whitelist_one", field="driver")
    if card is not None or vehicle is not None:
        edits.in_scope(actor, given[0])
    if limit_fen is None or limit_fen <= 0:
        raise DomainError("whitelist_limit", field="limit_fen")
    reason = edits.require_reason(reason)
    try:
        with transaction.atomic():
            entry = WhitelistEntry.objects.create(
                operator=operator,
                driver=driver,
                card=card,
                vehicle=vehicle,
                pays=pays,
                limit_fen=limit_fen,
                valid_until=valid_until,
                reason=reason[:255],
            )
            audit.record(
                actor=actor,
                action="users.list_white",
                target=entry,
                reason=reason,
                after={"pays": pays, "limit_fen": limit_fen, "valid_until": edits.plain(valid_until)},
            )
    except IntegrityError:
        raise DomainError("whitelist_taken", {"name": str(given[0])}) from None
    return entry


def end_white(*, actor: Actor, entry: WhitelistEntry, reason: str) -> WhitelistEntry:
    """Take an entry off the whitelist; DomainError `permission_denied`, `not_found`, `reason_required`."""
    policy.require(actor, "users.change_whitelistentry")
    edits.in_scope(actor, entry)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        rows = WhitelistEntry.objects.unscoped("scope is checked above").filter(pk=entry.pk, is_active=True)
        if rows.update(is_active=False):
            audit.record(actor=actor, action="users.end_white", target=entry, reason=reason)
        entry.refresh_from_db()
    return entry


def price_groups_of(driver: Driver, operator_id: int) -> list[str]:
    """The driver's price groups at an operator: the names of their tags there, the strongest first."""
    tags = DriverTag.objects.unscoped("the tags of the one who asks for a price")
    rows = tags.filter(operator_id=operator_id, drivers=driver).order_by("-rank", "pk")
    return list(rows.values_list("name", flat=True))
