"""Addresses of connectors, orders, the wallet and payments, under /api/v1/."""

from django.urls import path

from billing.api import (
    bills,
    bookings,
    cards,
    connectors,
    invoices,
    notify,
    orders,
    paid_starts,
    pay_score,
    payers,
    payments,
    refunds,
    wallet,
)

urlpatterns = [
    path("driver/bookings", bookings.BookingListView.as_view(), name="driver-bookings"),
    path("driver/bookings/<str:booking_no>", bookings.BookingView.as_view(), name="driver-booking"),
    path(
        "driver/bookings/<str:booking_no>/cancel",
        bookings.BookingCancelView.as_view(),
        name="driver-booking-cancel",
    ),
    path("driver/cards", cards.CardListView.as_view(), name="driver-cards"),
    path("driver/cards/<str:card_no>", cards.CardView.as_view(), name="driver-card"),
    path("driver/cards/<str:card_no>/lost", cards.CardLostView.as_view(), name="driver-card-lost"),
    path(
        "driver/cards/<str:card_no>/password", cards.CardPasswordView.as_view(), name="driver-card-password"
    ),
    path("driver/enterprises", payers.EnterpriseListView.as_view(), name="driver-enterprises"),
    path("driver/connectors/<str:code>", connectors.ConnectorView.as_view(), name="driver-connector"),
    path("driver/estimate", connectors.EstimateView.as_view(), name="driver-estimate"),
    path("driver/orders", orders.OrderListView.as_view(), name="driver-orders"),
    path("driver/orders/<str:order_no>", orders.OrderView.as_view(), name="driver-order"),
    path("driver/orders/<str:order_no>/stop", orders.OrderStopView.as_view(), name="driver-order-stop"),
    path("driver/orders/<str:order_no>/extend", orders.OrderExtendView.as_view(), name="driver-order-extend"),
    path("driver/pay-and-start", paid_starts.PayAndStartView.as_view(), name="driver-pay-and-start"),
    path(
        "driver/pay-and-start/<str:out_trade_no>",
        paid_starts.PaidStartView.as_view(),
        name="driver-paid-start",
    ),
    path("driver/wallet", wallet.WalletView.as_view(), name="driver-wallet"),
    path("driver/wallet/entries", wallet.EntryListView.as_view(), name="driver-wallet-entries"),
    path("driver/payment-channels", payments.ChannelListView.as_view(), name="driver-payment-channels"),
    path("driver/payment-methods", pay_score.MethodListView.as_view(), name="driver-payment-methods"),
    path("driver/bill", bills.BillView.as_view(), name="driver-bill"),
    path("driver/bill/pay", bills.BillPayView.as_view(), name="driver-bill-pay"),
    path("driver/pay-score", pay_score.ScoreView.as_view(), name="driver-pay-score"),
    path(
        "driver/pay-score/permission",
        pay_score.ScorePermissionView.as_view(),
        name="driver-pay-score-permission",
    ),
    path(
        "driver/pay-score/withdraw", pay_score.ScoreWithdrawView.as_view(), name="driver-pay-score-withdraw"
    ),
    path("driver/score-starts", pay_score.ScoreStartView.as_view(), name="driver-score-starts"),
    path("driver/score-starts/<str:number>", pay_score.ScoreOrderView.as_view(), name="driver-score-start"),
    path("driver/payments", payments.PaymentListView.as_view(), name="driver-payments"),
    path("driver/payments/<str:out_trade_no>", payments.PaymentView.as_view(), name="driver-payment"),
    path("driver/refunds", refunds.RefundListView.as_view(), name="driver-refunds"),
    path("driver/refunds/possible", refunds.RefundableView.as_view(), name="driver-refunds-possible"),
    path("driver/refunds/<str:refund_no>", refunds.RefundView.as_view(), name="driver-refund"),
    path(
        "driver/refunds/<str:refund_no>/withdraw",
        refunds.RefundWithdrawView.as_view(),
        name="driver-refund-withdraw",
    ),
    path("driver/invoices", invoices.InvoiceListView.as_view(), name="driver-invoices"),
    path("driver/invoices/orders", invoices.InvoiceableView.as_view(), name="driver-invoices-orders"),
    path("driver/invoices/<str:number>", invoices.InvoiceView.as_view(), name="driver-invoice"),
    path(
        "driver/invoices/<str:number>/withdraw",
        invoices.InvoiceWithdrawView.as_view(),
        name="driver-invoice-withdraw",
    ),
    path("payments/wechat/notify", notify.WeChatNotifyView.as_view(), name="wechat-notify"),
    path("payments/alipay/notify", notify.AlipayNotifyView.as_view(), name="alipay-notify"),
]
