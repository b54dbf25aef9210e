"""Addresses of connectors, orders and the wallet, under /api/v1/."""

urlpatterns = []
