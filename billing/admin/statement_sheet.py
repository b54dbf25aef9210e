"""A statement as a sheet to read and to print: how it adds up, by station, by day and kind of fee, beside orders."""

from collections import defaultdict
from decimal import Decimal

from django.utils.translation import gettext as _

from billing.admin.payment import table
from billing.finance_words import fee_word
from billing.models import ClearingLine, Statement
from users.console.display import fen, quantity


def of(statement: Statement) -> dict[str, object]:
    """{name: table}; every sum is over the rows that the statement took."""
    lines = list(
        ClearingLine.objects.unscoped("the rows of a statement in scope")
        .filter(statement=statement)
        .select_related("record__station")
        .order_by("day", "pk")
    )
    return {
        "sums": _sums(statement),
        "stations": _stations(lines),
        "days": _days(lines),
        "items": table(
            (
                (f"{one.day}", one.get_kind_display(), one.note, fen(one.amount_fen))
                for one in statement.items.order_by("day", "pk")
            ),
            head=(_("day"), _("kind"), _("note"), _("amount")),
        )
        if statement.items_fen
        else "",
    }


def _sums(one: Statement):
    net = one.carried_in_fen + one.shares_fen + one.items_fen
    rows = [
        (
            _("Income of these charges"),
            fen(one.gross_fen),
            _("after discounts of %(amount)s") % {"amount": fen(one.discount_fen)},
        ),
        (_("Commission of the platform"), fen(one.commission_fen), ""),
        (_("Channel fees"), fen(one.channel_fee_fen), ""),
        (_("Own share"), fen(one.shares_fen), _("after commission, channel fees and the shares of others")),
        (_("Fees and adjustments"), fen(one.items_fen), ""),
        (_("Carried in"), fen(one.carried_in_fen), _("from the statement before")),
    ]
    if one.payout_fen or not one.carried_out_fen:
        last = (_("Payout"), fen(one.payout_fen), "")
    else:
        last = (_("Carried on"), fen(one.carried_out_fen), one.get_carried_why_display())
    return table(
        [*rows, (_("Owed"), fen(net), _("own share + fees and adjustments + carried in"))],
        head=(_("item"), _("amount"), ""),
        foot=last,
    )


def _stations(lines: list[ClearingLine]):
    found: dict[str, list] = defaultdict(lambda: [set(), Decimal(0), 0, 0])
    seen = set()
    for line in lines:
        record = line.record
        sums = found[str(record.station) if record.station else _("Sales of month cards")]
        if record.order_id is not None:
            sums[0].add(record.order_id)
        if record.pk not in seen:
            seen.add(record.pk)
            sums[1] += record.energy_kwh
            sums[2] += record.gross_fen
        sums[3] += line.amount_fen
    rows = [
        (name, f"{len(orders)}", quantity(energy, "kWh"), fen(gross), fen(share))
        for name, (orders, energy, gross, share) in sorted(found.items())
    ]
    return table(rows, head=(_("station"), _("charges"), _("energy"), _("income"), _("own share")))


def _days(lines: list[ClearingLine]):
    kinds = sorted(
        {line.fee_kind for line in lines}, key=lambda kind: (kind != "electricity", kind != "service", kind)
    )
    days: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        days[f"{line.day}"][line.fee_kind] += line.amount_fen
    rows = [
        (day, *(fen(sums[kind]) for kind in kinds), fen(sum(sums.values())))
        for day, sums in sorted(days.items())
    ]
    return table(rows, head=(_("day"), *(fee_word(kind) for kind in kinds), _("own share")))
