"""What simulated OCPP piles share, whatever their version: link, outbox, cars and the course of a charge."""
