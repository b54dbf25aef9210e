"""Piles, with what billing knows of them: the tariff they hold, remote start and stop."""

from django import forms
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.admin.tiers import day_bar, price_summary
from billing.models import ChargingOrder, PileTariff
from billing.models.order import OPEN_STATES
from billing.services import orders, tariff_push, tariffs
from billing.services.commissioning import PileImporter
from devices.admin.pile import CommandedPileAdmin
from kernel import clock
from kernel.errors import DomainError
from stations.models import Connector, Pile
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import actor_of, replace
from users.console.display import chip
from users.console.importing import import_view
from users.selectors import driver_get

BUSY = ("charging", "fault", "offline", "reserved")


class StartForm(ActionForm):
    connector = forms.ModelChoiceField(
        label=_("connector"), queryset=Connector.objects.none(), widget=UnfoldAdminSelectWidget
    )
    phone = forms.CharField(label=_("phone of the driver"), max_length=20, widget=UnfoldAdminTextInputWidget)
    limit = forms.DecimalField(
        label=_("at most (yuan)"),
        required=False,
        min_value=1,
        max_value=10_000,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = Connector.objects.for_actor(actor_of(self.request)).filter(pile=self.obj)
        self.fields["connector"].queryset = rows.exclude(state__in=BUSY).order_by("number")

    def clean_phone(self):
        try:
            driver = driver_get(actor=actor_of(self.request), phone=self.cleaned_data["phone"])
        except DomainError as error:
            raise forms.ValidationError(error.message) from None
        self.cleaned_data["driver"] = driver
        return driver.phone


class StopForm(ReasonForm):
    order = forms.ModelChoiceField(
        label=_("running order"), queryset=ChargingOrder.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["order"].queryset = ChargingOrder.objects.for_actor(actor_of(self.request)).filter(
            pile=self.obj, state__in=OPEN_STATES
        )


def _runs(pile: Pile) -> bool:
    rows = ChargingOrder.objects.unscoped("orders of a pile in scope").filter(pile=pile)
    return rows.filter(state__in=OPEN_STATES).exists()


@replace(Pile)
class BillingPileAdmin(CommandedPileAdmin):
    actions_detail = ("remote_start", "remote_stop", "push_tariff", *CommandedPileAdmin.actions_detail)
    now_fields = (*CommandedPileAdmin.now_fields, "tariff_now", "tariff_held")
    list_links = (
        *CommandedPileAdmin.list_links,
        (_("Import piles"), "stations_pile_import", "stations.add_pile"),
    )

    def get_urls(self):
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="stations_pile_import"), *super().get_urls()]

    def import_view(self, request):
        return import_view(
            self,
            request,
            PileImporter(),
            permission="stations.add_pile",
            back=reverse("admin:stations_pile_changelist"),
        )

    def tariff_now(self, obj):
        version = tariffs.version_in_force(pile=obj, at=clock.now())
        if version is None:
            return chip(_("No tariff is in force here"), "red")
        return format_html("{} {} {}", version, price_summary(version.tiers.all()), day_bar(version.slots))

    tariff_now.short_description = _("tariff in force")

    def tariff_held(self, obj):
        if obj.protocol != Pile.Protocol.YKC:
            return _("The platform prices; the pile holds none")
        held = PileTariff.objects.unscoped("tariff of a pile in scope").filter(pile=obj).first()
        if held is None:
            return chip(_("Not confirmed"), "red")
        wanted = tariff_push.wanted_on(pile=obj, at=clock.now())
        same = wanted is not None and tariff_push.holds(pile=obj, wanted=wanted)
        return chip(held.version, "green") if same else chip(held.version, "amber")

    tariff_held.short_description = _("tariff on the pile")

    @operator_action(
        title=_("Start charging"),
        text=_("The driver's wallet pays, as if they had started by themselves."),
        permission="stations.remote_start",
        form=StartForm,
        available=lambda pile: pile.online and pile.in_service,
        unavailable=_("The pile is offline or out of service."),
        icon="play_circle",
        variant=ActionVariant.PRIMARY,
    )
    def remote_start(self, request, obj, form):
        data = form.cleaned_data
        order = orders.start_order(
            actor=actor_of(request),
            connector_code=data["connector"].code,
            driver=data["driver"],
            start_method=ChargingOrder.StartMethod.STAFF,
            limit_fen=int(data["limit"] * 100) if data["limit"] else None,
        )
        return order, _("Order %(order_no)s is starting.") % {"order_no": order.order_no}

    @operator_action(
        title=_("Stop charging"),
        text=_("The pile is told to stop; the order is settled when its record arrives."),
        permission="stations.remote_stop",
        form=StopForm,
        available=_runs,
        unavailable=_("No order is running on this pile."),
        icon="stop_circle",
        variant=ActionVariant.DANGER,
    )
    def remote_stop(self, request, obj, form):
        order = form.cleaned_data["order"]
        orders.stop_order(
            actor=actor_of(request), order_no=order.order_no, reason=form.cleaned_data["reason"]
        )
        return order, _("The stop command is on its way.")

    @operator_action(
        title=_("Push tariff"),
        text=_("The pile is sent the tariff in force; it is charged by it after it confirmed."),
        permission="stations.push_tariff",
        form=ActionForm,
        available=lambda pile: pile.online and pile.protocol == Pile.Protocol.YKC,
        icon="price_change",
    )
    def push_tariff(self, request, obj, form):
        tariff_push.push_tariff(actor=actor_of(request), pile=obj)
        return _("The command is on its way; its answer appears on this page.")
