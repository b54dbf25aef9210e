"""Firmware: the files, and campaigns with a bar of how far their piles are."""

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from devices.admin.places import PileFactAdmin
from devices.models import FirmwareCampaign, FirmwareFile, FirmwareTarget
from devices.services import firmware_campaigns as campaigns
from devices.services import firmware_files
from devices.words import firmware_text
from stations.admin.pile import pile_link
from stations.models import Station
from users.console.actions import ReasonForm, operator_action
from users.console.admin import ScopedModelAdmin, actor_of, scoped_choices
from users.console.display import chip
from users.console.filters import AutocompleteSelectFilter, choice_filter

State, Target = FirmwareCampaign.State, FirmwareTarget.State
CAMPAIGN_TONES = {
    State.DRAFT: "grey",
    State.RUNNING: "blue",
    State.PAUSED: "amber",
    State.FINISHED: "green",
    State.CANCELLED: "grey",
}
TARGET_TONES = {
    Target.DONE: "green",
    Target.ASKED: "blue",
    Target.WAITING: "grey",
    Target.FAILED: "red",
    Target.SKIPPED: "violet",
    Target.CANCELLED: "amber",
}
PAUSES = {"by_hand": _("Paused by hand"), "failures": _("Too many piles failed")}
MOST_SHOWN = 200


class FirmwareForm(forms.ModelForm):
    expected_sha256 = forms.CharField(
        label=_("SHA-256 by the maker"),
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Compared with the file when given"),
    )

    class Meta:
        model = FirmwareFile
        fields = ("model", "version", "file", "signature", "signing_certificate", "notes")
        widgets = {"file": UnfoldAdminFileFieldWidget}


@admin.register(FirmwareFile)
class FirmwareFileAdmin(ScopedModelAdmin):
    shared_reason = "files of makers, without any operator's data"
    form = FirmwareForm
    list_display = ("model", "version", "size", "digest", "signed", "added_at", "added_by")
    list_display_links = ("model", "version")
    list_select_related = ("model",)
    search_fields = ("version", "model__name", "model__brand")
    list_filter = (("model", AutocompleteSelectFilter),)
    autocomplete_fields = ("model",)
    kept_fields = (
        "model", "version", "size", "sha256", "signed", "notes", "added_at", "added_by",
    )  # fmt: skip

    def has_change_permission(self, request, obj=None):
        return False

    def get_fields(self, request, obj=None):
        if obj is not None:
            return self.kept_fields
        return ("model", "version", "file", "expected_sha256", "signature", "signing_certificate", "notes")

    @admin.display(description=_("size"))
    def size(self, obj):
        return f"{obj.size_bytes / 1024:,.0f} KB" if obj.size_bytes >= 1024 else f"{obj.size_bytes} B"

    @admin.display(description="SHA-256")
    def digest(self, obj):
        return f"{obj.sha256[:12]}…"

    @admin.display(description=_("signed"), boolean=True)
    def signed(self, obj):
        return bool(obj.signature)

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        saved = firmware_files.add_firmware(
            actor=actor_of(request),
            sha256=data["expected_sha256"],
            **{name: data[name] for name in FirmwareForm.Meta.fields},
        )
        self.adopt(obj, saved)


class CampaignForm(forms.ModelForm):
    stations = forms.ModelMultipleChoiceField(
        label=_("stations"),
        queryset=Station.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "ev-columns"}),
        help_text=_("None chosen: every station of the operator"),
    )
    pile_codes = forms.CharField(
        label=_("single piles"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("Pile codes, separated by blanks or line breaks; then only these"),
    )

    class Meta:
        model = FirmwareCampaign
        fields = ("name", "operator", "firmware", "batch_size", "most_failures")
        widgets = {
            "batch_size": UnfoldAdminIntegerFieldWidget,
            "most_failures": UnfoldAdminIntegerFieldWidget,
        }


class RollBackForm(ReasonForm):
    firmware = forms.ModelChoiceField(
        label=_("back to"), queryset=FirmwareFile.objects.none(), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        others = FirmwareFile.objects.filter(model_id=self.obj.firmware.model_id).select_related("model")
        self.fields["firmware"].queryset = others.exclude(pk=self.obj.firmware_id)
        before = self.obj.targets.values_list("previous_version", flat=True).first()
        self.fields["firmware"].initial = others.filter(version=before or "").first()


def _allows(event):
    return lambda campaign: campaigns.CAMPAIGN_STATES.allows(campaign.state, event)


def progress_bar(numbers):
    """A bar of the piles' states with its words."""
    total = sum(numbers.values())
    if not total:
        return "–"
    shown = [
        (TARGET_TONES[state], numbers[state], state.label) for state in TARGET_TONES if numbers.get(state)
    ]
    parts = format_html_join(
        "",
        '<i class="ev-fill-{}" style="flex-grow:{}" title="{} {}"></i>',
        ((tone, number, label, number) for tone, number, label in shown),
    )
    words = "、".join(f"{label} {number}" for _tone, number, label in shown)
    return format_html(
        '<span class="ev-bar" role="img" aria-label="{}">{}</span><span class="ev-sub">{}</span>',
        words,
        parts,
        words,
    )


@admin.register(FirmwareCampaign)
class FirmwareCampaignAdmin(ScopedModelAdmin):
    form = CampaignForm
    list_display = ("name", "operator", "firmware", "status", "bar", "created_at", "created_by")
    list_select_related = ("operator", "firmware__model")
    search_fields = ("name",)
    list_filter = (
        choice_filter("state", _("State"), State.choices),
        ("operator", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("operator", "firmware")
    actions_detail = ("start", "pause", "resume", "retry", "roll_back", "cancel")
    kept_fields = (
        "name", "operator", "firmware", "status", "bar", "batch_size", "most_failures", "rollback_of",
        "created_at", "created_by", "started_at", "ended_at", "piles",
    )  # fmt: skip

    def get_queryset(self, request):
        number = {f"n_{state}": Count("targets", filter=Q(targets__state=state)) for state in Target.values}
        return super().get_queryset(request).annotate(**number)

    def has_change_permission(self, request, obj=None):
        return obj is None and super().has_change_permission(request)  # changed by its actions only

    def get_fields(self, request, obj=None):
        if obj is not None:
            return self.kept_fields
        return ("name", "operator", "firmware", "stations", "pile_codes", "batch_size", "most_failures")

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None:
            return form
        stations = scoped_choices(self.admin_site, Station, request)

        class ScopedForm(form):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.fields["stations"].queryset = stations

        return ScopedForm

    @admin.display(description=_("state"))
    def status(self, obj):
        label = chip(obj.get_state_display(), CAMPAIGN_TONES[obj.state])
        why = PAUSES.get(obj.paused_because)
        return format_html('{} <span class="ev-sub">{}</span>', label, why) if why else label

    @admin.display(description=_("progress"))
    def bar(self, obj):
        return progress_bar({state: getattr(obj, f"n_{state}", 0) for state in Target.values})

    @admin.display(description=_("piles"))
    def piles(self, obj):
        rows = obj.targets.select_related("pile").order_by("pk")[:MOST_SHOWN]
        lines = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class='num'>{}</td><td>{}</td></tr>",
            (
                (
                    pile_link(one.pile),
                    target_chip(one),
                    firmware_text(one.pile.protocol, one.stage),
                    firmware_text(one.pile.protocol, one.reason),
                    f"{one.previous_version or '–'} → {one.pile.firmware or '–'}",
                    one.attempts,
                    timezone.localtime(one.changed_at).strftime("%m-%d %H:%M:%S"),
                )
                for one in rows
            ),
        )
        titles = (
            _("pile"), _("state"), _("stage"), _("result"), _("version"), _("attempts"), _("changed at"),
        )  # fmt: skip
        head = format_html_join("", "<th>{}</th>", ((title,) for title in titles))
        # While it runs, the table and its bar are fetched again every few seconds.
        live = (
            format_html(
                ' hx-get="" hx-trigger="every 5s" hx-select="#{0}" hx-target="#{0}" hx-swap="outerHTML"',
                f"campaign-{obj.pk}",
            )
            if obj.state == State.RUNNING
            else ""
        )
        everything = reverse("admin:devices_firmwaretarget_changelist")
        return format_html(
            '<div id="campaign-{}"{}><table class="ev-table ev-tight"><thead><tr>{}</tr></thead>'
            '<tbody>{}</tbody></table><p><a href="{}?campaign__id__exact={}">{}</a></p></div>',
            obj.pk,
            live,
            head,
            lines,
            everything,
            obj.pk,
            _("All piles of this campaign"),
        )

    def save_through_service(self, request, obj, form, change):
        data = form.cleaned_data
        saved = campaigns.create_campaign(
            actor=actor_of(request),
            operator=data["operator"],
            firmware=data["firmware"],
            name=data["name"],
            stations=list(data["stations"]),
            pile_codes=data["pile_codes"].split(),
            batch_size=data["batch_size"],
            most_failures=data["most_failures"],
        )
        self.adopt(obj, saved)

    def _move(self, request, obj, form, event, done):
        campaigns.move(actor=actor_of(request), campaign=obj, event=event, reason=form.cleaned_data["reason"])
        return done

    @operator_action(
        title=pgettext_lazy("campaign", "Start"),
        text=_("Piles that are online and free are updated a few at a time; nobody is interrupted."),
        permission=campaigns.PERMISSION,
        available=_allows("start"),
        icon="play_arrow",
        variant=ActionVariant.SUCCESS,
    )
    def start(self, request, obj, form):
        return self._move(request, obj, form, "start", _("The campaign runs."))

    @operator_action(
        title=_("Pause"),
        text=_("No further pile is asked; those that update already go on."),
        permission=campaigns.PERMISSION,
        available=_allows("pause"),
        icon="pause",
        variant=ActionVariant.WARNING,
    )
    def pause(self, request, obj, form):
        return self._move(request, obj, form, "pause", _("The campaign is paused."))

    @operator_action(
        title=_("Resume"),
        permission=campaigns.PERMISSION,
        available=_allows("resume"),
        icon="play_arrow",
        variant=ActionVariant.SUCCESS,
    )
    def resume(self, request, obj, form):
        return self._move(request, obj, form, "resume", _("The campaign runs."))

    @operator_action(
        title=_("Try failed piles again"),
        permission=campaigns.PERMISSION,
        available=lambda obj: _allows("retry")(obj) and obj.targets.filter(state=Target.FAILED).exists(),
        icon="replay",
    )
    def retry(self, request, obj, form):
        return self._move(request, obj, form, "retry", _("The failed piles wait for their next turn."))

    @operator_action(
        title=_("Cancel the campaign"),
        text=_("Piles that wait are left as they are; those that update already go on."),
        permission=campaigns.PERMISSION,
        available=_allows("cancel"),
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request, obj, form):
        return self._move(request, obj, form, "cancel", _("The campaign is cancelled."))

    @operator_action(
        title=_("Roll back"),
        text=_("The piles that were updated get the chosen version again, in a campaign of its own."),
        permission=campaigns.PERMISSION,
        form=RollBackForm,
        available=lambda obj: obj.targets.filter(state=Target.DONE).exists(),
        icon="undo",
        variant=ActionVariant.WARNING,
    )
    def roll_back(self, request, obj, form):
        back = campaigns.roll_back(
            actor=actor_of(request),
            campaign=obj,
            firmware=form.cleaned_data["firmware"],
            reason=form.cleaned_data["reason"],
        )
        return back, _("The campaign that takes it back runs.")


def target_chip(target):
    return chip(target.get_state_display(), TARGET_TONES[target.state])


@admin.register(FirmwareTarget)
class FirmwareTargetAdmin(PileFactAdmin):
    search_help_text = _("A whole pile code")
    list_display = (
        "pile_page", "campaign", "status", "stage_words", "result_words", "previous_version", "attempts",
        "changed_at",
    )  # fmt: skip
    list_select_related = ("pile", "station", "campaign")
    list_filter = (
        choice_filter("state", _("State"), Target.choices),
        ("campaign", AutocompleteSelectFilter),
    )
    fields = (*list_display, "asked_at", "command")

    @admin.display(description=_("state"))
    def status(self, obj):
        return target_chip(obj)

    @admin.display(description=_("stage"))
    def stage_words(self, obj):
        return firmware_text(obj.pile.protocol, obj.stage) or "–"

    @admin.display(description=_("result"))
    def result_words(self, obj):
        return firmware_text(obj.pile.protocol, obj.reason) or "–"
