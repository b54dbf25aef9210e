"""Bills of payment channels, what differs from the books, and the calendar of closed days: the platform's own."""

from collections import Counter
from datetime import date, timedelta

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from billing import business_day
from billing.admin import day_sheet
from billing.admin.payment import moment, table
from billing.models import Channel, ChannelBill, DayClose, Difference, Proposal
from billing.services import proposals
from billing.services.reconciliation import day_close, reconcile
from kernel.exports import Kind
from users.console.actions import ActionForm, ReasonForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip, fen
from users.console.filters import choice_filter
from users.exports import ExportColumn, choice_words
from users.scope import grants_of

S = Difference.State
TONES = {S.OPEN: "red", S.MATCHED: "green", S.EXPLAINED: "blue", S.BOOKED: "violet"}
DAY_TONES = {DayClose.State.OPEN: "amber", DayClose.State.CLOSED: "green"}
MONTHS_SHOWN = 3
LINES_SHOWN = 200
SIDES = {
    "success": _("paid"),
    "processing": _("under way"),
    "closed": _("not paid"),
    "done": _("booked"),
    "open": _("not booked"),
    "none": _("unknown"),
    "": "–",
}


def _compared(actor, day: date, channel: str):
    result = reconcile.reconcile_day(actor=actor, day=day, channel=channel)
    return _("Compared: %(count)s differences are open.") % {"count": result.open}


@admin.register(ChannelBill)
class ChannelBillAdmin(FactAdmin):
    platform_only = True
    list_display = ("day", "channel", "status", "payments", "paid", "refunds", "refunded", "fees", "waiting")
    list_filter = (choice_filter("channel", _("Channel"), Channel.choices),)
    date_hierarchy = "day"
    ordering = ("-day", "channel")
    fields = (*list_display, "digest", "fetched_at", "content")
    actions_detail = ("compare",)
    export_columns = (
        ExportColumn("day", _("day"), "day", Kind.DAY),
        ExportColumn("channel", _("payment channel"), "channel", convert=choice_words(Channel.choices)),
        ExportColumn("payments", _("payments"), "payments", Kind.INTEGER),
        ExportColumn("paid", _("paid (yuan)"), "payments_fen", Kind.FEN),
        ExportColumn("refunds", _("refunds"), "refunds", Kind.INTEGER),
        ExportColumn("refunded", _("refunded (yuan)"), "refunds_fen", Kind.FEN),
        ExportColumn("fees", _("channel fees (yuan)"), "fees_fen", Kind.FEN),
    )

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), "green" if obj.state == ChannelBill.State.FETCHED else "grey")

    @admin.display(description=_("paid"))
    def paid(self, obj):
        return fen(obj.payments_fen)

    @admin.display(description=_("refunded"))
    def refunded(self, obj):
        return fen(obj.refunds_fen)

    @admin.display(description=_("channel fees"))
    def fees(self, obj):
        return fen(obj.fees_fen)

    @admin.display(description=_("open differences"))
    def waiting(self, obj):
        if not hasattr(self, "_open"):
            rows = Difference.objects.filter(state=S.OPEN).values_list("day", "channel")
            self._open = Counter(rows)
        return self._open[obj.day, obj.channel] or "–"

    def get_queryset(self, request):
        self.__dict__.pop("_open", None)
        return super().get_queryset(request)

    @admin.display(description=_("lines"))
    def content(self, obj):
        lines = obj.lines.order_by("pk")[:LINES_SHOWN]
        return table(
            (
                (
                    moment(one.at),
                    one.get_kind_display(),
                    one.number,
                    one.provider_no,
                    fen(one.amount_fen),
                    fen(one.fee_fen),
                )
                for one in lines
            ),
            head=(_("time"), _("kind"), _("our no."), _("channel's no."), _("amount"), _("channel fees")),
        )

    @operator_action(
        title=_("Fetch and compare again"),
        text=_("The bill is fetched from the channel; what it has and we lack is asked for and booked."),
        permission="billing.reconcile",
        form=ActionForm,
        icon="sync",
        variant=ActionVariant.PRIMARY,
    )
    def compare(self, request, obj, form):
        return _compared(actor_of(request), obj.day, obj.channel)


@admin.register(Difference)
class DifferenceAdmin(FactAdmin):
    platform_only = True
    list_display = ("day", "channel", "what", "paper", "number", "theirs_sum", "ours_sum", "status", "note")
    list_display_links = ("day", "number")
    list_filter = (
        choice_filter("state", _("State"), S.choices, default=S.OPEN),
        choice_filter("channel", _("Channel"), Channel.choices),
        choice_filter("kind", _("Kind"), Difference.Kind.choices),
    )
    search_fields = ("=number", "=provider_no")
    search_help_text = _("A whole payment or refund number")
    ordering = ("-day", "-pk")
    fields = (
        "day", "channel", "what", "paper", "number", "provider_no", "theirs_sum", "theirs_state", "ours_sum",
        "ours_state", "status", "found_at", "settled_at", "settled_by", "note", "journal",
    )  # fmt: skip
    actions_detail = ("compare", "explain", "book")
    export_columns = (
        ExportColumn("day", _("day"), "day", Kind.DAY),
        ExportColumn("channel", _("payment channel"), "channel", convert=choice_words(Channel.choices)),
        ExportColumn("kind", _("kind"), "kind", convert=choice_words(Difference.Kind.choices)),
        ExportColumn("number", _("our no."), "number"),
        ExportColumn("channel_no", _("channel's no."), "provider_no"),
        ExportColumn("theirs", _("channel (yuan)"), "theirs_fen", Kind.FEN),
        ExportColumn("ours", _("here (yuan)"), "ours_fen", Kind.FEN),
        ExportColumn("state", _("state"), "state", convert=choice_words(S.choices)),
        ExportColumn("note", _("note"), "note"),
    )

    def action_subject(self, obj):
        amounts = f"{fen(obj.theirs_fen)} / {fen(obj.ours_fen)}"
        return f"{obj.day} {obj.get_channel_display()}  {_('channel / here')} {amounts}"

    @admin.display(description=_("kind"))
    def what(self, obj):
        return obj.get_kind_display()

    @admin.display(description=_("payment or refund"))
    def paper(self, obj):
        return obj.get_subject_display()

    @admin.display(description=_("amount at the channel"))
    def theirs_sum(self, obj):
        return fen(obj.theirs_fen)

    @admin.display(description=_("amount here"))
    def ours_sum(self, obj):
        return fen(obj.ours_fen)

    @admin.display(description=_("channel says"))
    def theirs_state(self, obj):
        return SIDES.get(obj.theirs, obj.theirs)

    @admin.display(description=_("we say"))
    def ours_state(self, obj):
        return SIDES.get(obj.ours, obj.ours)

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES[obj.state])

    @operator_action(
        title=_("Ask the channel again"),
        text=_("Fetches the bill, asks for what we lack under its own number, and compares."),
        permission="billing.reconcile",
        form=ActionForm,
        available=lambda row: row.state == S.OPEN,
        icon="sync",
        variant=ActionVariant.PRIMARY,
    )
    def compare(self, request, obj, form):
        return _compared(actor_of(request), obj.day, obj.channel)

    @operator_action(
        title=_("Explain"),
        text=_("Settles it without moving money: it was handled at the channel, or is no difference."),
        permission="billing.settle_difference",
        available=lambda row: row.state == S.OPEN,
        icon="edit_note",
    )
    def explain(self, request, obj, form):
        day_close.explain(actor=actor_of(request), difference=obj, note=form.cleaned_data["reason"])
        return _("The difference is settled.")

    @operator_action(
        title=_("Book"),
        text=_("Books the channel's account to what the channel says, when a second person has approved it."),
        permission="billing.propose_change",
        available=lambda row: row.state == S.OPEN and day_close.delta_fen(row) != 0,
        icon="balance",
    )
    def book(self, request, obj, form):
        proposal = proposals.propose(
            actor=actor_of(request),
            kind=Proposal.Kind.DIFFERENCE,
            payload={"difference": obj.pk},
            reason=form.cleaned_data["reason"],
        )
        return proposal, _("The booking waits for a second person.")


@admin.register(DayClose)
class DayCloseAdmin(FactAdmin):
    platform_only = True
    list_before_template = "billing/day_calendar.html"
    change_form_template = "billing/day_change.html"
    list_display = (
        "day",
        "status",
        "paid",
        "refunded",
        "fees",
        "waiting",
        "closed_at",
        "closed_by",
        "reopened_by",
    )
    list_filter = (choice_filter("state", _("State"), DayClose.State.choices),)
    ordering = ("-day",)
    fields = (
        "day",
        "status",
        "closings",
        "closed_at",
        "closed_by",
        "reopened_at",
        "reopened_by",
    )
    actions_detail = ("compare", "close", "reopen")

    def changelist_view(self, request, extra_context=None):
        calendar = month_calendar() if grants_of(actor_of(request)).everything else ""
        return super().changelist_view(request, {"calendar": calendar, **(extra_context or {})})

    def action_subject(self, obj):
        amounts = day_sheet.sums(obj)
        return " · ".join(
            f"{title} {fen(amounts[name])}"
            for title, name in (
                (_("paid"), "payments_fen"),
                (_("refunded"), "refunds_fen"),
                (_("channel fees"), "fees_fen"),
            )
        )

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), DAY_TONES[obj.state])

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra = dict(extra_context or {})
        obj = self.get_object(request, object_id) if object_id else None
        if obj is not None:
            extra["sheet"] = day_sheet.of(obj)
        return super().changeform_view(request, object_id, form_url, extra)

    @admin.display(description=_("paid"))
    def paid(self, obj):
        return fen(day_sheet.sums(obj)["payments_fen"])

    @admin.display(description=_("refunded"))
    def refunded(self, obj):
        return fen(day_sheet.sums(obj)["refunds_fen"])

    @admin.display(description=_("channel fees"))
    def fees(self, obj):
        return fen(day_sheet.sums(obj)["fees_fen"])

    @admin.display(description=_("open differences"))
    def waiting(self, obj):
        number = Difference.objects.filter(day=obj.day, state=S.OPEN).count()
        if not number:
            return "–"
        address = f"{reverse('admin:billing_difference_changelist')}?day={obj.day}"
        return format_html('<a href="{}">{}</a>', address, number)

    @operator_action(
        title=_("Compare"),
        text=_("Fetches the bills of every channel and compares them with the books."),
        permission="billing.reconcile",
        form=ActionForm,
        available=lambda row: row.state == DayClose.State.OPEN,
        icon="sync",
    )
    def compare(self, request, obj, form):
        actor = actor_of(request)
        channels = reconcile.channels_of(obj.day)
        found = [reconcile.reconcile_day(actor=actor, day=obj.day, channel=one).open for one in channels]
        return _("Compared: %(count)s differences are open.") % {"count": sum(found)}

    @operator_action(
        title=_("Close the day"),
        text=_("Possible when no difference is open. The channels' fees are booked, and the day is locked."),
        permission="billing.close_day",
        form=ActionForm,
        available=lambda row: row.state == DayClose.State.OPEN,
        icon="lock",
        variant=ActionVariant.PRIMARY,
    )
    def close(self, request, obj, form):
        day_close.close_day(actor=actor_of(request), day=obj.day)
        return _("The day is closed.")

    @operator_action(
        title=_("Reopen"),
        text=_("A second person has to approve it; the fees that were booked are booked back."),
        permission="billing.propose_change",
        form=ReasonForm,
        available=lambda row: row.state == DayClose.State.CLOSED,
        icon="lock_open",
        variant=ActionVariant.DANGER,
    )
    def reopen(self, request, obj, form):
        proposal = proposals.propose(
            actor=actor_of(request),
            kind=Proposal.Kind.REOPEN_DAY,
            payload={"day": obj.day.isoformat()},
            reason=form.cleaned_data["reason"],
        )
        return proposal, _("The reopening waits for a second person.")


def month_calendar() -> SafeString:
    """The last months as strips of days: closed, with open differences, not closed, to come."""
    today = business_day.today()
    first = today.replace(day=1)
    for _step in range(MONTHS_SHOWN - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    closed = set(
        DayClose.objects.filter(day__gte=first, state=DayClose.State.CLOSED).values_list("day", flat=True)
    )
    waiting = Counter(Difference.objects.filter(day__gte=first, state=S.OPEN).values_list("day", flat=True))
    begun = DayClose.objects.order_by("day").values_list("day", flat=True).first() or today
    first = max(first, begun.replace(day=1))
    compared = set(ChannelBill.objects.filter(day__gte=first).values_list("day", flat=True))
    months: dict[tuple[int, int], list] = {}
    day = first
    while day <= today:
        if day < begun:
            css, words = "ev-dim", gettext("before the first day")
        elif day in closed:
            css, words = "ev-p2", gettext("closed")
        elif waiting[day]:
            css, words = "ev-p5", gettext("%(count)s open differences") % {"count": waiting[day]}
        elif day in compared:
            css, words = "ev-p1", gettext("compared, not closed")
        else:
            css, words = "ev-p0", gettext("not compared")
        months.setdefault((day.year, day.month), []).append((css, f"{day.isoformat()} {words}", day.day))
        day += timedelta(days=1)
    rows = format_html_join(
        "",
        "<tr><th>{}</th>{}</tr>",
        (
            (f"{year}-{month:02d}", format_html_join("", '<td class="{}" title="{}">{}</td>', cells))
            for (year, month), cells in months.items()
        ),
    )
    legend = format_html_join(
        " ",
        '<span class="ev-legend"><i class="{}"></i>{}</span>',
        (
            ("ev-p2", gettext("closed")),
            ("ev-p1", gettext("compared, not closed")),
            ("ev-p5", gettext("open differences")),
            ("ev-p0", gettext("not compared")),
        ),
    )
    return format_html(
        '<div class="ev-scroll"><table class="ev-year">{}</table></div><p class="ev-sub">{}</p>', rows, legend
    )
