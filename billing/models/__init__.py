from billing.models.bonus import RechargeBonus
from billing.models.booking import Booking
from billing.models.cash import BoxCashDay
from billing.models.clearing import ClearingLine, ClearingRecord, ClearingRule
from billing.models.discount import Discount, DiscountUse
from billing.models.fee import OrderFee
from billing.models.finding import CheckFinding, CheckRun
from billing.models.invoice import Invoice, InvoicedOrder, InvoiceLine, InvoiceTerms
from billing.models.ledger import Account, Entry, Hold, Journal
from billing.models.month_sale import MonthSale
from billing.models.order import ChargingOrder, OrderEvent
from billing.models.paid_start import PaidStart
from billing.models.pay_score import ScoreOrder, ScorePermission
from billing.models.payee import Payee
from billing.models.payer import EnterpriseStation
from billing.models.payment import Channel, Payment, PaymentNotice
from billing.models.payout import Payout, PayoutAccount, PayoutChannel, PayoutEvent
from billing.models.proposal import Proposal
from billing.models.reconciliation import BillLine, ChannelBill, DayClose, Difference
from billing.models.refund import PaymentEvent, Refund, RefundPart
from billing.models.review import ReviewItem
from billing.models.settlement import FinanceTerms, ServiceContract, SettlementItem, Statement
from billing.models.strategy import ChargingStrategy, StrategyAssignment
from billing.models.tariff import (
    PileTariff,
    SpecialDay,
    Tariff,
    TariffAssignment,
    TariffProfile,
    TariffTier,
    TariffVersion,
)

__all__ = [
    "Account",
    "BillLine",
    "Booking",
    "BoxCashDay",
    "Channel",
    "ChannelBill",
    "ChargingOrder",
    "ChargingStrategy",
    "CheckFinding",
    "CheckRun",
    "ClearingLine",
    "ClearingRecord",
    "ClearingRule",
    "DayClose",
    "Difference",
    "Discount",
    "DiscountUse",
    "EnterpriseStation",
    "Entry",
    "FinanceTerms",
    "Hold",
    "Invoice",
    "InvoiceLine",
    "InvoiceTerms",
    "InvoicedOrder",
    "Journal",
    "MonthSale",
    "OrderEvent",
    "OrderFee",
    "PaidStart",
    "Payee",
    "Payment",
    "PaymentEvent",
    "PaymentNotice",
    "Payout",
    "PayoutAccount",
    "PayoutChannel",
    "PayoutEvent",
    "PileTariff",
    "Proposal",
    "RechargeBonus",
    "Refund",
    "RefundPart",
    "ReviewItem",
    "ScoreOrder",
    "ScorePermission",
    "ServiceContract",
    "SettlementItem",
    "SpecialDay",
    "Statement",
    "StrategyAssignment",
    "Tariff",
    "TariffAssignment",
    "TariffProfile",
    "TariffTier",
    "TariffVersion",
]
