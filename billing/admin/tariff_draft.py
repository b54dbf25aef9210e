"""What the tariff editor holds while a person composes a version: typed texts in, domain objects or sentences out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.admin import component_fields
from billing.admin.tariff_calendar import day_kind_words
from billing.admin.tiers import price, tier_class
from billing.models import TariffVersion
from billing.pricing import Component, DayRule, PricingError, TariffSnapshot, Tier
from billing.pricing.tariff import SLOTS_PER_DAY, slot_label
from billing.services import tariffs
from billing.services.tariffs import Day
from billing.tier_words import TIER_WORDS, tier_word
from kernel import clock
from kernel.errors import DomainError

MOST_DAYS = 6
SPARE_RULES = 4
USUAL = "usual"
RULE_FIELDS = ("profile", "first", "last", "days", "weekdays")


@dataclass
class Draft:
    """Tier code -> (electricity, service) as typed, the days, the rules, the components, the moment, the errors."""

    prices: dict[str, tuple[str, str]]
    slots: list[str]
    effective_at: str
    days: list[tuple[str, str, list[str]]] = field(default_factory=list)  # code, name, slots
    rules: list[dict[str, str]] = field(default_factory=list)
    typed: component_fields.Typed = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "code": code,
                "word": tier_word(code),
                "css": tier_class(code),
                "electricity": self.prices.get(code, ("", ""))[0],
                "service": self.prices.get(code, ("", ""))[1],
            }
            for code in dict.fromkeys([*TIER_WORDS, *self.prices])
        ]

    def cells(self) -> list[dict[str, Any]]:
        return [
            {
                "index": index,
                "code": code,
                "css": tier_class(code),
                "word": tier_word(code),
                "begin": slot_label(index),
                "end": "24:00" if index == SLOTS_PER_DAY - 1 else slot_label(index + 1),
            }
            for index, code in enumerate(self.slots)
        ]

    def day_rows(self) -> list[dict[str, str]]:
        return [{"code": code, "name": name, "slots": ",".join(slots)} for code, name, slots in self.days]

    def rule_rows(self) -> list[dict[str, Any]]:
        """The rules and some empty rows, each with its choices."""
        empty = dict.fromkeys(RULE_FIELDS, "")
        names = [
            ("", "–"),
            (USUAL, _("the usual day")),
            *((code, name or code) for code, name, _s in self.days),
        ]
        return [
            {
                **rule,
                "profiles": [(code, name, code == rule["profile"]) for code, name in names],
                "kinds": [(code, word, code == rule["days"]) for code, word in day_kind_words().items()],
            }
            for rule in [*self.rules, *(dict(empty) for _n in range(SPARE_RULES))]
        ]

    def groups(self) -> list[dict[str, Any]]:
        return component_fields.groups_for(self.typed)

    def parts(self) -> "Parts | None":
        """What is to be published; None, and `errors`, when something of it is not accepted."""
        tiers = self._tiers()
        used = dict.fromkeys([*self.slots, *(code for _c, _n, slots in self.days for code in slots)])
        self.errors += [
            _("%(tier)s is painted on the day but has no price.") % {"tier": tier_word(code)}
            for code in used
            if code not in self.prices
        ]
        components, wrong = component_fields.components_of(self.typed)
        self.errors += wrong
        rules = self._rules()
        if self.errors:
            return None
        days = [Day(code, name, tuple(slots)) for code, name, slots in self.days]
        parts = Parts(tiers, self.slots, components, days, rules)
        try:
            parts.snapshot()
        except DomainError as error:
            self.errors.append(error.message)
            return None
        return parts

    def moment(self) -> datetime | None:
        """From when it shall hold; None, and `errors`, when that is no moment."""
        try:
            return timezone.make_aware(datetime.fromisoformat(self.effective_at))
        except ValueError:
            self.errors.append(_("The moment it comes into force is not a date and time."))
            return None

    def _tiers(self) -> list[Tier]:
        tiers = []
        for code, (electricity, service) in self.prices.items():
            try:
                tiers.append(Tier(code, Decimal(electricity or "0"), Decimal(service or "0")))
            except (InvalidOperation, PricingError):
                self.errors.append(
                    _(
                        "The prices of %(tier)s: a number of yuan from 0 to 9999 with at most 5 decimals is accepted."
                    )
                    % {"tier": tier_word(code)}
                )
        return tiers

    def _rules(self) -> list[DayRule]:
        found = []
        for rule in self.rules:
            try:
                found.append(
                    DayRule(
                        "" if rule["profile"] == USUAL else rule["profile"],
                        rule["first"] or "01-01",
                        rule["last"] or "12-31",
                        rule["days"] or "any",
                        rule["weekdays"],
                    )
                )
            except PricingError as error:
                self.errors.append(tariffs.invalid(error).message)
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """A draft that is whole."""

    tiers: list[Tier]
    slots: list[str]
    components: list[Component]
    days: list[Day]
    rules: list[DayRule]

    def snapshot(self) -> TariffSnapshot:
        """As an order would freeze it, without special days; raises `tariff_invalid`."""
        return tariffs.draft_snapshot(
            name="",
            tiers=self.tiers,
            slots=self.slots,
            components=self.components,
            days=self.days,
            rules=self.rules,
        )


def of_version(version: TariffVersion | None, *, first: bool) -> Draft:
    """A draft that begins with what a version has; from now on for a first one, else from the next midnight."""
    moment = clock.now() if first else _next_midnight()
    text = timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")
    if version is None:
        return Draft({}, ["flat"] * SLOTS_PER_DAY, text)
    prices = {
        tier.code: (price(tier.electricity_price), price(tier.service_price)) for tier in version.tiers.all()
    }
    return Draft(
        prices,
        list(version.slots),
        text,
        days=[(day.code, day.name, list(day.slots)) for day in version.profiles.all()],
        rules=[{**rule, "profile": rule["profile"] or USUAL} for rule in version.calendar],
        typed=component_fields.of_components(version.components),
    )


def of_post(post: QueryDict) -> Draft:
    """A draft as it was typed."""
    slots = post.get("slots", "").split(",")
    prices = {
        code[:32]: (electricity.strip(), service.strip())
        for code, electricity, service in zip(
            post.getlist("code"), post.getlist("electricity"), post.getlist("service"), strict=False
        )
        if electricity.strip() or service.strip()
    }
    days = [
        (code.strip()[:16], name.strip()[:32], day.split(","))
        for code, name, day in zip(
            post.getlist("day_code"), post.getlist("day_name"), post.getlist("day_slots"), strict=False
        )
    ][:MOST_DAYS]
    columns = [post.getlist(f"rule_{name}") for name in RULE_FIELDS]
    rules = [
        dict(zip(RULE_FIELDS, (cell.strip()[:16] for cell in row), strict=True))
        for row in zip(*columns, strict=False)
        if row[0]
    ]
    draft = Draft(prices, slots, post.get("effective_at", ""), days, rules, component_fields.typed(post))
    for count in {len(slots), *(len(day) for _code, _name, day in days)} - {SLOTS_PER_DAY}:
        draft.errors.append(_("A day has 48 half-hours; the form sent %(count)d.") % {"count": count})
    if len(slots) != SLOTS_PER_DAY:
        draft.slots = ["flat"] * SLOTS_PER_DAY
    draft.days = [
        (code, name, day if len(day) == SLOTS_PER_DAY else list(draft.slots)) for code, name, day in days
    ]
    return draft


def _next_midnight() -> datetime:
    tomorrow = timezone.localdate() + timedelta(days=1)
    return timezone.make_aware(datetime.combine(tomorrow, datetime.min.time()))
