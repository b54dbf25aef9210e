"""The tariff editor: 48 half-hours one can see and paint, tiers with prices, a preview; and its POST."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.admin.tiers import day_bar, price, tier_class, tier_rows
from billing.models import Tariff, TariffVersion
from billing.pricing import PricingError, Tier
from billing.pricing.tariff import SLOTS_PER_DAY, slot_label
from billing.services import tariffs
from billing.tier_words import TIER_WORDS, tier_word
from kernel import clock
from kernel.errors import DomainError
from users.console.admin import actor_of


@dataclass
class Draft:
    """What the editor shows: tier code -> (electricity, service) as typed, the slots, the moment, the errors."""

    prices: dict[str, tuple[str, str]]
    slots: list[str]
    effective_at: str
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


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The editor's page; POST publishes one version and answers a refusal with the same page."""
    if not request.user.has_perm("billing.change_tariff"):
        raise PermissionDenied
    tariff = model_admin.get_object(request, object_id)
    if tariff is None:
        raise Http404
    status = 200
    if request.method == "POST":
        draft = _typed(request.POST)
        version = _publish(request, tariff, draft)
        if version is not None:
            messages.success(request, _("Version %(number)s is published.") % {"number": version.number})
            return HttpResponseRedirect(reverse("admin:billing_tariff_change", args=[tariff.pk]))
        status = 400
    else:
        draft = _from_version(_source(tariff, request.GET.get("from")), first=not tariff.versions.exists())
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("New version of %(tariff)s") % {"tariff": tariff},
        "opts": model_admin.opts,
        "tariff": tariff,
        "draft": draft,
        "is_fullwidth": "1",
        "hours": range(25),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "billing/tariff_editor.html", context, status=status)


def redirect_to_editor(tariff: Tariff) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:billing_tariff_new_version", args=[tariff.pk]))


def page_context(tariff: Tariff) -> dict[str, Any]:
    """The versions of a tariff for its page, newest first."""
    now = clock.now()
    versions = sorted(tariff.versions.all(), key=lambda version: version.effective_at, reverse=True)
    in_force = next((version for version in versions if version.effective_at <= now), None)
    return {
        "versions": [
            {
                "row": version,
                "bar": day_bar(version.slots),
                "tiers": tier_rows(version),
                "state": "now" if version == in_force else "later" if version.effective_at > now else "past",
            }
            for version in versions
        ],
        "places": [row.pile or row.station for row in tariff.assignments.all()],
    }


def _source(tariff: Tariff, wanted: str | None) -> TariffVersion | None:
    versions = tariff.versions.prefetch_related("tiers")
    if wanted and wanted.isdigit():
        return versions.filter(pk=int(wanted)).first()
    return versions.order_by("-number").first()


def _from_version(version: TariffVersion | None, *, first: bool) -> Draft:
    moment = clock.now() if first else _next_midnight()
    text = timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")
    if version is None:
        return Draft({}, ["flat"] * SLOTS_PER_DAY, text)
    prices = {
        tier.code: (price(tier.electricity_price), price(tier.service_price)) for tier in version.tiers.all()
    }
    return Draft(prices, list(version.slots), text)


def _next_midnight() -> datetime:
    tomorrow = timezone.localdate() + timedelta(days=1)
    return timezone.make_aware(datetime.combine(tomorrow, datetime.min.time()))


def _typed(post: QueryDict) -> Draft:
    slots = post.get("slots", "").split(",")
    prices = {
        code[:32]: (electricity.strip(), service.strip())
        for code, electricity, service in zip(
            post.getlist("code"), post.getlist("electricity"), post.getlist("service"), strict=False
        )
        if electricity.strip() or service.strip()
    }
    draft = Draft(prices, slots, post.get("effective_at", ""))
    if len(slots) != SLOTS_PER_DAY:
        draft.errors.append(_("A day has 48 half-hours; the form sent %(count)d.") % {"count": len(slots)})
        draft.slots = ["flat"] * SLOTS_PER_DAY
    return draft


def _publish(request: HttpRequest, tariff: Tariff, draft: Draft) -> TariffVersion | None:
    tiers = []
    for code, (electricity, service) in draft.prices.items():
        try:
            tiers.append(Tier(code, _decimal(electricity), _decimal(service)))
        except (InvalidOperation, PricingError):
            draft.errors.append(
                _(
                    "The prices of %(tier)s: a number of yuan from 0 to 9999 with at most 5 decimals is accepted."
                )
                % {"tier": tier_word(code)}
            )
    missing = [code for code in dict.fromkeys(draft.slots) if code not in draft.prices]
    draft.errors += [
        _("%(tier)s is painted on the day but has no price.") % {"tier": tier_word(code)} for code in missing
    ]
    try:
        effective_at = timezone.make_aware(datetime.fromisoformat(draft.effective_at))
    except ValueError:
        draft.errors.append(_("The moment it comes into force is not a date and time."))
    if draft.errors:
        return None
    # A minute typed as «now» has begun some seconds ago.
    effective_at = (
        max(effective_at, clock.now()) if tariff.versions.exists() and _is_now(effective_at) else effective_at
    )
    try:
        return tariffs.publish_version(
            actor=actor_of(request), tariff=tariff, tiers=tiers, slots=draft.slots, effective_at=effective_at
        )
    except DomainError as error:
        draft.errors.append(error.message)
        return None


def _is_now(moment: datetime) -> bool:
    return timedelta(0) <= clock.now() - moment < timedelta(minutes=1)


def _decimal(text: str) -> Decimal:
    return Decimal(text or "0")
