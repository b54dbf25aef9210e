"""The waiting list, with the tariff that is to hold: from a stranger to a pile that charges in one dialog."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.models import Tariff
from billing.services.commissioning import commission_pile
from devices.admin.unknown import AcceptForm, UnknownPileAdmin
from devices.models import UnknownPile
from stations.models import PileModel
from users.console.actions import operator_action
from users.console.admin import actor_of, replace, scoped_choices


class CommissionForm(AcceptForm):
    name = forms.CharField(label=_("name"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget)
    model = forms.ModelChoiceField(
        label=_("model"), required=False, queryset=PileModel.objects.none(), widget=UnfoldAdminSelectWidget
    )
    rated_power_kw = forms.DecimalField(
        label=_("rated power (kW)"),
        required=False,
        min_value=Decimal("0.1"),
        max_value=Decimal("5000"),
        decimal_places=1,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Empty: that of the model, or 60 kW"),
    )
    tariff = forms.ModelChoiceField(
        label=_("tariff"),
        required=False,
        queryset=Tariff.objects.none(),
        widget=UnfoldAdminSelectWidget,
        help_text=_("Empty: that of the station"),
    )
    field_order = ("station", "name", "model", "connectors", "rated_power_kw", "tariff", "password")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["model"].queryset = PileModel.objects.order_by("brand", "name")
        self.fields["tariff"].queryset = scoped_choices(admin.site, Tariff, self.request).order_by(
            "operator", "name"
        )


@replace(UnknownPile)
class CommissioningAdmin(UnknownPileAdmin):
    @operator_action(
        title=_("Accept into a station"),
        text=_("The pile is registered under this code with its connectors, QR codes and tariff, and may log in at its next attempt."),
        permission="stations.add_pile",
        form=CommissionForm,
        icon="add_task",
    )  # fmt: skip
    def accept(self, request, obj, form):
        data = form.cleaned_data
        pile = commission_pile(
            actor=actor_of(request),
            unknown=obj,
            station=data["station"],
            tariff=data["tariff"],
            connectors=data["connectors"],
            rated_power_kw=data["rated_power_kw"],
            password=data["password"] or None,
            name=data["name"],
            model=data["model"],
        )
        return pile, _("The pile %(code)s is registered.") % {"code": pile.code}
