"""A second pricer, written from `docs/pricing.md` alone, slow and simple: it shares no line with the engine.

Energy is walked unit by unit (0.0001 kWh) where a session is small and minute by minute where it is not, time
minute by minute, money in fractions. It takes plain data: a tariff as an order freezes it (JSON) and a session of
integers. `million.py` compares the two on random sessions.
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

UNITS = 10_000
SMALL = 500


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def largest_remainder(whole: int, weights: list[Fraction]) -> list[int]:
    if not whole:
        return [0] * len(weights)
    total = sum(weights)
    exact = [whole * weight / total for weight in weights]
    parts = [floor(one) for one in exact]
    while sum(parts) < whole:
        behind = [one - part for one, part in zip(exact, parts, strict=True)]
        parts[behind.index(max(behind))] += 1
    return parts


class Clock:
    """Local date and half-hour of a moment in seconds since 1970, looked up once per half-hour."""

    def __init__(self, zone: str):
        self.zone, self.known = ZoneInfo(zone), {}

    def at(self, second: int) -> tuple[date, int]:
        key = second // 1800
        if key not in self.known:
            local = datetime.fromtimestamp(key * 1800, UTC).astimezone(self.zone)
            self.known[key] = (local.date(), local.hour * 2 + local.minute // 30)
        return self.known[key]


CLOCKS: dict[str, Clock] = {}


def clock_of(zone: str) -> Clock:
    return CLOCKS.setdefault(zone, Clock(zone))


def day_of(tariff: dict, day: date) -> list[str]:
    calendar = tariff.get("calendar")
    if not calendar:
        return tariff["slots"]
    special = calendar["special"].get(day.isoformat())
    if special == "holiday":
        works = False
    elif special == "workday":
        works = True
    else:
        works = day.weekday() < 5
    here = day.month * 100 + day.day
    for rule in calendar["rules"]:
        first, last = (int(rule[end][:2]) * 100 + int(rule[end][3:]) for end in ("first", "last"))
        inside = first <= here <= last if first <= last else here >= first or here <= last
        if not inside:
            continue
        if rule["weekdays"] and str(day.weekday() + 1) not in rule["weekdays"]:
            continue
        if rule["days"] == "workday" and not works:
            continue
        if rule["days"] == "restday" and works:
            continue
        if rule["days"] == "holiday" and special != "holiday":
            continue
        return calendar["profiles"][rule["profile"]] if rule["profile"] else tariff["slots"]
    return tariff["slots"]


def covers(window: list[int] | None, slot: int) -> bool:
    if window is None:
        return True
    slots, at = [], window[0]
    while at != window[1] % 48 or not slots:
        slots.append(at)
        at = (at + 1) % 48
    return slot in slots


def minutes(start: int, end: int):
    """(from, until) of the pieces between whole minutes."""
    while start < end:
        until = min((start // 60 + 1) * 60, end)
        yield start, until
        start = until


def energy_pieces(readings: list[tuple[int, int]], clock: Clock) -> dict[tuple[date, int], int]:
    """Units of energy by (local date, half-hour). A unit flows at the middle of its part of the time."""
    found: dict[tuple[date, int], int] = {}
    for (since, before), (until, after) in itertools.pairwise(readings):
        units, span = after - before, until - since
        if not units:
            continue
        if not span:
            found[clock.at(since)] = found.get(clock.at(since), 0) + units
        elif units <= SMALL:
            for number in range(1, units + 1):
                # the moment since + span × (number − ½) / units; one that falls on an edge is before it
                place = clock.at(since + (span * (2 * number - 1) - 1) // (2 * units))
                found[place] = found.get(place, 0) + 1
        else:
            passed = 0
            for _begin, stop in minutes(since, until):
                now = (2 * units * (stop - since) + span) // (2 * span)
                place = clock.at(stop - 1)
                found[place] = found.get(place, 0) + now - passed
                passed = now
    return found


def seconds_by_slot(start: int, end: int, clock: Clock) -> dict[int, int]:
    found: dict[int, int] = {}
    for since, until in minutes(start, end):
        slot = clock.at(since)[1]
        found[slot] = found.get(slot, 0) + until - since
    return found


def price_session(tariff: dict, session: dict) -> dict:
    """`session`: readings [(second, units)], tiers {code: units} or None, start, end, power, package_fen."""
    clock = clock_of(tariff["zone"])
    pieces = energy_pieces(session["readings"], clock)
    by_tier: dict[str, int] = {}
    for (day, slot), units in pieces.items():
        code = day_of(tariff, day)[slot]
        by_tier[code] = by_tier.get(code, 0) + units
    known = dict(by_tier)
    if session["tiers"] is not None:
        by_tier = session["tiers"]
    if not any(by_tier.values()):
        return {
            "total": 0,
            "electricity": 0,
            "service": 0,
            "fees": {},
            "off": 0,
            "lines": [],
            "discounts": [],
        }

    rows = []
    for tier in tariff["tiers"]:
        energy = Fraction(by_tier.get(tier["code"], 0), UNITS)
        if energy:
            rows.append(
                (
                    tier["code"],
                    energy * Fraction(tier["electricity_price"]) * 100,
                    energy * Fraction(tier["service_price"]) * 100,
                )
            )
    electricity = sum(row[1] for row in rows)
    service = sum(row[2] for row in rows)

    extra: list[tuple[str, Fraction]] = []
    minimum = 0
    for one in tariff.get("components", []):
        if one["kind"] == "minimum":
            minimum = one["fen"]
        else:
            extra += component(one, session, sum(by_tier.values()), clock)
    as_service = [exact for fee, exact in extra if fee == "service"]
    electricity_fen = half_up(electricity)
    charge_fen = half_up(electricity + service + sum(as_service))
    service_fen = charge_fen - electricity_fen
    fees = {"electricity": electricity_fen, "service": service_fen}
    for fee, exact in extra:
        if fee != "service":
            fees[fee] = fees.get(fee, 0) + half_up(exact)
    gross = sum(fees.values())
    if gross < minimum:
        fees["minimum"] = minimum - gross
    of_electricity = largest_remainder(electricity_fen, [row[1] for row in rows])
    of_service = largest_remainder(service_fen, [*(row[2] for row in rows), *as_service])

    left, taken = dict(fees), []
    for rule in chosen(tariff, fees, rows, pieces, known, sum(as_service), sum(by_tier.values())):
        by_fee = spread(rule[0], rule[1], rule[2], left)
        for kind, fen in by_fee.items():
            left[kind] -= fen
        if by_fee:
            taken.append((rule[0]["code"], sum(by_fee.values()), by_fee))
    off = sum(fen for _code, fen, _by in taken)
    return {
        "total": sum(fees.values()) - off,
        "electricity": electricity_fen,
        "service": service_fen,
        "fees": {kind: fen for kind, fen in fees.items() if fen and kind not in ("electricity", "service")},
        "off": off,
        "lines": list(zip(of_electricity, of_service, strict=False)),
        "discounts": taken,
    }


def component(one: dict, session: dict, units: int, clock: Clock) -> list[tuple[str, Fraction]]:
    start, end = session["start"], session["end"]
    match one["kind"]:
        case "start":
            return [("start", Fraction(one["fen"]))]
        case "use":
            return [(one["fee"], Fraction(one["fen"]))]
        case "time":
            inside = sum(
                seconds
                for slot, seconds in seconds_by_slot(start, end, clock).items()
                if covers(one["window"], slot)
            )
            counted = max(inside - one["free_s"], 0)
            started = ceil(Fraction(counted, one["unit_s"])) * one["unit_s"]
            return (
                [(one["fee"], Fraction(started * one["fen"], one["per_s"]))] if started and one["fen"] else []
            )
        case "package":
            if session["package_fen"] is None:
                return []
            bought = next(seconds for fen, seconds in one["pairs"] if fen == session["package_fen"])
            used = min(end - start, bought)
            fen = ceil(Fraction(session["package_fen"] * used, bought))
            return [(one["fee"], Fraction(fen if one["refundable"] else session["package_fen"]))]
        case "power":
            return power(one, session, units)
    return []


def power(one: dict, session: dict, units: int) -> list[tuple[str, Fraction]]:
    start, end = session["start"], session["end"]

    def step_of(watts: int) -> int:
        for number, step in enumerate(one["steps"]):
            if watts <= step["up_to_w"]:
                return number
        return len(one["steps"]) - 1

    points = session["power"]
    if not points:
        watts = half_up(Fraction(units * 3600, 10 * (end - start))) if end > start else 0
        points = [(start, watts)]
    spent: dict[int, int] = {}
    edges = sorted({start, end, *(at for at, _watts in points if start < at < end)})
    for since, until in itertools.pairwise(edges):
        seen = [watts for at, watts in points if at <= since] or [points[0][1]]
        step = max(map(step_of, [points[0][1], *seen])) if one["follow"] == "highest" else step_of(seen[-1])
        spent[step] = spent.get(step, 0) + until - since
    return [
        (one["fee"], Fraction(seconds * one["steps"][step]["fen"], one["steps"][step]["per_s"]))
        for step, seconds in sorted(spent.items())
    ]


def chosen(
    tariff: dict, fees: dict, rows: list, pieces: dict, known: dict, by_time: Fraction, drawn: int
) -> list:
    """The rules that hold, as (rule, fen it takes off, {fee: exact fen it is taken from})."""
    ready = []
    for rule in tariff.get("discounts", []):
        if sum(fees.values()) < rule.get("least_fen", 0):
            continue
        base = {}
        for kind in rule["fees"]:
            part = Fraction(1)
            if rule["window"] is not None:
                column = 1 if kind == "electricity" else 2
                whole = sum(row[column] for row in rows) + (by_time if kind == "service" else 0)
                inside = Fraction(0)
                for row in rows:
                    inside += row[column] * part_inside(tariff, row[0], rule["window"], pieces, known)
                part = inside / whole if whole else Fraction(0)
            if rule.get("energy_kwh"):
                part = min(part, Fraction(rule["energy_kwh"]) * UNITS / drawn)
            base[kind] = fees.get(kind, 0) * part
        total = sum(base.values())
        exact = total * rule["off_bp"] / 10_000 if rule["off_bp"] else min(Fraction(rule["off_fen"]), total)
        fen = half_up(exact)
        if rule["cap_fen"] is not None:
            fen = min(fen, rule["cap_fen"])
        ready.append((rule, fen, base))
    alone = [one for one in ready if not one[0]["stack"]]
    best = [one for one in alone if one[1] == max(other[1] for other in alone)][:1]
    return best + [one for one in ready if one[0]["stack"]]


def part_inside(tariff: dict, code: str, window: list[int], pieces: dict, known: dict) -> Fraction:
    own = known.get(code, 0) > 0
    whole = known.get(code, 0) if own else sum(known.values())
    if not whole:
        return Fraction(0)
    inside = sum(
        units
        for (day, slot), units in pieces.items()
        if covers(window, slot) and (not own or day_of(tariff, day)[slot] == code)
    )
    return Fraction(inside, whole)


def spread(rule: dict, fen: int, base: dict, left: dict) -> dict:
    kinds = list(base)
    fen = min(fen, sum(left.get(kind, 0) for kind in kinds))
    if not fen:
        return {}
    parts = largest_remainder(fen, [base[kind] for kind in kinds])
    over = 0
    for number, kind in enumerate(kinds):
        too_much = max(parts[number] - left.get(kind, 0), 0)
        parts[number] -= too_much
        over += too_much
    for number, kind in enumerate(kinds):
        more = min(over, left.get(kind, 0) - parts[number])
        parts[number] += more
        over -= more
    return {kind: part for kind, part in zip(kinds, parts, strict=True) if part}


def stay(rule: dict, begin: datetime, end: datetime, zone: str, holes: list, today_fen: int = 0) -> int:
    """Occupancy or parking, minute by minute: `holes` do not count. Everything lies on whole minutes."""
    free = rule["grace_s"] if rule["kind"] == "occupancy" else rule["free_s"]
    counted, total = 0, 0
    by_day = {begin.astimezone(ZoneInfo(zone)).date(): today_fen}
    at = begin
    while at < end and total < rule["cap_fen"]:
        if not any(since <= at < until for since, until in holes):
            if counted >= free and (counted - free) % rule["block_s"] == 0:
                day = at.astimezone(ZoneInfo(zone)).date()
                room = rule["cap_fen"] - total
                if rule["cap_day_fen"] is not None:
                    room = min(room, rule["cap_day_fen"] - by_day.get(day, 0))
                fen = max(min(rule["fen"], room), 0)
                total += fen
                by_day[day] = by_day.get(day, 0) + fen
            counted += 60
        at += timedelta(minutes=1)
    return total
