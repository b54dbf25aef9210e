"""The totals that the console's finance pages show, to hold against a report that came another way."""

from datetime import date

from django.test import Client
from django.urls import reverse

from billing.models import DayClose
from users.console.display import fen


def sums_of(client: Client, model: str, query: str = "") -> tuple[int, dict[str, str]]:
    """How many rows a list has and what stands above it: {field: yuan as shown}."""
    page = client.get(f"{reverse(f'admin:billing_{model}_changelist')}?{query}")
    assert page.status_code == 200, (model, page.status_code)
    return page.context_data["number"], page.context_data["sums"]


def read(client: Client) -> dict[str, str | int]:
    """Every total, in the words of `Week.report`; amounts as the pages write them."""
    statements, stated = sums_of(client, "statement")
    _payouts, paid_out = sums_of(client, "payout", "state=paid&when=all")
    refunds, back = sums_of(client, "refund", "state=succeeded&when=all")
    invoices, invoiced = sums_of(client, "invoice", "state=issued&when=all")
    days = [_sheet(client, day.pk) for day in DayClose.objects.all()]
    return {
        "statements": statements,
        "stated_fen": stated["shares_fen"],
        "payouts_fen": paid_out["amount_fen"],
        "refunds": refunds,
        "refunds_fen": back["refunded_fen"],
        "invoices": invoices,
        "invoiced_fen": invoiced["gross_fen"],
        "bills_payments_fen": fen(sum(day["payments_fen"] for day in days)),
        "bills_refunds_fen": fen(sum(day["refunds_fen"] for day in days)),
        "channel_fees_fen": fen(sum(day["fees_fen"] for day in days)),
    }


def income_of_report(client: Client, first: date, last: date) -> str:
    """What the report page says was earned from `first` to `last`; it has to agree with the ledger."""
    query = f"dimension=platform&grain=total&first={first}&last={last}"
    report = client.get(f"{reverse('admin:reports')}?{query}").context_data["report"]
    assert report.agrees
    return fen(report.totals["income_fen"])


def differing(
    client: Client, told: dict[str, int], shown: dict[str, str | int] | None = None
) -> dict[str, tuple]:
    """What the pages say otherwise than the report: {name: (page, report)}; empty when they agree."""

    def write(name: str, value: int) -> str | int:
        return fen(value) if name.endswith("_fen") else value

    shown = shown or read(client)
    return {
        name: (value, write(name, told[name]))
        for name, value in shown.items()
        if name in told and value != write(name, told[name])
    }


def _sheet(client: Client, pk: int) -> dict[str, int]:
    page = client.get(reverse("admin:billing_dayclose_change", args=[pk]))
    assert page.status_code == 200
    return page.context_data["sheet"]["sums"]
