"""The tariff editor: half-hours one can see and paint, days, components, a preview; and its POST."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.admin import tariff_draft
from billing.admin.tariff_calendar import names_of, rule_text, year_strip
from billing.admin.tariff_draft import Draft, Parts
from billing.admin.tariff_preview import price_preview
from billing.admin.tiers import day_bar, tier_rows
from billing.bill_words import component_rows
from billing.models import SpecialDay, Tariff, TariffVersion
from billing.pricing import Calendar, DayRule, component_from_json
from billing.services import tariffs
from kernel import clock
from kernel.errors import DomainError
from users.console.admin import actor_of


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The editor's page; POST publishes one version, or shows what it would be, and answers a refusal in place."""
    if not request.user.has_perm("billing.change_tariff"):
        raise PermissionDenied
    tariff = model_admin.get_object(request, object_id)
    if tariff is None:
        raise Http404
    status, preview = 200, None
    if request.method == "POST":
        draft = tariff_draft.of_post(request.POST)
        parts = draft.parts()
        if "preview" in request.POST:
            preview = _preview(parts, request) if parts is not None else None
            status = 200 if parts is not None else 400
        else:
            version = _publish(request, tariff, draft, parts)
            if version is not None:
                messages.success(request, _("Version %(number)s is published.") % {"number": version.number})
                return HttpResponseRedirect(reverse("admin:billing_tariff_change", args=[tariff.pk]))
            status = 400
    else:
        draft = tariff_draft.of_version(
            _source(tariff, request.GET.get("from")), first=not tariff.versions.exists()
        )
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("New version of %(tariff)s") % {"tariff": tariff},
        "opts": model_admin.opts,
        "tariff": tariff,
        "draft": draft,
        "preview": preview,
        "is_fullwidth": "1",
        "hours": range(25),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "billing/tariff_editor.html", context, status=status)


def redirect_to_editor(tariff: Tariff) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:billing_tariff_new_version", args=[tariff.pk]))


def page_context(tariff: Tariff, request: HttpRequest) -> dict[str, Any]:
    """The versions of a tariff for its page, newest first, and what a charge would cost under the one in force."""
    now = clock.now()
    versions = sorted(tariff.versions.all(), key=lambda version: version.effective_at, reverse=True)
    in_force = next((version for version in versions if version.effective_at <= now), None)
    rows = [
        {
            "row": version,
            "bar": day_bar(version.slots),
            "days": [(day.name or day.code, day_bar(day.slots)) for day in version.profiles.all()],
            "rules": _rules_of(version),
            "components": component_rows(component_from_json(row) for row in version.components),
            "tiers": tier_rows(version),
            "state": "now" if version == in_force else "later" if version.effective_at > now else "past",
        }
        for version in versions
    ]
    for row in rows:
        if row["state"] != "past":
            row["year"] = _year_of(row["row"])
    wanted = request.GET.get("p-version", "")
    chosen = next((one for one in versions if str(one.pk) == wanted), in_force or (versions or [None])[0])
    return {
        "versions": rows,
        "places": list(tariff.assignments.all()),
        "chosen": chosen,
        "price": price_preview(tariffs.snapshot_of(chosen), request.GET) if chosen is not None else None,
    }


def _rules_of(version: TariffVersion) -> list[str]:
    names = names_of(version.profiles.all())
    return [rule_text(DayRule(**rule), names) for rule in version.calendar]


def _year_of(version: TariffVersion) -> Any:
    calendar = tariffs.calendar_of(version)
    if calendar is None:
        return ""
    return year_strip(calendar, names_of(version.profiles.all()), timezone.localdate().year)


def _preview(parts: Parts, request: HttpRequest) -> dict[str, Any]:
    """What would be published, as drivers will meet it."""
    names = names_of(parts.days)
    special = {day.isoformat(): kind for day, kind in SpecialDay.objects.values_list("date", "kind")}
    calendar = Calendar({day.code: day.slots for day in parts.days}, tuple(parts.rules), special)
    return {
        "days": [(_("the usual day"), day_bar(parts.slots))]
        + [(day.name or day.code, day_bar(day.slots)) for day in parts.days],
        "rules": [rule_text(rule, names) for rule in parts.rules],
        "year": year_strip(calendar, names, timezone.localdate().year) if parts.rules else "",
        "components": component_rows(parts.components),
        "price": price_preview(parts.snapshot(), request.POST),
    }


def _source(tariff: Tariff, wanted: str | None) -> TariffVersion | None:
    versions = tariff.versions.prefetch_related("tiers", "profiles")
    if wanted and wanted.isdigit():
        return versions.filter(pk=int(wanted)).first()
    return versions.order_by("-number").first()


def _publish(request: HttpRequest, tariff: Tariff, draft: Draft, parts: Parts | None) -> TariffVersion | None:
    effective_at = draft.moment()
    if parts is None or effective_at is None:
        return None
    # A minute typed as «now» has begun some seconds ago.
    if tariff.versions.exists() and _is_now(effective_at):
        effective_at = max(effective_at, clock.now())
    try:
        return tariffs.publish_version(
            actor=actor_of(request),
            tariff=tariff,
            tiers=parts.tiers,
            slots=parts.slots,
            effective_at=effective_at,
            components=parts.components,
            days=parts.days,
            rules=parts.rules,
        )
    except DomainError as error:
        draft.errors.append(error.message)
        return None


def _is_now(moment: datetime) -> bool:
    return timedelta(0) <= clock.now() - moment < timedelta(minutes=1)
