"""How operators issue invoices, in versions, agreed by two people; rates and tax codes per kind of fee."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from billing.locks import lock_operator_finance
from billing.models import InvoiceTerms, Proposal
from billing.services import proposals
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users.models import Operator

# State Taxation Administration, answers on charging piles: electricity and service are one sale of electricity at
# 13 %. Many issuers still tax the service at 6 %; what counts is what the issuer's tax office accepts.
ELECTRICITY_CODE = "1100101020100000000"
SERVICE_CODE = "3070000000000000000"
DEFAULT_LINES: dict[str, dict[str, Any]] = {
    "electricity": {"rate_bp": 1300, "tax_code": ELECTRICITY_CODE, "name": "*供电*充电电费"},
    "service": {"rate_bp": 1300, "tax_code": ELECTRICITY_CODE, "name": "*供电*充电服务费"},
    "fees": {"rate_bp": 1300, "tax_code": ELECTRICITY_CODE, "name": "*供电*充电附加费"},
    "occupancy": {"rate_bp": 600, "tax_code": SERVICE_CODE, "name": "*生活服务*超时占位费"},
    "reservation": {"rate_bp": 600, "tax_code": SERVICE_CODE, "name": "*生活服务*预约费"},
    "parking": {"rate_bp": 900, "tax_code": "3040502020200000000", "name": "*经营租赁*停车费"},
}
FIELDS = ("seller_name", "seller_tax_no", "auto_approve_fen", "lines")
_RATES = (0, 100, 150, 300, 500, 600, 900, 1300)


def terms_of(operator: Operator) -> InvoiceTerms | None:
    """The newest terms of an issuer; None for one that issues no invoices here."""
    rows = InvoiceTerms.objects.unscoped("the invoice terms of one operator").filter(operator=operator)
    return rows.order_by("-number").first()


def line_of(terms: InvoiceTerms, fee_kind: str) -> dict[str, Any]:
    """Rate, tax code and name of a kind of fee."""
    return {**DEFAULT_LINES[fee_kind], **terms.lines.get(fee_kind, {})}


def warning_of(lines: Mapping[str, Any]) -> str:
    """What an issuer should check before these rates count; empty when there is nothing to say."""
    rates = {
        kind: {**DEFAULT_LINES[kind], **lines.get(kind, {})}["rate_bp"] for kind in ("electricity", "service")
    }
    if rates["electricity"] != rates["service"]:
        return _(
            "Electricity and service are taxed differently. The tax administration sees charging as one sale of "
            "electricity (13 %); ask your tax office before you issue."
        )
    return _("These rates are settings, not advice: have them confirmed by your tax office.")


def publish_terms(*, actor: Actor, operator: Operator, terms: Mapping[str, Any]) -> InvoiceTerms:
    """Publish the next version. Staff come here through an approved proposal only. DomainError `invalid`."""
    checked = _check(operator, terms)
    with transaction.atomic():
        lock_operator_finance(operator.pk)
        before = terms_of(operator)
        rows = InvoiceTerms.objects.unscoped("the invoice terms of one operator").filter(operator=operator)
        row = InvoiceTerms.objects.create(
            operator=operator,
            number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
            published_by=actor.name[:128],
            published_at=clock.now(),
            **checked,
        )
        audit.record(
            actor=actor,
            action="billing.publish_invoice_terms",
            target=row,
            before={name: getattr(before, name) for name in FIELDS} if before else {},
            after=checked,
        )
    return row


def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    if operator is None:
        raise DomainError("not_found", field="operator")
    name, tax_no = (
        str(payload.get("seller_name", "")).strip(),
        str(payload.get("seller_tax_no", "")).strip().upper(),
    )
    if not 2 <= len(name) <= 100:
        raise _invalid("seller_name", _("a name of 2 to 100 characters is wanted"))
    if not re.fullmatch(r"[0-9A-Z]{15,20}", tax_no):
        raise _invalid("seller_tax_no", _("15 to 20 digits and capital letters are wanted"))
    limit = payload.get("auto_approve_fen", 0)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= 100_000_000:
        raise DomainError(
            "amount_invalid", {"amount": limit, "maximum": 100_000_000}, field="auto_approve_fen"
        )
    lines = {kind: _line(kind, value) for kind, value in (payload.get("lines") or {}).items()}
    return {"seller_name": name, "seller_tax_no": tax_no, "auto_approve_fen": limit, "lines": lines}


def _line(kind: str, value: Any) -> dict[str, Any]:
    if kind not in DEFAULT_LINES:
        raise _invalid("lines", _("kinds of fee are: %(kinds)s") % {"kinds": ", ".join(DEFAULT_LINES)})
    line = {**DEFAULT_LINES[kind], **(value if isinstance(value, dict) else {})}
    if line["rate_bp"] not in _RATES:
        raise _invalid(
            "lines", _("rates are: %(rates)s %%") % {"rates": ", ".join(f"{r / 100:g}" for r in _RATES)}
        )
    if not re.fullmatch(r"\d{19}", str(line["tax_code"])) or not 1 <= len(str(line["name"])) <= 100:
        raise _invalid("lines", _("a tax code has 19 digits, a name at most 100 characters"))
    return {name: line[name] for name in ("rate_bp", "tax_code", "name")}


def _invalid(field: str, reason: str) -> DomainError:
    return DomainError("invalid", {"field": field, "reason": reason}, field=field)


proposals.register(
    Proposal.Kind.INVOICE_TERMS,
    check=_check,
    carry_out=lambda actor, proposal: str(
        publish_terms(actor=actor, operator=proposal.operator, terms=proposal.payload)
    ),
    platform_only=False,
)
