"""What the money lists export: read by column, without objects, so that a million rows stream."""

from django.utils.translation import gettext_lazy as _

from billing.models import Account, Channel, ChargingOrder, Journal, Payment, Refund
from kernel.exports import Kind
from users.exports import ExportColumn, choice_words

_PERSONAL = "users.view_personal_data"

ORDER_COLUMNS = (
    ExportColumn("order_no", _("order no."), "order_no"),
    ExportColumn("state", _("state"), "state", convert=choice_words(ChargingOrder.State.choices)),
    ExportColumn("operator", _("operator"), "operator__name"),
    ExportColumn("station", _("station"), "station__name"),
    ExportColumn("pile", _("pile"), "pile__code"),
    ExportColumn("connector", _("connector"), "connector__code"),
    ExportColumn("phone", _("phone"), "driver__phone", permission=_PERSONAL),
    ExportColumn(
        "start_method",
        _("started by"),
        "start_method",
        convert=choice_words(ChargingOrder.StartMethod.choices),
    ),
    ExportColumn("created_at", _("created at"), "created_at", Kind.MOMENT),
    ExportColumn("started_at", _("charging since"), "started_at", Kind.MOMENT),
    ExportColumn("ended_at", _("ended at"), "ended_at", Kind.MOMENT),
    ExportColumn("settled_at", _("settled at"), "settled_at", Kind.MOMENT),
    ExportColumn("energy_kwh", _("energy (kWh)"), "energy_kwh", Kind.DECIMAL),
    ExportColumn("electricity", _("electricity (yuan)"), "electricity_fen", Kind.FEN),
    ExportColumn("service", _("service (yuan)"), "service_fen", Kind.FEN),
    ExportColumn("fees", _("further fees (yuan)"), "fees_fen", Kind.FEN),
    ExportColumn("discount", _("discount (yuan)"), "discount_fen", Kind.FEN),
    ExportColumn("total", _("total (yuan)"), "total_fen", Kind.FEN),
    ExportColumn("tariff", _("tariff"), "tariff_version__tariff__name"),
    ExportColumn("transaction_ref", _("transaction no."), "transaction_ref"),
    ExportColumn("stop_reason", _("stop reason"), "stop_reason"),
)

ENTRY_COLUMNS = (
    ExportColumn("at", _("at"), "at", Kind.MOMENT),
    ExportColumn("movement", _("movement"), "journal__kind", convert=choice_words(Journal.Kind.choices)),
    ExportColumn("account", _("account"), "account__kind", convert=choice_words(Account.Kind.choices)),
    ExportColumn("operator", _("operator"), "operator__name"),
    ExportColumn("phone", _("phone"), "driver__phone", permission=_PERSONAL),
    ExportColumn("amount", _("amount (yuan)"), "amount_fen", Kind.FEN),
    ExportColumn("balance_after", _("balance after (yuan)"), "balance_after_fen", Kind.FEN),
    ExportColumn("order_no", _("order no."), "journal__order__order_no"),
    ExportColumn("note", _("note"), "journal__memo"),
    ExportColumn("booked_by", _("by"), "journal__actor_name"),
    ExportColumn("journal", _("journal"), "journal__idempotency_key"),
)

PAYMENT_COLUMNS = (
    ExportColumn("payment_no", _("payment no."), "out_trade_no"),
    ExportColumn("channel", _("payment channel"), "channel", convert=choice_words(Channel.choices)),
    ExportColumn("state", _("state"), "state", convert=choice_words(Payment.State.choices)),
    ExportColumn("phone", _("phone"), "driver__phone", permission=_PERSONAL),
    ExportColumn("operator", _("operator"), "operator__name"),
    ExportColumn("amount", _("amount (yuan)"), "amount_fen", Kind.FEN),
    ExportColumn("paid", _("paid (yuan)"), "paid_fen", Kind.FEN),
    ExportColumn("refunded", _("refunded (yuan)"), "refunded_fen", Kind.FEN),
    ExportColumn("channel_no", _("channel's no."), "provider_no"),
    ExportColumn("created_at", _("created at"), "created_at", Kind.MOMENT),
    ExportColumn("paid_at", _("paid at"), "paid_at", Kind.MOMENT),
)

REFUND_COLUMNS = (
    ExportColumn("refund_no", _("refund no."), "refund_no"),
    ExportColumn("state", _("state"), "state", convert=choice_words(Refund.State.choices)),
    ExportColumn("phone", _("phone"), "driver__phone", permission=_PERSONAL),
    ExportColumn("operator", _("operator"), "operator__name"),
    ExportColumn("amount", _("amount (yuan)"), "amount_fen", Kind.FEN),
    ExportColumn("refunded", _("refunded (yuan)"), "refunded_fen", Kind.FEN),
    ExportColumn("reason", _("reason"), "reason"),
    ExportColumn("requested_at", _("requested at"), "requested_at", Kind.MOMENT),
    ExportColumn("finished_at", _("finished at"), "finished_at", Kind.MOMENT),
)
