"""Charging strategies in the console: named limits, and where they hold."""

from django import forms
from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from billing.models import ChargingOrder, ChargingStrategy
from billing.services import targets
from stations.models import Pile, Station
from users.console.actions import ActionForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.filters import AutocompleteSelectFilter


class StrategyForm(forms.ModelForm):
    methods = forms.MultipleChoiceField(
        label=_("allowed ways of starting"),
        choices=ChargingOrder.StartMethod.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None chosen: every way that the pile allows"),
    )


class StrategyPlaceForm(ActionForm):
    station = forms.ModelChoiceField(
        label=_("station"), queryset=Station.objects.none(), widget=UnfoldAdminSelectWidget
    )
    pile_code = forms.CharField(
        label=_("only for one pile"), required=False, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = Station.objects.for_actor(actor_of(self.request))
        self.fields["station"].queryset = rows.filter(operator_id=self.obj.operator_id)

    def clean(self):
        data = super().clean()
        if data.get("pile_code") and data.get("station"):
            rows = Pile.objects.for_actor(actor_of(self.request)).filter(station=data["station"])
            data["pile"] = rows.filter(code=data["pile_code"].strip()).first()
            if data["pile"] is None:
                self.add_error("pile_code", _("The station has no pile with this code."))
        return data


@admin.register(ChargingStrategy)
class ChargingStrategyAdmin(ScopedModelAdmin):
    form = StrategyForm
    list_display = ("name", "operator", "limits", "places_text")
    list_select_related = ("operator",)
    search_fields = ("name",)
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator",)
    fields = (
        "name", "operator", "max_energy_kwh", "max_fen", "max_seconds", "max_soc_pct", "max_power_kw", "methods",
    )  # fmt: skip
    actions_detail = ("place", "unplace")

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("places__station", "places__pile")

    def get_readonly_fields(self, request, obj=None):
        return ("operator",) if obj else ()

    @admin.display(description=_("limits"))
    def limits(self, obj):
        parts = (
            (obj.max_energy_kwh, "kWh"),
            (None if obj.max_fen is None else obj.max_fen / 100, "¥"),
            (None if obj.max_seconds is None else obj.max_seconds // 60, "min"),
            (obj.max_soc_pct, "% SoC"),
            (obj.max_power_kw, "kW"),
        )
        return " · ".join(f"≤ {value:g} {unit}" for value, unit in parts if value is not None) or "–"

    @admin.display(description=_("holds at"))
    def places_text(self, obj):
        return format_html_join("、", "{}", ((row.pile or row.station,) for row in obj.places.all())) or "–"

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        saved = targets.save_strategy(
            actor=actor_of(request),
            operator=obj.operator if change else data["operator"],
            name=data["name"],
            limits=targets.Targets(
                energy_kwh=data["max_energy_kwh"],
                fen=data["max_fen"],
                seconds=data["max_seconds"],
                soc_pct=data["max_soc_pct"],
                power_kw=data["max_power_kw"],
            ),
            methods=data["methods"],
            strategy_id=obj.pk if change else None,
        )
        if not change:
            self.adopt(obj, saved)

    @operator_action(
        title=_("Assign to a station"),
        text=_("Every new session there keeps to these limits."),
        permission="billing.change_chargingstrategy",
        form=StrategyPlaceForm,
        icon="add_location",
    )
    def place(self, request, obj, form):
        data = form.cleaned_data
        targets.assign_strategy(
            actor=actor_of(request), strategy=obj, station=data["station"], pile=data.get("pile")
        )
        return _("The strategy holds at %(place)s.") % {"place": data.get("pile") or data["station"]}

    @operator_action(
        title=_("Take off a station"),
        text=_("New sessions there have no limits of the place any more."),
        permission="billing.change_chargingstrategy",
        form=StrategyPlaceForm,
        icon="wrong_location",
    )
    def unplace(self, request, obj, form):
        data = form.cleaned_data
        targets.assign_strategy(
            actor=actor_of(request), strategy=None, station=data["station"], pile=data.get("pile")
        )
        return _("No strategy holds at %(place)s.") % {"place": data.get("pile") or data["station"]}
