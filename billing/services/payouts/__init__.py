"""Settlement with payees: terms, contracts, statements, payout accounts and payouts."""
