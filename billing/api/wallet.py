"""The driver's money: what is there, what is held, what moved."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing import payers
from billing.api.serializers import EntryPageSerializer, WalletSerializer
from billing.selectors import entry_list
from billing.services import ledger
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe


class WalletView(DriverView):
    """My wallet."""

    @describe(
        operation_id="wallet_get", summary="My wallet", responses={200: WalletSerializer}, tags=["wallet"]
    )
    def get(self, request: Request) -> Response:
        wallet, bonus = ledger.wallet_of(self.driver), ledger.bonus_account(payers.of_driver(self.driver))
        figures = {
            "balance_fen": wallet.balance_fen,
            "held_fen": wallet.held_fen,
            "bonus_fen": bonus.balance_fen if bonus else 0,
            "available_fen": wallet.available_fen + (bonus.available_fen if bonus else 0),
            "arrears_fen": ledger.arrears_fen(self.driver),
        }
        return Response(WalletSerializer(figures).data)


class EntryQuerySerializer(serializers.Serializer):
    cursor = CursorField(length=1)
    limit = LimitField()


class EntryListView(DriverView):
    """What moved on my accounts."""

    @describe(
        operation_id="wallet_entries",
        summary="My wallet's entries",
        description="Newest first; amounts are signed: what comes in is positive.",
        parameters=[EntryQuerySerializer],
        responses={200: EntryPageSerializer},
        refuses=(400,),
        tags=["wallet"],
    )
    def get(self, request: Request) -> Response:
        query = read(EntryQuerySerializer, request.query_params)
        rows = entry_list(actor=self.actor, driver=self.driver)
        if "cursor" in query:
            rows = rows.filter(pk__lt=query["cursor"][0])
        limit = query["limit"]
        found = list(rows[: limit + 1])
        page = found[:limit]
        following = encode_cursor(page[-1].pk) if len(found) > limit else None
        return Response(EntryPageSerializer({"results": page, "next": following}).data)
