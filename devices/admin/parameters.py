"""Parameter sets, and how each pile's configuration compares with its own."""

from django import forms
from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from devices.admin.places import PileFactAdmin
from devices.models import ParameterCheck, ParameterSet
from devices.services import parameters
from devices.words import answer_text
from stations.models import Pile, Station
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

State = ParameterCheck.State
TONES = {
    State.WRITING: "blue",
    State.READING: "blue",
    State.SAME: "green",
    State.DIFFERENT: "red",
    State.FAILED: "red",
}
VERDICTS = {
    "same": ("green", _("same")),
    "different": ("red", _("different")),
    "unknown": ("amber", _("the pile does not tell it")),
}
MOST_PILES = 500


def check_chip(check: ParameterCheck) -> SafeString:
    return chip(check.get_state_display(), TONES[check.state])


def findings_table(check: ParameterCheck) -> SafeString | str:
    """The comparison, each row green or red and in words."""
    if not check.findings:
        return answer_text(check.pile.protocol, check.reason) or "–"
    rows = format_html_join(
        "",
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (
                one["path"],
                one["wanted"],
                "–" if one["held"] is None else one["held"],
                chip(VERDICTS[one["verdict"]][1], VERDICTS[one["verdict"]][0]),
                answer_text(check.pile.protocol, one.get("answer", "")),
            )
            for one in check.findings
        ),
    )
    titles = (_("variable"), _("wanted"), _("on the pile"), _("comparison"), _("answer"))
    head = format_html_join("", "<th>{}</th>", ((title,) for title in titles))
    return format_html(
        '<table class="ev-table ev-tight"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, rows
    )


class ParameterSetForm(forms.ModelForm):
    lines = forms.CharField(
        label=_("parameters"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
        help_text=format_lazy(
            "{} <code>max_time_s, overload_w, over_voltage_v, under_voltage_v</code>",
            _(
                "One a line: name = value. OCPP 1.6: the configuration key; OCPP 2.0.1: Component.Variable; "
                "DNY: these"
            ),
        ),
    )

    class Meta:
        model = ParameterSet
        fields = ("operator", "model", "name")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk and "lines" in self.fields:
            self.fields["lines"].initial = "\n".join(
                f"{path} = {value}" for path, value in sorted(self.instance.values.items())
            )

    def clean_lines(self):
        values = {}
        for number, line in enumerate(self.cleaned_data["lines"].splitlines(), 1):
            if not line.strip():
                continue
            path, sign, value = line.partition("=")
            if not sign or not path.strip():
                raise forms.ValidationError(
                    _("Line %(number)d is not of the form name = value."), params={"number": number}
                )
            if path.strip() in values:
                raise forms.ValidationError(
                    _("Line %(number)d names %(path)s again."),
                    params={"number": number, "path": path.strip()},
                )
            values[path.strip()] = value.strip()
        return values


class PushForm(ReasonForm):
    stations = forms.ModelMultipleChoiceField(
        label=_("stations"),
        queryset=Station.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "ev-columns"}),
        help_text=_("None chosen: every station of the operator"),
    )
    only_compare = forms.BooleanField(
        label=_("only compare, write nothing"), required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = Station.objects.for_actor(actor_of(self.request)).filter(operator_id=self.obj.operator_id)
        self.fields["stations"].queryset = rows


@admin.register(ParameterSet)
class ParameterSetAdmin(ScopedModelAdmin):
    form = ParameterSetForm
    list_display = ("name", "operator", "model", "number", "state_counts", "changed_at", "changed_by")
    list_select_related = ("operator", "model")
    search_fields = ("name",)
    list_filter = (("operator", AutocompleteSelectFilter), ("model", AutocompleteSelectFilter))
    autocomplete_fields = ("operator", "model")
    actions_detail = ("push",)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("checks")

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("operator", "model", "name", "lines")
        return ("operator", "model", "name", "lines", "state_counts", "changed_at", "changed_by")

    def get_readonly_fields(self, request, obj=None):
        return ("operator", "model", "state_counts", "changed_at", "changed_by") if obj else ()

    @admin.display(description=_("parameters"))
    def number(self, obj):
        return len(obj.values)

    @admin.display(description=_("piles"))
    def state_counts(self, obj):
        numbers: dict[str, int] = {}
        for check in obj.checks.all():
            numbers[check.state] = numbers.get(check.state, 0) + 1
        parts = (
            (chip(f"{State(state).label} {number}", TONES[State(state)]),)
            for state, number in numbers.items()
        )
        return format_html_join(" ", "{}", parts) or "–"

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        kept = ParameterSet.objects.unscoped("read in scope by the form").get(pk=obj.pk) if change else None
        saved = parameters.save_set(
            actor=actor_of(request),
            operator=kept.operator if kept else data["operator"],
            model=kept.model if kept else data["model"],
            name=data["name"],
            values=data["lines"],
            parameter_set=kept,
        )
        self.adopt(obj, saved)

    @operator_action(
        title=_("Set piles and read back"),
        text=_("Every online pile of this model is written to, read, and compared; a refusal is named."),
        permission=parameters.PERMISSION,
        form=PushForm,
        icon="publish",
    )
    def push(self, request, obj, form):
        data = form.cleaned_data
        piles = Pile.objects.for_actor(actor_of(request)).filter(
            operator_id=obj.operator_id, model_id=obj.model_id, online=True
        )
        if data["stations"]:
            piles = piles.filter(station__in=data["stations"])
        asked, refused = parameters.set_piles(
            actor=actor_of(request),
            parameter_set=obj,
            piles=piles.order_by("code")[:MOST_PILES],
            reason=data["reason"],
            write=not data["only_compare"],
        )
        words = _("%(asked)d piles were asked; %(refused)d could not be.") % {
            "asked": asked,
            "refused": len(refused),
        }
        return " ".join([str(words), *(refusal.message for _pile, refusal in refused[:5])])


@admin.register(ParameterCheck)
class ParameterCheckAdmin(PileFactAdmin):
    big_table = False
    search_help_text = _("A whole pile code")
    list_display = ("pile_page", "parameter_set", "status", "differing", "asked_at", "checked_at", "asked_by")
    list_select_related = ("pile", "station", "parameter_set")
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        ("parameter_set", AutocompleteSelectFilter),
    )
    fields = ("pile_page", "parameter_set", "status", "asked_at", "asked_by", "checked_at", "table")

    @admin.display(description=_("state"))
    def status(self, obj):
        return check_chip(obj)

    @admin.display(description=_("differences"))
    def differing(self, obj):
        return "、".join(one["path"] for one in obj.findings if one["verdict"] != "same") or "–"

    @admin.display(description=_("comparison"))
    def table(self, obj):
        return findings_table(obj)
