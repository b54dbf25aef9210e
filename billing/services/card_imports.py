"""Cards from a spreadsheet: a batch into stock or into use, and legacy cards with the balance they carry."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.services import ledger
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.imports import Column, Importer, Labels, choice, decimal
from users.models import Card
from users.selectors import operator_get
from users.services import cards

IMPORT_KEY = "import"


class Arrival(models.TextChoices):
    """How a card comes into the books."""

    STOCK = Card.State.STOCK.value, Card.State.STOCK.label
    ACTIVE = Card.State.ACTIVE.value, Card.State.ACTIVE.label


class CardImporter(Importer):
    """One row, one card. A balance is booked as a top-up of the card's own account."""

    title = _("Import charging cards")
    name = "cards"
    columns = (
        Column("operator", _("Operator code"), accepted=_("the code of an operator"), example="huiyun", required=True),
        Column("physical_no", _("Physical no."), accepted=_("1 to 20 letters, digits and _ . : -, as a reader shows it"), example="00000000D14B0A54", required=True),
        Column("logical_no", _("Card no."), accepted=_("1 to 16 digits; empty: a number is allotted"), example="8600000000000017"),
        Column("kind", _("Kind"), choice(Card.Kind), Labels(Card.Kind), "在线卡"),
        Column("state", _("State"), choice(Arrival), Labels(Arrival), "库存"),
        Column("balance", _("Balance (yuan)"), decimal, _("yuan with up to two places, such as 35.50"), "0"),
        Column("note", _("Note"), accepted=_("up to 128 characters"), example="旧卡换发"),
    )  # fmt: skip

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        values = dict(values)
        operator = operator_get(actor=actor, code=values.pop("operator"))
        balance_fen = _fen(values.pop("balance", None))
        note = values.pop("note", "") or str(self.title)
        opened = values.pop("state", Arrival.STOCK) == Arrival.ACTIVE
        card = cards.add_card(actor=actor, operator=operator, opened=opened or balance_fen > 0, **values)
        if balance_fen:
            ledger.top_up(
                actor=actor,
                driver=card,
                amount_fen=balance_fen,
                reason=note[:128],
                idempotency_key=IMPORT_KEY,
            )
        return card.logical_no


def _fen(amount: Decimal | None) -> int:
    if amount is None:
        return 0
    if amount < 0 or amount != round(amount, 2):
        raise DomainError("balance_invalid", {"amount": str(amount)}, field="balance")
    return int(amount * 100)
