"""A whole station on one page: the place, its piles, its tariff; then its QR codes to print."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget
from unfold.widgets import UnfoldAdminSelectWidget as Select
from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

from billing.models import Tariff
from billing.services.commissioning import set_up_station
from kernel.errors import DomainError
from stations.models import Pile, PileModel
from stations.models.station import Amenity, Datum, Scene
from stations.services.piles import MOST_CONNECTORS, WITHOUT_PASSWORD
from users.console.admin import actor_of, scoped_choices
from users.models import Operator

ROWS = 6
MOST_PER_ROW = 100


class PlaceForm(forms.Form):
    operator = forms.ModelChoiceField(
        label=gettext_lazy("operator"), queryset=Operator.objects.none(), widget=Select
    )
    code = forms.CharField(label=gettext_lazy("station code"), max_length=32, widget=TextInput)
    name = forms.CharField(label=gettext_lazy("station name"), max_length=64, widget=TextInput)
    address = forms.CharField(label=gettext_lazy("address"), max_length=128, required=False, widget=TextInput)
    scene = forms.ChoiceField(
        label=gettext_lazy("kind of place"), choices=Scene.choices, initial=Scene.PARKING, widget=Select
    )
    region_code = forms.CharField(
        label=gettext_lazy("region code"),
        max_length=6,
        required=False,
        widget=TextInput,
        help_text=gettext_lazy("GB/T 2260, six digits"),
    )
    longitude = forms.DecimalField(
        label=gettext_lazy("longitude"), required=False, widget=UnfoldAdminDecimalFieldWidget
    )
    latitude = forms.DecimalField(
        label=gettext_lazy("latitude"), required=False, widget=UnfoldAdminDecimalFieldWidget
    )
    datum = forms.ChoiceField(
        label=gettext_lazy("measured in"), choices=Datum.choices, initial=Datum.GCJ02, widget=Select
    )
    service_phone = forms.CharField(
        label=gettext_lazy("service phone"), max_length=20, required=False, widget=TextInput
    )
    amenities = forms.MultipleChoiceField(
        label=gettext_lazy("amenities"),
        choices=Amenity.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class TariffForm(forms.Form):
    tariff = forms.ModelChoiceField(
        label=gettext_lazy("tariff"),
        queryset=Tariff.objects.none(),
        required=False,
        widget=Select,
        help_text=gettext_lazy(
            "Of the same operator. Without one nobody can start; it can be assigned later."
        ),
    )


class PileRowForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("first pile code"), max_length=32, required=False, widget=TextInput
    )
    count = forms.IntegerField(
        label=gettext_lazy("how many"),
        min_value=1,
        max_value=MOST_PER_ROW,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    protocol = forms.ChoiceField(
        label=gettext_lazy("protocol"),
        choices=Pile.Protocol.choices,
        initial=Pile.Protocol.YKC,
        widget=Select,
    )
    model = forms.ModelChoiceField(
        label=gettext_lazy("model"), queryset=PileModel.objects.none(), required=False, widget=Select
    )
    connectors = forms.IntegerField(
        label=gettext_lazy("connectors"),
        min_value=1,
        max_value=MOST_CONNECTORS,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    rated_power_kw = forms.DecimalField(
        label=gettext_lazy("rated power (kW)"),
        min_value=Decimal("0.1"),
        max_value=5000,
        decimal_places=1,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    label = forms.CharField(label=gettext_lazy("name"), max_length=48, required=False, widget=TextInput)
    password = forms.CharField(
        label=gettext_lazy("password (OCPP)"), max_length=64, required=False, widget=TextInput
    )

    def clean(self):
        data = super().clean()
        code, count = data.get("code", "").strip(), data.get("count") or 1
        if code and count > 1:
            if data.get("protocol") not in WITHOUT_PASSWORD:
                self.add_error("count", _("OCPP piles have a password each: one to a row is accepted."))
            elif not _numbered(code, data.get("protocol"), count):
                self.add_error("code", _("It cannot be counted on %(count)d times.") % {"count": count})
        return data

    def piles(self) -> list[dict[str, Any]]:
        """The arguments of `add_pile` of each pile of this row."""
        data = self.cleaned_data
        code = data.get("code", "").strip()  # an untouched row has no data at all
        if not code:
            return []
        model, label = data["model"], data["label"].strip()
        codes = _numbered(code, data["protocol"], data["count"]) if data["count"] > 1 else [code]
        return [
            {
                "code": one,
                "protocol": data["protocol"],
                "model": model,
                "connectors": data["connectors"] or (model.connectors if model else 1),
                "rated_power_kw": data["rated_power_kw"],
                "password": data["password"] or None,
                "name": f"{label} {number}" if label and len(codes) > 1 else label,
            }
            for number, one in enumerate(codes, 1)
        ]


PileRows = forms.formset_factory(PileRowForm, extra=ROWS, max_num=20)


def view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The wizard; POST makes everything or, with any refusal, nothing."""
    if not (request.user.has_perm("stations.add_station") and request.user.has_perm("stations.add_pile")):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    place, tariff, rows = PlaceForm(data), TariffForm(data), PileRows(data, prefix="piles")
    operators = scoped_choices(model_admin.admin_site, Operator, request).filter(is_active=True)
    place.fields["operator"].queryset = operators
    if operators.count() == 1:
        place.fields["operator"].initial = operators.get().pk
    tariff.fields["tariff"].queryset = scoped_choices(model_admin.admin_site, Tariff, request).order_by(
        "operator", "name"
    )
    for form in rows:
        form.fields["model"].queryset = PileModel.objects.order_by("brand", "name")
    if data is not None and all([place.is_valid(), tariff.is_valid(), rows.is_valid()]):
        station = _made(request, place, tariff, rows)
        if station is not None:
            messages.success(
                request, _("The station %(name)s is ready. Print its QR codes.") % {"name": station}
            )
            return HttpResponseRedirect(reverse("admin:stations_station_qr_sheet", args=[station.pk]))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Set up a station"),
        "opts": model_admin.opts,
        "place": place,
        "tariff_form": tariff,
        "rows": rows,
        "is_fullwidth": "1",
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request, "billing/station_wizard.html", context, status=200 if data is None else 400
    )


def _made(request: HttpRequest, place: PlaceForm, tariff: TariffForm, rows: Any) -> Any:
    data = dict(place.cleaned_data)
    operator = data.pop("operator")
    archive = {name: data.pop(name) for name in ("scene", "amenities")}
    given = [(form, row) for form in rows for row in form.piles()]
    try:
        return set_up_station(
            actor=actor_of(request),
            operator=operator,
            station={**data, "archive": archive},
            pile_rows=[row for _form, row in given],
            tariff=tariff.cleaned_data["tariff"],
        )
    except DomainError as error:
        number = error.params.get("row")
        form = given[number - 1][0] if number else place
        if error.code in ("not_found", "tariff_does_not_fit"):
            form = tariff
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return None


def _numbered(code: str, protocol: str | None, count: int) -> list[str]:
    """`count` codes counted on from `code`: by its last digits, of an e-bike box in hexadecimal; [] when they run out."""
    base = 16 if protocol == Pile.Protocol.DNY else 10
    width = 6 if base == 16 else len(code) - len(code.rstrip("0123456789"))
    if not width or len(code) < width:
        return []
    stem, tail = code[:-width], code[-width:]
    try:
        first = int(tail, base)
    except ValueError:
        return []
    if first + count > base**width:
        return []
    pattern = f"0{width}X" if base == 16 else f"0{width}d"
    return [f"{stem}{first + step:{pattern}}" for step in range(count)]
