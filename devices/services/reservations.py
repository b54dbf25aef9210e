"""Reservations: asked of the pile, kept until they are used, cancelled, over, or dropped by the pile."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, Reservation
from devices.models.reservation import OPEN_RESERVATION_STATES
from devices.services.commands import send_command
from devices.services.references import pile_ref
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.services import edits

S = Reservation.State
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=7)


def reserve(
    *,
    actor: Actor,
    pile: Pile,
    connector_no: int,
    id_tag: str,
    expires_at: datetime,
    parent_tag: str = "",
    reference: str = "",
) -> Reservation:
    """Ask a pile to keep a connector (0: any of them) for a tag until `expires_at`.

    The reservation is `asked` until the pile answers. `reference` comes back in `ReservationEnded`.

    Raises:
        DomainError: `permission_denied`, `not_found`, `reservation_time` (1 minute to 7 days from now),
            `reservation_exists`, `invalid` for an empty tag, and what `send_command` refuses.
    """
    policy.require(actor, "devices.add_reservation")
    edits.in_scope(actor, pile)
    now = clock.now()
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        raise DomainError("reservation_time", field="expires_at")
    if connector_no and not pile.connectors.filter(number=connector_no).exists():
        raise DomainError("not_found", field="connector_no")
    with transaction.atomic():
        pile = lock_pile(pile.pk)
        row = Reservation(
            operator_id=pile.operator_id,
            station_id=pile.station_id,
            pile=pile,
            connector_no=connector_no,
            id_tag=id_tag.strip(),
            parent_tag=parent_tag.strip(),
            reference=reference,
            created_at=now,
            expires_at=expires_at,
        )
        edits.validate(row)
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            raise DomainError("reservation_exists", {"code": pile.code}) from None
        send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.RESERVE,
            connector_no=connector_no,
            params={
                "reservation_id": row.pk,
                "id_tag": row.id_tag,
                "parent_tag": row.parent_tag,
                "expires_at": expires_at.isoformat(),
            },
            reference=str(row.pk),
        )
        audit.record(
            actor=actor,
            action="devices.reserve",
            target=pile,
            after={"reservation": row.pk, "connector_no": connector_no, "until": expires_at.isoformat()},
        )
    return row


def cancel(*, actor: Actor, reservation: Reservation, reason: str) -> DeviceCommand:
    """Ask the pile to drop a reservation; it ends when the pile has answered.

    DomainError `permission_denied`, `not_found`, `reason_required`, `reservation_over`, and what `send_command`
    refuses.
    """
    policy.require(actor, "devices.change_reservation")
    edits.in_scope(actor, reservation)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        pile = lock_pile(reservation.pile_id)
        row = Reservation.objects.unscoped("its pile is locked").get(pk=reservation.pk)
        if not row.is_open:
            raise DomainError("reservation_over", {"number": row.pk})
        command = send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.CANCEL_RESERVATION,
            connector_no=row.connector_no,
            params={"reservation_id": row.pk},
            reference=str(row.pk),
        )
        audit.record(
            actor=actor,
            action="devices.cancel_reservation",
            target=pile,
            reason=reason,
            after={"reservation": row.pk},
        )
    return command


def reserve_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """What the answer to a RESERVE command makes of its reservation; any end but «accepted» refuses it."""
    row = _open_row(pile.id, command.params.get("reservation_id"))
    if row is None or row.state != S.ASKED:
        return
    if command.state == DeviceCommand.State.ACCEPTED:
        row.state = S.ACTIVE
        row.save(update_fields=["state"])
    else:
        _end(pile, row, S.REFUSED, at, answer=command.reason or command.state)


def cancel_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """A pile that refuses to cancel does not have the reservation (OCPP 1.6 §5.1): it is gone either way."""
    row = _open_row(pile.id, command.params.get("reservation_id"))
    answered = (DeviceCommand.State.ACCEPTED, DeviceCommand.State.REJECTED)
    if row is not None and command.state in answered:
        _end(pile, row, S.CANCELLED, at, answer=command.reason)


def ended_by_pile(*, pile: events.PileRef, reservation_id: int | None, state: str, at: datetime) -> bool:
    """The pile says that a reservation expired or was removed; False for one that is not open here."""
    with transaction.atomic():
        lock_pile(pile.id)
        row = _open_row(pile.id, reservation_id)
        if row is None:
            return False
        _end(pile, row, state, at)
    return True


def used(
    *,
    pile: events.PileRef,
    connector_no: int,
    id_tag: str,
    transaction_ref: str,
    at: datetime,
    reservation_id: int | None = None,
) -> None:
    """A charge began: the reservation it names, or that of its tag on its connector, is used.

    Runs in the caller's transaction, which holds the pile's lock.
    """
    row = _open_row(pile.id, reservation_id)
    if row is None and id_tag:
        rows = Reservation.objects.unscoped("the pile's own start")
        row = rows.filter(
            pile_id=pile.id,
            connector_no__in=(0, connector_no),
            id_tag=id_tag,
            state__in=OPEN_RESERVATION_STATES,
        ).first()
    if row is not None:
        _end(pile, row, S.USED, at, transaction_ref=transaction_ref)


def expire_due() -> int:
    """End reservations whose time is over; returns how many."""
    due = Reservation.objects.unscoped("sweep").filter(
        state__in=OPEN_RESERVATION_STATES, expires_at__lte=clock.now()
    )
    ended = 0
    for pk, pile_id in list(due.values_list("pk", "pile_id")[:1000]):
        with transaction.atomic():
            pile = lock_pile(pile_id)
            row = _open_row(pile_id, pk)
            if row is not None:
                _end(pile_ref(pile), row, S.EXPIRED, clock.now())
                ended += 1
    return ended


def _open_row(pile_id: int, reservation_id: object) -> Reservation | None:
    if not isinstance(reservation_id, int) or not 0 < reservation_id < 2**63:
        return None
    rows = Reservation.objects.unscoped("the pile's own word")
    return rows.filter(pk=reservation_id, pile_id=pile_id, state__in=OPEN_RESERVATION_STATES).first()


def _end(
    pile: events.PileRef,
    row: Reservation,
    state: str,
    at: datetime,
    *,
    answer: str = "",
    transaction_ref: str = "",
) -> None:
    row.state, row.ended_at = state, at
    row.answer, row.transaction_ref = answer[:64], transaction_ref
    row.save(update_fields=["state", "ended_at", "answer", "transaction_ref"])
    events.publish(
        events.ReservationEnded(
            pile=pile,
            connector_no=row.connector_no,
            at=at,
            reservation_id=row.pk,
            state=state,
            reference=row.reference,
        )
    )


def open_reservations(pile_ids: Iterable[int]) -> list[Reservation]:
    """The open reservations of these piles, soonest end first."""
    rows = Reservation.objects.unscoped("the caller chose the piles in its scope")
    return list(
        rows.filter(pile_id__in=list(pile_ids), state__in=OPEN_RESERVATION_STATES).order_by("expires_at")
    )
