"""Coupon campaigns in the console: what a coupon is worth, how many are left, what they have cost."""

import re

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from kernel import clock
from kernel.errors import DomainError
from marketing.models import Coupon, CouponCampaign
from marketing.services import campaigns, coupons
from marketing.words import worth_of
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import AutocompleteSelectFilter
from users.models import Driver
from users.services.drivers import normal_phone

USED, TAKEN = Coupon.State.USED, Coupon.State.TAKEN


class IssueForm(ReasonForm):
    """Whom to give a coupon, by mobile numbers."""

    phones = forms.CharField(
        label=_("Mobile numbers"),
        help_text=_("one per line, or with commas between them; at most 1000"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )

    def clean_phones(self):
        actor = actor_of(self.request)
        words = [word for word in re.split(r"[\s,，;；、]+", self.cleaned_data["phones"]) if word]
        try:
            phones = list(dict.fromkeys(normal_phone(word) for word in words))
        except DomainError as error:
            raise forms.ValidationError(error.message) from None
        found = {driver.phone: driver for driver in Driver.objects.for_actor(actor).filter(phone__in=phones)}
        missing = [phone for phone in phones if phone not in found]
        if missing:
            raise forms.ValidationError(
                _("No driver in your scope has the number %(phone)s."), params={"phone": missing[0]}
            )
        return [found[phone] for phone in phones]


@admin.register(CouponCampaign)
class CouponCampaignAdmin(ScopedModelAdmin):
    list_display = ("name", "operator", "status", "worth", "period", "counts", "redeemed")
    list_select_related = ("operator", "station")
    search_fields = ("name",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator", "station")
    actions_detail = ("issue",)
    fields = (
        "name",
        "operator",
        "bearer",
        "station",
        ("off_bp", "off_fen", "energy_kwh"),
        ("covers", "stack"),
        ("least_fen", "cap_fen"),
        ("opens_at", "closes_at"),
        "valid_days",
        ("total", "per_driver"),
        ("claimable", "is_active"),
    )

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        return rows.annotate(
            used=Count("coupons", filter=Q(coupons__state=USED)),
            running=Count("coupons", filter=Q(coupons__state=TAKEN)),
            taken_off=Sum("coupons__used_fen"),
        )

    def get_fields(self, request, obj=None):
        return (*self.fields, "counts", "redeemed") if obj else self.fields

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "counts", "redeemed") if obj else ()

    @admin.display(description=_("state"))
    def status(self, obj):
        now = clock.now()
        if not obj.is_active:
            return chip(_("Off"), "grey")
        if obj.opens_at > now:
            return chip(_("Planned"), "amber")
        if obj.closes_at <= now:
            return chip(_("Past"), "grey")
        return chip(_("All given out"), "blue") if not obj.left else chip(_("Valid now"), "green")

    @admin.display(description=_("worth"))
    def worth(self, obj):
        return worth_of(obj)

    @admin.display(description=_("period"))
    def period(self, obj):
        return f"{obj.opens_at:%Y-%m-%d} – {obj.closes_at:%Y-%m-%d}"

    @admin.display(description=_("given out / left"))
    def counts(self, obj):
        return f"{obj.issued} / {obj.left}"

    @admin.display(description=_("used"))
    def redeemed(self, obj):
        text = _("%(used)s used, %(running)s in running orders, %(amount)s taken off")
        return text % {"used": obj.used, "running": obj.running, "amount": fen(obj.taken_off or 0)}

    @operator_action(
        title=_("Give out"),
        text=_("Each of these drivers gets one coupon; all or none."),
        permission="marketing.add_coupon",
        form=IssueForm,
        available=lambda obj: obj.is_active and obj.closes_at > clock.now() and obj.left > 0,
        icon="redeem",
    )
    def issue(self, request, obj, form):
        given = coupons.issue(
            actor=actor_of(request),
            campaign=obj,
            drivers=form.cleaned_data["phones"],
            reason=form.cleaned_data["reason"],
        )
        return _("%(count)s coupons given out.") % {"count": len(given)}

    def save_through_service(self, request, obj, form, change):
        data = dict(form.cleaned_data)
        operator = obj.operator if change else data.pop("operator", None)
        data.pop("operator", None)
        saved = campaigns.save_campaign(
            actor=actor_of(request), operator=operator, campaign_id=obj.pk if change else None, **data
        )
        if not change:
            self.adopt(obj, saved)
