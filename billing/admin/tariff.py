"""Tariffs: versions with their days drawn, where they hold, and the editor that publishes the next one."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.admin import tariff_editor
from billing.admin.tiers import day_bar, price_summary
from billing.models import Tariff, TariffAssignment
from billing.services import tariff_assignments, tariffs
from billing.services.tariff_imports import TariffImporter, tariff_sheet
from kernel import clock
from kernel.sheets import XLSX
from stations.models import Pile, Station
from users.console.actions import ActionForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter
from users.console.importing import import_view
from users.exports import EXPORT_PERMISSION


class AssignForm(ActionForm):
    station = forms.ModelChoiceField(
        label=_("station"), queryset=Station.objects.none(), widget=UnfoldAdminSelectWidget
    )
    pile_code = forms.CharField(
        label=_("only for one pile"),
        required=False,
        help_text=_("Empty: every pile of the station that has no tariff of its own"),
        widget=UnfoldAdminTextInputWidget,
    )

    group = forms.CharField(
        label=_("only for a price group"),
        required=False,
        max_length=32,
        help_text=_("Empty: everybody. A group's price wins over everybody's"),
        widget=UnfoldAdminTextInputWidget,
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


class EndForm(ActionForm):
    assignment = forms.ModelChoiceField(
        label=_("holds at"), queryset=TariffAssignment.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = TariffAssignment.objects.for_actor(actor_of(self.request))
        self.fields["assignment"].queryset = rows.filter(tariff=self.obj).select_related(
            "station", "pile", "tariff"
        )
        self.fields["assignment"].label_from_instance = place_of


def place_of(row: TariffAssignment) -> str:
    """Where, and for whom, a tariff holds."""
    place = str(row.pile or row.station)
    return f"{place} ({row.group})" if row.group else place


@admin.register(Tariff)
class TariffAdmin(ScopedModelAdmin):
    list_display = ("name", "operator", "version_now", "day", "prices", "places")
    list_select_related = ("operator",)
    search_fields = ("name",)
    ordering = ("operator", "name")
    list_filter = (("operator", AutocompleteSelectFilter),)
    autocomplete_fields = ("operator",)
    fields = ("name", "operator")
    actions_detail = ("assign", "end")
    list_links = (
        (_("Import tariffs"), "billing_tariff_import", "billing.change_tariff"),
        (_("Export tariffs as a sheet"), "billing_tariff_sheet", EXPORT_PERMISSION),
    )
    change_form_template = "billing/tariff_change.html"

    def get_queryset(self, request):
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                "versions__tiers", "versions__profiles", "assignments__station", "assignments__pile"
            )
        )

    def has_change_permission(self, request, obj=None):
        # The page itself is read; a tariff changes by a new version.
        return obj is None and super().has_change_permission(request)

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path(
                "<path:object_id>/new-version/",
                wrap(self.new_version_view),
                name="billing_tariff_new_version",
            ),
            path("import/", wrap(self.import_view), name="billing_tariff_import"),
            path("sheet/", wrap(self.sheet_view), name="billing_tariff_sheet"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        return import_view(
            self,
            request,
            TariffImporter(),
            permission="billing.change_tariff",
            back=reverse("admin:billing_tariff_changelist"),
        )

    def sheet_view(self, request: HttpRequest) -> HttpResponse:
        """The versions in force as the sheet that the import reads."""
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT_PERMISSION)):
            raise PermissionDenied
        as_csv = request.GET.get("format") == "csv"
        content = tariff_sheet(actor=actor_of(request), as_csv=as_csv)
        answer = HttpResponse(content, content_type="text/csv; charset=utf-8" if as_csv else XLSX)
        answer["Content-Disposition"] = f'attachment; filename="tariffs.{"csv" if as_csv else "xlsx"}"'
        return answer

    def new_version_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return tariff_editor.view(self, request, object_id)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        if object_id and (tariff := self.get_object(request, object_id)) is not None:
            extra |= tariff_editor.page_context(tariff, request)
            extra["may_publish"] = request.user.has_perm("billing.change_tariff")
        return super().changeform_view(request, object_id, form_url, extra)

    def _now(self, obj):
        now = clock.now()
        return max(
            (version for version in obj.versions.all() if version.effective_at <= now),
            key=lambda version: version.effective_at,
            default=None,
        )

    @admin.display(description=_("in force"))
    def version_now(self, obj):
        version = self._now(obj)
        return chip(f"v{version.number}", "green") if version else chip(_("None"), "grey")

    @admin.display(description=_("The day"))
    def day(self, obj):
        version = self._now(obj)
        return day_bar(version.slots) if version else "–"

    @admin.display(description=_("yuan/kWh"))
    def prices(self, obj):
        version = self._now(obj)
        return price_summary(version.tiers.all()) if version else "–"

    @admin.display(description=_("holds at"))
    def places(self, obj):
        rows = obj.assignments.all()
        return format_html_join("、", "{}", ((place_of(row),) for row in rows)) or "–"

    def save_through_service(self, request, obj, form, change):
        self.adopt(obj, tariffs.create_tariff(actor=actor_of(request), **form.cleaned_data))

    def response_add(self, request, obj, post_url_continue=None):
        return tariff_editor.redirect_to_editor(obj)

    @operator_action(
        title=_("Assign to a station"),
        text=_("From now on new orders there use this tariff; running ones keep theirs."),
        permission="billing.change_tariff",
        form=AssignForm,
        icon="add_location",
    )
    def assign(self, request, obj, form):
        tariff_assignments.assign_tariff(
            actor=actor_of(request),
            tariff=obj,
            station=form.cleaned_data["station"],
            pile=form.cleaned_data.get("pile"),
            group=form.cleaned_data["group"],
        )
        return _("The tariff holds at %(place)s.") % {
            "place": form.cleaned_data.get("pile") or form.cleaned_data["station"]
        }

    @operator_action(
        title=_("End at a place"),
        text=_("What holds there otherwise holds again; running orders keep their price."),
        permission="billing.change_tariff",
        form=EndForm,
        available=lambda tariff: tariff.assignments.exists(),
        icon="location_off",
    )
    def end(self, request, obj, form):
        assignment = form.cleaned_data["assignment"]
        place = place_of(assignment)
        tariff_assignments.end_assignment(actor=actor_of(request), assignment_id=assignment.pk)
        return _("The tariff no longer holds at %(place)s.") % {"place": place}
