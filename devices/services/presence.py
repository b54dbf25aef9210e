"""Who holds which pile: logins, logouts and silence. The newest connection wins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from devices import events
from devices.locks import lock_pile, locked_piles
from devices.models import PileSession
from devices.services import heard
from devices.services.references import pile_ref
from kernel import clock
from kernel.live import broadcast_all
from kernel.runtime.rows import update_rows
from stations.models import Connector, Pile, PileModel


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A login that was accepted. `replaced_channel` is the channel of the older socket, to be closed.

    `silence` is how long the pile may say nothing, `heartbeat_s` the interval its model wants, if any.
    """

    session_id: int
    pile: events.PileRef
    connectors: Mapping[int, str]
    replaced_channel: str = ""
    silence: timedelta = timedelta(seconds=60)
    heartbeat_s: int | None = None


def poke_board(operator_id: int) -> None:
    """Tell open overview pages that something on their board changed."""
    dirty = {"type": "board.dirty"}
    broadcast_all([("board.platform", dirty), (f"board.operator.{operator_id}", dirty)])


@dataclass(slots=True)
class Login:
    """A login of a registered pile as `open_session` takes it; `opened` is set once it was accepted.

    `wanted` says whether the socket that it came from is still there.
    """

    pile_id: int
    protocol: str
    channel: str
    remote_address: str
    facts: Mapping[str, Any] | None = None
    opened: OpenedSession | None = None
    wanted: Callable[[], bool] = lambda: True


class SocketLost(Exception):
    """The socket ended before its login was stored."""


def open_sessions(logins: Sequence[Login]) -> None:
    """`open_session` for a storm of logins: those of different piles in one transaction, others after it.

    A pile that gave up waiting and dials again must not cost a second login: those not `wanted` stay not `opened`.
    """
    logins = [login for login in logins if login.wanted()]
    if len(logins) > 1:
        _open_together({login.pile_id: login for login in reversed(logins)})
        logins = [login for login in logins if login.opened is None]
    for login in logins:
        login.opened = open_session(
            pile_id=login.pile_id,
            protocol=login.protocol,
            channel=login.channel,
            remote_address=login.remote_address,
            facts=login.facts,
        )


def _open_together(logins: Mapping[int, Login]) -> None:
    now = clock.now()
    opened: dict[int, OpenedSession] = {}
    with transaction.atomic():
        piles = locked_piles(logins)
        left = PileSession.objects.filter(pile_id__in=piles, closed_at__isnull=True)
        older = {session.pile_id: session for session in left}
        if older:
            PileSession.objects.filter(pk__in=[session.pk for session in older.values()]).update(
                closed_at=now, close_reason="replaced"
            )
        sessions = {
            pk: _session(pile, logins[pk], offline_after(logins[pk].protocol, pile.model), now)
            for pk, pile in piles.items()
        }
        PileSession.objects.bulk_create(sessions.values())
        names: set[str] = set()
        for pk, pile in piles.items():
            names.update(_take_login(pile, logins[pk].facts, now))
        update_rows(list(piles.values()), sorted(names))
        refs = {pk: pile_ref(pile) for pk, pile in piles.items()}
        events.publish_together(
            [
                events.PileOnline(pile=ref, at=now, session_id=sessions[pk].pk, reconnected=pk in older)
                for pk, ref in refs.items()
            ]
        )
        for operator_id in {ref.operator_id for ref in refs.values()}:
            poke_board(operator_id)
        states: dict[int, dict[int, str]] = {pk: {} for pk in piles}
        connectors = Connector.objects.unscoped("their piles logged in").filter(pile_id__in=piles)
        for pile_id, number, state in connectors.values_list("pile_id", "number", "state"):
            states[pile_id][number] = state
        for pk, pile in piles.items():
            opened[pk] = OpenedSession(
                sessions[pk].pk,
                refs[pk],
                states[pk],
                older[pk].channel if pk in older else "",
                offline_after(logins[pk].protocol, pile.model),
                pile.model.heartbeat_s if pile.model is not None else None,
            )
    for pk, session in opened.items():
        logins[pk].opened = session


def _session(pile: Pile, login: Login, silence: timedelta, now: datetime) -> PileSession:
    return PileSession(
        operator_id=pile.operator_id,
        station_id=pile.station_id,
        pile=pile,
        protocol=login.protocol,
        node=settings.EV_NODE,
        channel=login.channel,
        remote_address=login.remote_address,
        silence_s=round(silence.total_seconds()),
        opened_at=now,
    )


def _take_login(pile: Pile, facts: Mapping[str, Any] | None, now: datetime) -> set[str]:
    """Set what a login changes on a locked pile; the names of its fields, for the caller to save."""
    if not pile.online:
        pile.online, pile.online_changed_at = True, now
    pile.last_seen_at = now
    for name, value in (facts or {}).items():
        setattr(pile, name, str(value)[: Pile._meta.get_field(name).max_length])
    return {"online", "online_changed_at", "last_seen_at", *(facts or {})}


def open_session(
    *,
    pile_id: int,
    protocol: str,
    channel: str,
    remote_address: str,
    facts: Mapping[str, Any] | None = None,
) -> OpenedSession:
    """A registered pile logged in on `channel`.

    Closes its older session, marks it online, stores what it says of itself (`facts`: vendor, reported_model,
    serial, firmware, iccid) and publishes `PileOnline`.
    """
    now = clock.now()
    with transaction.atomic():
        pile = lock_pile(pile_id)
        older = PileSession.objects.filter(pile_id=pile_id, closed_at__isnull=True).first()
        if older is not None:
            _close(older, now, "replaced")
        model = pile.model
        silence = offline_after(protocol, model)
        session = _session(pile, Login(pile_id, protocol, channel, remote_address), silence, now)
        session.save(force_insert=True)
        pile.save(update_fields=_take_login(pile, facts, now))
        ref = pile_ref(pile)
        events.publish(
            events.PileOnline(pile=ref, at=now, session_id=session.pk, reconnected=older is not None)
        )
        poke_board(pile.operator_id)
        connectors = dict(pile.connectors.values_list("number", "state"))
    return OpenedSession(
        session.pk,
        ref,
        connectors,
        older.channel if older is not None else "",
        silence,
        model.heartbeat_s if model is not None else None,
    )


def note_facts(*, pile_id: int, facts: Mapping[str, str]) -> None:
    """Store what an online pile says of itself (as `open_session`), written only when it changed."""
    with transaction.atomic():
        pile = lock_pile(pile_id)
        changed = []
        for name, value in facts.items():
            value = value[: Pile._meta.get_field(name).max_length]
            if getattr(pile, name) != value:
                setattr(pile, name, value)
                changed.append(name)
        if changed:
            pile.save(update_fields=changed)


def close_reason_of(session_id: int) -> str | None:
    """Why a session was closed; None while it is open."""
    session = PileSession.objects.filter(pk=session_id).first()
    if session is None:
        return "gone"
    return None if session.closed_at is None else session.close_reason


def close_session(
    *, session_id: int, reason: str, pile_id: int | None = None, silent_since: datetime | None = None
) -> bool:
    """The socket of a session ended. False when a newer session holds the pile already.

    `pile_id` is the session's pile where the caller knows it. With `silent_since`, only if the pile was not heard
    of after that moment either.
    """
    now = clock.now()
    sessions = PileSession.objects.filter(pk=session_id)
    with transaction.atomic():
        pile_id = pile_id or sessions.values_list("pile_id", flat=True).first()
        if pile_id is None:
            return False
        pile = lock_pile(pile_id)
        session = sessions.first()  # as it is under the lock
        if session is None or session.closed_at is not None:
            return False
        if silent_since is not None and pile.last_seen_at is not None and pile.last_seen_at > silent_since:
            return False
        _close(session, now, reason)
        _mark_offline(pile, now, reason)
    return True


@dataclass(frozen=True, slots=True)
class Logout:
    """A session whose socket ended, as `close_session` takes it."""

    session_id: int
    pile_id: int
    reason: str


def close_sessions(ended: Sequence[Logout]) -> None:
    """`close_session` for many sockets that ended at once, in one transaction."""
    if len(ended) == 1:
        only = ended[0]
        close_session(session_id=only.session_id, reason=only.reason, pile_id=only.pile_id)
        return
    now = clock.now()
    reasons = {one.session_id: one.reason[:64] for one in ended}
    with transaction.atomic():
        piles = locked_piles(one.pile_id for one in ended)
        rows = PileSession.objects.filter(pk__in=reasons, closed_at__isnull=True)
        closing = {session.pile_id: session for session in rows}
        for session in closing.values():
            session.closed_at, session.close_reason = now, reasons[session.pk]
        update_rows(list(closing.values()), ("closed_at", "close_reason"))
        gone = [piles[pile_id] for pile_id in closing if piles[pile_id].online]
        for pile in gone:
            pile.online, pile.online_changed_at = False, now
        update_rows(gone, ("online", "online_changed_at"))
        Connector.objects.unscoped("their piles went offline").filter(pile__in=gone).exclude(
            state=Connector.State.OFFLINE
        ).update(state=Connector.State.OFFLINE, state_changed_at=now)
        if gone:
            events.publish_together(
                [
                    events.PileOffline(pile=pile_ref(pile), at=now, reason=reasons[closing[pile.pk].pk])
                    for pile in gone
                ]
            )
        for operator_id in {pile.operator_id for pile in gone}:
            poke_board(operator_id)


def close_sessions_of_node(node: str, reason: str = "gateway_restarted") -> int:
    """Close what a gateway process of this name left open (it was killed)."""
    left = PileSession.objects.filter(node=node, closed_at__isnull=True).values_list("pk", flat=True)
    return sum(close_session(session_id=pk, reason=reason) for pk in list(left))


def sessions_closed_elsewhere(node: str, since: datetime) -> list[tuple[int, int, str]]:
    """(pile id, session id, reason) of this gateway's sessions that ended after `since`, whoever ended them.

    The gateway compares them with the sockets it holds, so that a lost message between processes is made good.
    """
    rows = PileSession.objects.filter(node=node, closed_at__gte=since)
    return list(rows.values_list("pile_id", "pk", "close_reason"))


# Protocols whose heartbeat is slower than the platform's usual patience, in seconds of silence: two and a half
# heartbeats of DNY (AP3000 device protocol V8.6 §3.1) and of the MQTT contract.
_SLOW_HEARTBEATS = {Pile.Protocol.DNY: 2.5 * 180, Pile.Protocol.MQTT: 2.5 * 60}


def offline_after(protocol: str, model: PileModel | None = None) -> timedelta:
    """How long a pile may be silent: its model's own heartbeats, or what is usual with its protocol.

    OCPP stations are told a heartbeat by us.
    """
    if model is not None and model.heartbeat_s:
        return timedelta(seconds=model.heartbeat_s * model.missed_heartbeats)
    seconds = settings.PILE_OFFLINE_AFTER_S
    if protocol in (Pile.Protocol.OCPP16, Pile.Protocol.OCPP201):
        seconds = max(seconds, 2.5 * settings.OCPP_HEARTBEAT_S)
    seconds = max(seconds, _SLOW_HEARTBEATS.get(protocol, 0))
    return timedelta(seconds=seconds)


def expire_silent() -> int:
    """Piles not heard of within their time-out go offline; returns how many."""
    now = clock.now()
    is_open = PileSession.objects.filter(closed_at__isnull=True)
    silent = Q(pk__in=[])
    for seconds in is_open.order_by().values_list("silence_s", flat=True).distinct():
        silent |= Q(silence_s=seconds, pile__last_seen_at__lt=now - timedelta(seconds=seconds))
    rows = list(is_open.filter(silent).values_list("pk", "pile_id", "silence_s"))
    heard_at = heard.heard_at([pile_id for _pk, pile_id, _silence in rows])
    closed = 0
    for pk, pile_id, silence_s in rows:
        since = now - timedelta(seconds=silence_s)
        if pile_id in heard_at and heard_at[pile_id] >= since:
            continue
        closed += close_session(session_id=pk, reason="silent", pile_id=pile_id, silent_since=since)
    return closed


def _close(session: PileSession, now: datetime, reason: str) -> None:
    session.closed_at, session.close_reason = now, reason[:64]
    session.save(update_fields=["closed_at", "close_reason"])


def _mark_offline(pile: Pile, now: datetime, reason: str) -> None:
    if not pile.online:
        return
    pile.online, pile.online_changed_at = False, now
    pile.save(update_fields=["online", "online_changed_at"])
    Connector.objects.unscoped("their pile went offline").filter(pile=pile).exclude(
        state=Connector.State.OFFLINE
    ).update(state=Connector.State.OFFLINE, state_changed_at=now)
    events.publish(events.PileOffline(pile=pile_ref(pile), at=now, reason=reason))
    poke_board(pile.operator_id)
