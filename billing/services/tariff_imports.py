"""Tariffs from and to a spreadsheet: one row is one version, its day a list of end times with a price for each.

That is how many vendors and price departments write a day: `08:00,10:00,24:00` with `0.3,0.7,1.0`. Piles change
price at half-hours, so an end time anywhere else is refused by its name.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from billing.models import Tariff, TariffVersion
from billing.pricing import PricingError, Tier
from billing.pricing.tariff import SLOT_MINUTES, SLOTS_PER_DAY, WIRE_ORDER, slot_label
from billing.services import tariffs
from billing.tier_words import TIER_WORDS
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.imports import Column, Importer
from kernel.sheets import write_sheet
from users.selectors import operator_get

_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::00)?")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,，;；、\s]+", text) if part.strip()]


class TariffImporter(Importer):
    """One row, one version; a tariff that is not there yet is made."""

    title = gettext_lazy("Import tariffs")
    name = "tariffs"
    columns = (
        Column("operator", gettext_lazy("Operator code"), accepted=gettext_lazy("the code of an operator"), example="huiyun", required=True),
        Column("name", gettext_lazy("Tariff"), accepted=gettext_lazy("1 to 64 characters; a new name makes a new tariff"), example="示例电价", required=True),
        Column("effective_at", gettext_lazy("In force from"), accepted=gettext_lazy("a local date and time such as 2026-12-01 00:00; empty: now"), example="2026-12-01 00:00"),
        Column("ends", gettext_lazy("Periods end at"), accepted=gettext_lazy("full or half hours, rising, the last 24:00"), example="08:00,10:00,12:00,18:00,20:00,24:00", required=True),
        Column("electricity", gettext_lazy("Electricity (yuan/kWh)"), accepted=gettext_lazy("one price for each period, or one for all"), example="0.3,0.7,1.0,0.7,1.2,0.7", required=True),
        Column("service", gettext_lazy("Service (yuan/kWh)"), accepted=gettext_lazy("one price for each period, or one for all; or give the total"), example="0.4"),
        Column("total", gettext_lazy("Total (yuan/kWh)"), accepted=gettext_lazy("electricity and service together, where the service is not given"), example=""),
        Column("tiers", gettext_lazy("Tiers"), accepted=gettext_lazy("a tier for each period; empty: by price, the dearest first"), example="valley,flat,peak,flat,sharp,flat"),
    )  # fmt: skip

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        operator = operator_get(actor=actor, code=values["operator"])
        lengths = _lengths(values["ends"])
        electricity = _prices(values, "electricity", len(lengths))
        service = _services(values, electricity)
        pairs = list(zip(electricity, service, strict=True))
        codes = _tiers(values, pairs) if values.get("tiers") else _by_price(pairs)
        prices: dict[str, tuple[Decimal, Decimal]] = {}
        for code, pair in zip(codes, pairs, strict=True):
            if prices.setdefault(code, pair) != pair:
                raise _refused(_("tier %(tier)s has two prices") % {"tier": code}, "tiers")
        slots = [code for code, length in zip(codes, lengths, strict=True) for _slot in range(length)]
        effective_at = _moment(values.get("effective_at", ""))
        name = values["name"].strip()
        tariff = Tariff.objects.for_actor(actor).filter(operator=operator, name=name).first()
        if tariff is None:
            tariff = tariffs.create_tariff(actor=actor, operator=operator, name=name)
        try:
            tiers = [Tier(code, *pair) for code, pair in prices.items()]
        except PricingError as error:
            raise tariffs.invalid(error) from None
        tiers.sort(key=lambda tier: (*WIRE_ORDER, tier.code).index(tier.code))
        return str(
            tariffs.publish_version(
                actor=actor, tariff=tariff, tiers=tiers, slots=slots, effective_at=effective_at
            )
        )


def tariff_sheet(*, actor: Actor, as_csv: bool = False) -> bytes:
    """The versions in force of all tariffs in scope, as XLSX or CSV that `TariffImporter` reads back.

    Days that a calendar chooses and components beside the energy have no column; a version with them is left out.
    """
    now = clock.now()
    versions = TariffVersion.objects.unscoped("those of tariffs in scope").filter(effective_at__lte=now)
    rows = []
    for tariff in (
        Tariff.objects.for_actor(actor)
        .select_related("operator")
        .prefetch_related(Prefetch("versions", versions.order_by("effective_at").prefetch_related("tiers")))
        .order_by("operator__code", "name")
    ):
        in_force = next(reversed(tariff.versions.all()), None)
        if in_force is not None and not in_force.calendar and not in_force.components:
            rows.append(_row(tariff, in_force))
    header = [str(column.title) for column in TariffImporter.columns]
    if not as_csv:
        return write_sheet(header, rows)
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode("utf-8-sig")  # so that Excel reads Chinese


def _row(tariff: Tariff, version: TariffVersion) -> list[str]:
    runs, index = [], 0
    for code, run in groupby(version.slots):
        index += len(list(run))
        runs.append((code, "24:00" if index == SLOTS_PER_DAY else slot_label(index)))
    tiers = {tier.code: tier for tier in version.tiers.all()}
    return [
        tariff.operator.code,
        tariff.name,
        "",
        ",".join(end for _code, end in runs),
        ",".join(str(tiers[code].electricity_price) for code, _end in runs),
        ",".join(str(tiers[code].service_price) for code, _end in runs),
        "",
        ",".join(code for code, _end in runs),
    ]


def _refused(reason: str, field: str) -> DomainError:
    return DomainError("tariff_invalid", {"reason": reason}, field=field)


def _lengths(text: str) -> list[int]:
    """The half-hours of each period."""
    lengths, before = [], 0
    for part in _parts(text):
        found = _TIME.fullmatch(part)
        minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
        if not 0 < minutes <= 24 * 60:
            raise _refused(_("%(time)s is not a time of the day such as 08:30") % {"time": part[:20]}, "ends")
        if minutes % SLOT_MINUTES:
            raise _refused(
                _("%(time)s is between two half-hours; piles change price only at full and half hours")
                % {"time": part},
                "ends",
            )
        if minutes <= before:
            raise _refused(_("%(time)s does not come after the end before it") % {"time": part}, "ends")
        lengths.append((minutes - before) // SLOT_MINUTES)
        before = minutes
    if before != 24 * 60:
        raise _refused(_("the last period ends at 24:00"), "ends")
    return lengths


def _prices(values: Mapping[str, Any], field: str, count: int) -> list[Decimal]:
    found = []
    for part in _parts(values.get(field, "")):
        try:
            found.append(Decimal(part))
        except InvalidOperation:
            raise _refused(_("%(value)s is not a price") % {"value": part[:20]}, field) from None
    if len(found) == 1:
        return found * count
    if len(found) != count:
        reason = _("%(found)d prices for %(count)d periods") % {"found": len(found), "count": count}
        raise _refused(reason, field)
    return found


def _services(values: Mapping[str, Any], electricity: Sequence[Decimal]) -> list[Decimal]:
    if bool(values.get("service")) == bool(values.get("total")):
        raise _refused(_("give the service price or the total, one of the two"), "service")
    if values.get("service"):
        return _prices(values, "service", len(electricity))
    totals = _prices(values, "total", len(electricity))
    for total, price in zip(totals, electricity, strict=True):
        if total < price:
            reason = _("the total %(total)s is less than the electricity %(price)s")
            raise _refused(reason % {"total": total, "price": price}, "total")
    return [total - price for total, price in zip(totals, electricity, strict=True)]


def _tiers(values: Mapping[str, Any], pairs: Sequence[Any]) -> list[str]:
    words: dict[str, str] = {}
    for language in ("en", "zh-hans"):
        with override(language):
            words |= {str(word).casefold(): code for code, word in TIER_WORDS.items()}
    codes = [words.get(part.casefold(), part) for part in _parts(values["tiers"])]
    if len(codes) != len(pairs):
        reason = _("%(found)d tiers for %(count)d periods") % {"found": len(codes), "count": len(pairs)}
        raise _refused(reason, "tiers")
    return codes


def _by_price(pairs: Sequence[tuple[Decimal, Decimal]]) -> list[str]:
    """Tier codes by price: one is flat, two are peak and valley, three peak, flat, valley, then sharp and deep."""
    dearest = sorted(set(pairs), key=lambda pair: (-sum(pair), -pair[0]))
    names = {
        1: ("flat",),
        2: ("peak", "valley"),
        3: ("peak", "flat", "valley"),
        4: WIRE_ORDER[:4],
        5: WIRE_ORDER,
    }.get(len(dearest)) or [f"t{number}" for number in range(1, len(dearest) + 1)]
    by_pair = dict(zip(dearest, names, strict=True))
    return [by_pair[pair] for pair in pairs]


def _moment(text: str) -> datetime:
    if not text:
        return clock.now()
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        reason = _("%(value)s is not a date and time such as 2026-12-01 00:00") % {"value": text[:20]}
        raise _refused(reason, "effective_at") from None
    return moment if moment.tzinfo else timezone.make_aware(moment)
