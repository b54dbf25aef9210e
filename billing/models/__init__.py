from billing.models.ledger import Account, Entry, Hold, Journal
from billing.models.order import ChargingOrder, OrderEvent
from billing.models.payer import EnterpriseStation
from billing.models.payment import Channel, Payment, PaymentNotice
from billing.models.refund import PaymentEvent, Refund, RefundPart
from billing.models.review import ReviewItem
from billing.models.tariff import PileTariff, Tariff, TariffAssignment, TariffTier, TariffVersion

__all__ = [
    "Account",
    "Channel",
    "ChargingOrder",
    "EnterpriseStation",
    "Entry",
    "Hold",
    "Journal",
    "OrderEvent",
    "Payment",
    "PaymentEvent",
    "PaymentNotice",
    "PileTariff",
    "Refund",
    "RefundPart",
    "ReviewItem",
    "Tariff",
    "TariffAssignment",
    "TariffTier",
    "TariffVersion",
]
