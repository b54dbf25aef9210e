"""Addresses of connectors, orders and the wallet, under /api/v1/."""

from django.urls import path

from billing.api import connectors, orders, wallet

urlpatterns = [
    path("driver/connectors/<str:code>", connectors.ConnectorView.as_view(), name="driver-connector"),
    path("driver/estimate", connectors.EstimateView.as_view(), name="driver-estimate"),
    path("driver/orders", orders.OrderListView.as_view(), name="driver-orders"),
    path("driver/orders/<str:order_no>", orders.OrderView.as_view(), name="driver-order"),
    path("driver/orders/<str:order_no>/stop", orders.OrderStopView.as_view(), name="driver-order-stop"),
    path("driver/wallet", wallet.WalletView.as_view(), name="driver-wallet"),
    path("driver/wallet/entries", wallet.EntryListView.as_view(), name="driver-wallet-entries"),
]
