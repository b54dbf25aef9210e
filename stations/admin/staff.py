"""Console accounts, with the scope kinds of this floor: station groups, stations and piles."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from stations.models import Pile, Station, StationGroup
from users.admin.staff import StaffAdmin, StaffForm
from users.console.admin import actor_of, replace, scoped_choices
from users.models import Staff


class PlacedStaffForm(StaffForm):
    scope_groups = forms.ModelMultipleChoiceField(
        label=_("sees station groups"),
        queryset=StationGroup.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    scope_stations = forms.ModelMultipleChoiceField(
        label=_("sees stations"),
        queryset=Station.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    scope_piles = forms.CharField(
        label=_("sees single piles"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("Pile codes, separated by blanks or line breaks"),
    )

    def fill_scopes(self):
        super().fill_scopes()
        self.fields["scope_groups"].queryset = scoped_choices(admin.site, StationGroup, self.request)
        self.fields["scope_groups"].initial = self.keys("group")
        self.fields["scope_stations"].queryset = scoped_choices(admin.site, Station, self.request)
        self.fields["scope_stations"].initial = self.keys("station")
        codes = self._piles().filter(pk__in=self.keys("pile")).values_list("code", flat=True)
        self.fields["scope_piles"].initial = " ".join(codes)

    def _piles(self):
        return Pile.objects.for_actor(actor_of(self.request))

    def clean_scope_piles(self):
        codes = self.cleaned_data["scope_piles"].split()
        found = dict(self._piles().filter(code__in=codes).values_list("code", "pk"))
        unknown = [code for code in codes if code not in found]
        if unknown:
            raise forms.ValidationError(
                _("There is no pile %(codes)s in your scope."), params={"codes": ", ".join(unknown)}
            )
        return list(found.values())

    def shown_kinds(self):
        return super().shown_kinds() | {"group", "station", "pile"}

    def scopes(self):
        data = self.cleaned_data
        return [
            *super().scopes(),
            *(("group", str(row.pk)) for row in data["scope_groups"]),
            *(("station", str(row.pk)) for row in data["scope_stations"]),
            *(("pile", str(pk)) for pk in data["scope_piles"]),
        ]


@replace(Staff)
class PlacedStaffAdmin(StaffAdmin):
    form = PlacedStaffForm
    scope_fields = (*StaffAdmin.scope_fields, "scope_groups", "scope_stations", "scope_piles")
