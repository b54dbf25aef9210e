"""The driver's money: what is there, what is held, what moved."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing import payers
from billing.models import Entry, Journal
from billing.selectors import entry_list
from billing.services import ledger
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

ENTRY_KINDS = Journal.Kind.values


class WalletSerializer(serializers.Serializer):
    balance_fen = serializers.IntegerField()
    held_fen = serializers.IntegerField(help_text="Reserved for the running order.")
    bonus_fen = serializers.IntegerField(
        help_text="Bonuses of recharges: spent after the own money, never paid out."
    )
    available_fen = serializers.IntegerField(help_text="What a charge can use, the bonus included.")
    arrears_fen = serializers.IntegerField(help_text="Owed beyond the wallet; paid by the next top-up.")


class EntrySerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(source="journal.kind", choices=ENTRY_KINDS, read_only=True)
    kind_text = serializers.CharField(source="journal.get_kind_display", read_only=True)
    account = serializers.CharField(
        source="account.kind", read_only=True, help_text="`wallet`, `bonus` or `arrears`."
    )
    order_no = serializers.SerializerMethodField()
    memo = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = ["at", "kind", "kind_text", "account", "amount_fen", "balance_after_fen", "order_no", "memo"]
        read_only_fields = fields

    def get_order_no(self, entry: Entry) -> str | None:
        return entry.journal.order.order_no if entry.journal.order_id else None

    def get_memo(self, entry: Entry) -> str:
        # What staff write on a correction is theirs; a driver reads the reason of a top-up only.
        return entry.journal.memo if entry.journal.kind == Journal.Kind.TOPUP else ""


class EntryPageSerializer(serializers.Serializer):
    results = EntrySerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


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
