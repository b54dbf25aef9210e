"""Fees beside the charge: staying plugged in, reserving, parking. Pure functions of moments and a frozen rule.

Time is charged by the started block: block k begins when k × `block_s` of chargeable time have passed, and it
belongs to the local day on which it begins. Time in which the pile had failed or was offline is nobody's fault
but ours and does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .components import OccupancyFee, ParkingFee, ReservationFee
from .errors import PricingError
from .slots import MAX_INTERVAL
from .tariff import zone_of

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class TimedFee:
    """What a fee by time comes to: fen, started blocks, the seconds that count, and whether a cap ended it."""

    fen: int
    blocks: int
    seconds: int
    capped: bool = False


def occupancy(
    rule: OccupancyFee,
    *,
    begin: datetime,
    end: datetime,
    zone: str,
    outages: Iterable[Span] = (),
    charged_today_fen: int = 0,
) -> TimedFee:
    """Return the fee for staying plugged in from the end of charging to the unplugging (or to now).

    The first `grace_s` of time that counts are free. `outages` are spans in which the pile had failed or was
    offline. `charged_today_fen` is what other sessions of the same payer have cost on the first local day, for
    the cap of the day.
    """
    spans = _without([(begin, end)], outages)
    spans = _after(spans, rule.grace_s)
    return _blocks(
        spans, rule.fen, rule.block_s, rule.cap_fen, rule.cap_day_fen, zone, begin, charged_today_fen
    )


def parking(
    rule: ParkingFee,
    *,
    arrived: datetime,
    left: datetime,
    zone: str,
    charging: Iterable[Span] = (),
    charged_today_fen: int = 0,
) -> TimedFee:
    """Return the fee for a bay from arrival to leaving; the time of `charging` is free where the rule says so."""
    spans = _without([(arrived, left)], charging if rule.free_charging else ())
    spans = _after(spans, rule.free_s)
    return _blocks(
        spans, rule.fen, rule.block_s, rule.cap_fen, rule.cap_day_fen, zone, arrived, charged_today_fen
    )


def reservation(rule: ReservationFee, *, reserved: datetime, until: datetime, came: bool) -> TimedFee:
    """Return the fee for holding a connector from `reserved` until the start, the cancelling or the expiry."""
    spans = _after(_without([(reserved, until)], ()), rule.free_s)
    timed = (
        _blocks(spans, rule.fen, rule.block_s, rule.cap_fen, None, "UTC", reserved, 0)
        if rule.fen
        else TimedFee(0, 0, 0)
    )
    if came or not rule.no_show_fen:
        return timed
    fen = min(timed.fen + rule.no_show_fen, rule.cap_fen)
    return TimedFee(fen, timed.blocks, timed.seconds, fen == rule.cap_fen)


def cap_reached_at(
    rule: OccupancyFee, *, begin: datetime, zone: str, outages: Iterable[Span] = ()
) -> datetime:
    """Return the moment at which the session's cap is reached when nobody unplugs (cap of the session only)."""
    blocks = -(-rule.cap_fen // rule.fen)
    seconds = rule.grace_s + (blocks - 1) * rule.block_s
    moment = begin + timedelta(seconds=seconds)
    for start, stop in sorted(outages):
        if start <= moment and stop > begin:
            moment += stop - max(start, begin)
    return moment


def _blocks(
    spans: Sequence[Span],
    fen: int,
    block_s: int,
    cap_fen: int,
    cap_day_fen: int | None,
    zone: str,
    first: datetime,
    charged_today_fen: int,
) -> TimedFee:
    info = zone_of(zone)
    by_day: dict[date, int] = {first.astimezone(info).date(): charged_today_fen}
    total = blocks = 0
    capped = False
    for moment in _starts(spans, timedelta(seconds=block_s)):
        blocks += 1
        day = moment.astimezone(info).date()
        room = cap_fen - total
        if cap_day_fen is not None:
            room = min(room, cap_day_fen - by_day.get(day, 0))
        added = max(min(fen, room), 0)
        capped = capped or added < fen
        total += added
        by_day[day] = by_day.get(day, 0) + added
        if total >= cap_fen:
            capped = True
            break
    seconds = sum((until - since) / timedelta(seconds=1) for since, until in spans)
    return TimedFee(total, blocks, int(seconds), capped)


def _starts(spans: Sequence[Span], block: timedelta) -> Iterator[datetime]:
    """The moments at which a new block of chargeable time begins."""
    owed = timedelta(0)  # chargeable time until the next block begins
    for since, until in spans:
        at = since + owed
        while at < until:
            yield at
            at += block
        owed = at - until


def _without(spans: Sequence[Span], holes: Iterable[Span]) -> list[Span]:
    """The spans without the holes, in UTC."""
    result = [(_utc(since), _utc(until)) for since, until in spans]
    for since, until in result:
        if until - since > MAX_INTERVAL:
            raise PricingError(
                "interval_too_long", {"days": (until - since).days, "limit": MAX_INTERVAL.days}
            )
    for hole in holes:
        low, high = _utc(hole[0]), _utc(hole[1])
        result = (
            [
                piece
                for since, until in result
                for piece in ((since, min(until, low)), (max(since, high), until))
                if piece[0] < piece[1]
            ]
            if low < high
            else result
        )
    return [piece for piece in result if piece[0] < piece[1]]


def _after(spans: Sequence[Span], free_s: int) -> list[Span]:
    """The spans without their first `free_s` seconds."""
    left = timedelta(seconds=free_s)
    result = []
    for since, until in spans:
        skipped = min(left, until - since)
        left -= skipped
        if since + skipped < until:
            result.append((since + skipped, until))
    return result


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise PricingError("naive_time", {"time": at.isoformat()})
    return at.astimezone(UTC)
