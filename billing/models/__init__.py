from billing.models.ledger import Account, Entry, Hold, Journal
from billing.models.order import ChargingOrder, OrderEvent
from billing.models.review import ReviewItem
from billing.models.tariff import PileTariff, Tariff, TariffAssignment, TariffTier, TariffVersion

__all__ = [
    "Account",
    "ChargingOrder",
    "Entry",
    "Hold",
    "Journal",
    "OrderEvent",
    "PileTariff",
    "ReviewItem",
    "Tariff",
    "TariffAssignment",
    "TariffTier",
    "TariffVersion",
]
