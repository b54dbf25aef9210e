"""Providers that issue electronic invoices."""
