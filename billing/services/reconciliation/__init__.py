"""Comparing our books with the bills of payment channels, and closing business days."""
