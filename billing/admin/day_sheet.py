"""A business day as a sheet to read and to print: what the channels moved, what differs, what the income became."""

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from billing import business_day
from billing.admin.payment import link, table
from billing.models import Channel, ChannelBill, ClearingLine, ClearingRecord, DayClose, Difference
from billing.services.clearing.clear import uncleared
from billing.services.reconciliation.day_close import figures_of
from users.console.display import fen

S = Difference.State


def of(day: DayClose) -> dict[str, object]:
    """{name: table or sentence}; an open day shows what it is so far."""
    rows = Difference.objects.filter(day=day.day).order_by("state", "pk")
    return {
        "next": _next(day),
        "channels": channels(day),
        "sums": sums(day),
        "differences": table(
            (
                (
                    link("billing_difference", one.pk, one.number),
                    one.get_channel_display(),
                    one.get_kind_display(),
                    fen(one.theirs_fen),
                    fen(one.ours_fen),
                    one.get_state_display(),
                    one.note,
                )
                for one in rows
            ),
            head=(
                _("our no."),
                _("payment channel"),
                _("kind"),
                _("amount at the channel"),
                _("amount here"),
                _("state"),
                _("note"),
            ),
        )
        if rows
        else "",
        "income": _income(day),
    }


def figures(day: DayClose) -> dict[str, dict[str, int]]:
    """{channel: amounts} as closed, or as they are now; counted once per row."""
    if not hasattr(day, "_figures_now"):
        day._figures_now = day.figures or figures_of(day.day)
    return day._figures_now


def sums(day: DayClose) -> dict[str, int]:
    """Paid, refunded and kept as fees over all channels."""
    return {
        name: sum(row[name] for row in figures(day).values())
        for name in ("payments_fen", "refunds_fen", "fees_fen")
    }


def channels(day: DayClose):
    """Paid, refunded and kept as fees by channel: as closed, or as it is now."""
    names = dict(Channel.choices)
    return table(
        (
            (
                names.get(channel, channel),
                fen(row["payments_fen"]),
                fen(row["refunds_fen"]),
                fen(row["fees_fen"]),
            )
            for channel, row in figures(day).items()
        ),
        head=(_("payment channel"), _("paid"), _("refunded"), _("channel fees")),
        foot=(_("Total"), *(fen(one) for one in sums(day).values())) if len(figures(day)) > 1 else (),
    )


def _next(day: DayClose) -> str:
    """What is left to do before the day can be closed."""
    if day.state == DayClose.State.CLOSED:
        return ""
    waiting = Difference.objects.filter(day=day.day, state=S.OPEN).count()
    if waiting:
        return _("%(count)s differences are open: handle them first, then close the day.") % {
            "count": waiting
        }
    if not ChannelBill.objects.filter(day=day.day).exists():
        return _(
            "The channels' bills are not here yet: compare first. They are there from 10:00 of the next day."
        )
    begin, end = business_day.bounds(day.day)
    open_journals = uncleared().filter(at__gte=begin, at__lt=end).count()
    if open_journals:
        return _("%(count)s incomes are not divided yet; that happens by itself.") % {"count": open_journals}
    return _("Nothing is open: the day can be closed.")


def _income(day: DayClose):
    records = ClearingRecord.objects.unscoped("the whole platform's day").filter(day=day.day)
    lines = ClearingLine.objects.unscoped("the whole platform's day").filter(day=day.day)
    by_operator = {
        (row["record__operator_id"], row["role"]): row["total"]
        for row in lines.order_by().values("record__operator_id", "role").annotate(total=Sum("amount_fen"))
    }
    rows, sums = [], [0, 0, 0, 0, 0]
    found = records.order_by().values("operator_id", "operator__name")
    for row in found.annotate(orders=Count("order_id", distinct=True), gross=Sum("gross_fen")).order_by(
        "operator_id"
    ):
        parts = [
            by_operator.get((row["operator_id"], role), 0) for role in ("channel_fee", "commission", "share")
        ]
        values = [row["orders"], row["gross"], *parts]
        sums = [one + other for one, other in zip(sums, values, strict=True)]
        rows.append((row["operator__name"], f"{values[0]}", *(fen(value) for value in values[1:])))
    return table(
        rows,
        head=(
            _("operator"),
            _("charges"),
            _("income"),
            _("channel fees"),
            _("commission"),
            _("shares of the payees"),
        ),
        foot=(_("Total"), f"{sums[0]}", *(fen(value) for value in sums[1:])) if len(rows) > 1 else (),
    )
