"""Sentences for the codes of this package, in English; doors translate them with gettext and fill `params`."""

from __future__ import annotations

from collections.abc import Mapping


def gettext_noop(text: str) -> str:
    """Mark `text` for the message catalogue without importing a translation library."""
    return text


FINDINGS: dict[str, str] = {
    "amount_differs": gettext_noop(
        "The device's amount is %(device_amount)s yuan, ours is %(our_amount)s yuan."
    ),
    "amount_not_a_number": gettext_noop("The reported price or amount %(value)s is not a number."),
    "cannot_price": gettext_noop("The energies cannot be priced (%(reason)s)."),
    "end_outside_session": gettext_noop("The device's end time %(at)s lies outside the session."),
    "end_before_start": gettext_noop("The end %(ended_at)s is before the start %(started_at)s."),
    "energy_above_power": gettext_noop(
        "%(energy_kwh)s kWh in %(seconds)s seconds is more than %(rated_power_kw)s kW can deliver"
        " (at most %(limit_kwh)s kWh)."
    ),
    "energy_not_a_number": gettext_noop("The reported energy %(value)s is not a number."),
    "negative_energy": gettext_noop("The reported energy %(energy_kwh)s kWh is negative."),
    "negative_tier_energy": gettext_noop("The energy of tier %(tier)s, %(energy_kwh)s kWh, is negative."),
    "rated_power_unknown": gettext_noop(
        "The connector has no rated power, so %(energy_kwh)s kWh cannot be judged."
    ),
    "register_backwards": gettext_noop("The energy register went back from %(from_kwh)s to %(to_kwh)s kWh."),
    "register_disagrees": gettext_noop(
        "The register rose by %(register_kwh)s kWh, the record says %(energy_kwh)s kWh."
    ),
    "register_jump": gettext_noop(
        "The energy register jumped from %(from_kwh)s to %(to_kwh)s kWh; at most %(limit_kwh)s kWh"
        " was possible."
    ),
    "register_not_a_number": gettext_noop("The register value %(value)s is not a usable number."),
    "sample_out_of_order": gettext_noop(
        "A late sample of %(at)s shows %(value_kwh)s kWh, more than the later %(last_kwh)s kWh."
    ),
    "start_outside_session": gettext_noop("The device's start time %(at)s lies outside the session."),
    "telemetry_disagrees": gettext_noop(
        "The record says %(energy_kwh)s kWh, the last live sample %(telemetry_kwh)s kWh."
    ),
    "tier_amount_differs": gettext_noop(
        "Tier %(tier)s: the device's amount is %(device_amount)s yuan, ours is %(our_amount)s yuan."
    ),
    "tier_sum_differs": gettext_noop("The tiers add up to %(sum_kwh)s kWh, the total is %(energy_kwh)s kWh."),
    "unit_price_differs": gettext_noop(
        "Tier %(tier)s: the device charged %(device_price)s yuan/kWh, the tariff says %(our_price)s."
    ),
    "unknown_tier": gettext_noop("Tier %(tier)s is not part of the tariff."),
}

ERRORS: dict[str, str] = {
    "bad_calendar_date": gettext_noop("%(value)s is not a month and day such as 07-01."),
    "bad_component": gettext_noop("Component %(component)s, %(field)s: accepted are %(accepted)s."),
    "bad_day_kind": gettext_noop("%(value)s is not a kind of day; accepted are: %(accepted)s."),
    "bad_discount": gettext_noop("Discount %(discount)s, %(field)s: accepted are %(accepted)s."),
    "bad_profile_code": gettext_noop(
        "%(profile)s cannot be the code of a day: use a lower-case letter, then letters, digits or underscores,"
        " at most 16."
    ),
    "bad_weekdays": gettext_noop("%(value)s: weekdays are digits from 1 (Monday) to 7 (Sunday)."),
    "component_twice": gettext_noop("Component %(component)s may appear only once."),
    "ends_before_start": gettext_noop("The end %(ended_at)s is before the start %(started_at)s."),
    "free_of_charge": gettext_noop("%(watts)s W cost nothing, so an amount buys no certain time."),
    "no_times": gettext_noop("The tariff counts time, and the session has no start or end."),
    "profile_slot_count": gettext_noop("Day %(profile)s has %(count)s half-hours instead of %(expected)s."),
    "unknown_component": gettext_noop("%(component)s is not a component; accepted are: %(accepted)s."),
    "unknown_package": gettext_noop("%(fen)s fen is none of the packages; accepted are: %(accepted)s fen."),
    "unknown_profile": gettext_noop("Day %(profile)s is not part of the tariff."),
    "unknown_profile_tier": gettext_noop("Day %(profile)s: tier %(tier)s is not part of the tariff."),
    "bad_bill": gettext_noop("The stored bill is damaged (%(field)s)."),
    "bad_estimate": gettext_noop(
        "An estimate needs a power, and either a duration or an energy, none below zero (%(field)s)."
    ),
    "bad_rated_power": gettext_noop("The rated power %(value)s is not a number above zero."),
    "bad_segment": gettext_noop("%(segment)s is not the start of a half-hour in the tariff's time zone."),
    "bad_snapshot": gettext_noop("The stored tariff is damaged (%(field)s)."),
    "bad_tier_code": gettext_noop(
        "%(tier)s cannot be a tier code: use a lower-case letter, then letters, digits or underscores,"
        " at most 32."
    ),
    "bill_mismatch": gettext_noop("The stored bill does not agree with its own lines."),
    "duplicate_tier": gettext_noop("Tier %(tier)s appears twice."),
    "energy_on_empty_position": gettext_noop(
        "The device reports %(energy_kwh)s kWh at price position %(position)s, which carries no tier."
    ),
    "interval_too_long": gettext_noop("%(days)s days between two readings is more than %(limit)s."),
    "naive_time": gettext_noop("The time %(time)s has no time zone."),
    "negative_energy": gettext_noop("The energy of %(tier)s, %(energy_kwh)s kWh, is negative."),
    "negative_loss_ratio": gettext_noop("The loss ratio %(value)s is below zero."),
    "negative_price": gettext_noop("%(field)s: the price %(value)s is below zero."),
    "negative_weight": gettext_noop("A share cannot be below zero."),
    "no_tiers": gettext_noop("A tariff needs at least one tier."),
    "no_weight": gettext_noop("%(total_fen)s fen cannot be split when every share is zero."),
    "not_a_decimal": gettext_noop("%(field)s: %(value)s is not a decimal number."),
    "not_finite": gettext_noop("%(field)s: %(value)s is not a finite number."),
    "reading_backwards": gettext_noop("The reading fell from %(previous)s to %(new)s kWh."),
    "readings_out_of_order": gettext_noop("The reading of %(new)s is older than that of %(previous)s."),
    "too_large": gettext_noop("%(field)s: %(value)s is too large."),
    "too_many_places": gettext_noop("%(field)s: %(value)s has more than %(places)s decimals."),
    "too_many_tiers": gettext_noop("The tariff uses %(count)s tiers, the pile has room for %(limit)s."),
    "unknown_slot_tier": gettext_noop("%(slot)s: tier %(tier)s is not part of the tariff."),
    "unknown_tier": gettext_noop("Tier %(tier)s is not part of the tariff."),
    "unknown_zone": gettext_noop("%(zone)s is not a known time zone."),
    "wrong_slot_count": gettext_noop("The day has %(count)s half-hours instead of %(expected)s."),
}


def sentence(code: str, params: Mapping[str, str | int], table: Mapping[str, str] = FINDINGS) -> str:
    """Return the English sentence of `code`, filled; the bare code when it has none."""
    template = table.get(code)
    return template % params if template is not None else code
