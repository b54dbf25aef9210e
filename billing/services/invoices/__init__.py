"""Invoices of orders: asked for, reviewed, issued by a provider, and reversed."""
