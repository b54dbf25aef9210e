"""Drivers with what they charged: who has stayed away for how long, and a coupon for those who have."""

from datetime import timedelta

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import TextFilter
from unfold.widgets import UnfoldAdminSelectWidget

from analytics.selectors import with_charging, without_charge_since
from billing.admin.driver import WalletDriverAdmin
from kernel import clock
from marketing.models import CouponCampaign
from marketing.services import coupons
from users.console.actions import ReasonForm, selection_action
from users.console.admin import actor_of, replace
from users.console.display import fen, quantity
from users.models import Driver

LONGEST_DAYS = 3650


class IdleFilter(TextFilter):
    """Drivers who have not charged for so many days; who registered within them is not counted."""

    title = _("days without a charge")
    parameter_name = "idle"

    def queryset(self, request, queryset):
        text = (self.value() or "").strip()
        if not text:
            return queryset
        if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LONGEST_DAYS):
            raise IncorrectLookupParameters(f"idle={text!r}: 1 to {LONGEST_DAYS} days")
        since = clock.now() - timedelta(days=int(text))
        return without_charge_since(queryset, actor=actor_of(request), since=since)


class CampaignForm(ReasonForm):
    """Which campaign, and why."""

    campaign = forms.ModelChoiceField(
        label=_("coupon campaign"), queryset=CouponCampaign.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = CouponCampaign.objects.for_actor(actor_of(self.request))
        self.fields["campaign"].queryset = rows.filter(is_active=True, closes_at__gt=clock.now())


@replace(Driver)
class ChargingDriverAdmin(WalletDriverAdmin):
    list_display = (
        "display_name", "masked_phone", "last_charge", "charges", "charged", "wallet", "operator", "status",
        "created_at",
    )  # fmt: skip
    list_filter = (*WalletDriverAdmin.list_filter, IdleFilter)
    actions_list = ("give_coupons",)

    def get_queryset(self, request):
        return with_charging(super().get_queryset(request), actor=actor_of(request))

    def last_charge(self, obj):
        return (
            timezone.localtime(obj.last_charge_at).strftime("%Y-%m-%d %H:%M") if obj.last_charge_at else "–"
        )

    last_charge.short_description = _("last charge")

    def charges(self, obj):
        return obj.charges or 0

    charges.short_description = _("charges")

    def charged(self, obj):
        return f"{quantity(obj.charged_kwh or 0, 'kWh', 1)} · {fen(obj.charged_fen or 0)}"

    charged.short_description = _("charged in all")

    @selection_action(
        title=_("Give coupons to this selection"),
        text=_(
            "Each driver of the list as it is filtered, of your own drivers, gets one coupon of the campaign unless "
            "they have one; at most 1000 at a time. Do it again for the rest."
        ),
        permission="marketing.add_coupon",
        form=CampaignForm,
        icon="redeem",
    )
    def give_coupons(self, request, rows, form):
        given, left = coupons.issue_to_selection(
            actor=actor_of(request),
            campaign=form.cleaned_data["campaign"],
            drivers=rows,
            reason=form.cleaned_data["reason"],
        )
        text = _("%(count)s coupons given out.") % {"count": given}
        return (
            f"{text} {_('%(left)d drivers of the selection have none yet.') % {'left': left}}"
            if left
            else text
        )
