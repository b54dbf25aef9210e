"""My cards: see them with their money, take one, report one lost, give one up."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing import payers
from billing.models import Account
from billing.services import ledger
from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.schema import describe
from users.api.throttles import CardBindThrottle
from users.models import Card
from users.services import cards

CARD_STATES = Card.State.values
CARD_KINDS = Card.Kind.values


class CardSerializer(serializers.Serializer):
    card_no = serializers.CharField(source="logical_no", help_text="The number printed on the card.")
    kind = serializers.ChoiceField(choices=CARD_KINDS)
    state = serializers.ChoiceField(choices=CARD_STATES)
    state_text = serializers.CharField(source="get_state_display")
    operator = serializers.CharField(source="operator.name")
    enterprise = serializers.CharField(source="enterprise.name", allow_null=True, default=None)
    pays_from = serializers.ChoiceField(choices=Card.PaysFrom.values)
    balance_fen = serializers.SerializerMethodField(help_text="On the card's own account.")
    owed_fen = serializers.SerializerMethodField(help_text="Of the card, not paid yet.")
    has_password = serializers.SerializerMethodField()
    valid_from = serializers.DateField(allow_null=True)
    valid_until = serializers.DateField(allow_null=True)

    def get_balance_fen(self, card: Card) -> int:
        rows = Account.objects.unscoped("of the driver's own card").filter(card=card, kind=Account.Kind.CARD)
        return rows.values_list("balance_fen", flat=True).first() or 0

    def get_owed_fen(self, card: Card) -> int:
        return ledger.owed_fen(payers.of_card(card))

    @extend_schema_field(serializers.BooleanField())
    def get_has_password(self, card: Card) -> bool:
        return bool(card.password)


class CardBindSerializer(serializers.Serializer):
    card_no = serializers.CharField(max_length=24, help_text="The number printed on the card.")
    proof = serializers.CharField(
        max_length=24, help_text="The last four characters of the number a reader shows, or the whole of it."
    )


class CardPasswordSerializer(serializers.Serializer):
    password = serializers.CharField(
        max_length=16,
        allow_blank=True,
        help_text="4 to 16 letters and digits typed at the pile; empty: none.",
    )


class OwnCardView(DriverView):
    """A view of one of the driver's own cards."""

    def card(self, card_no: str) -> Card:
        number = cards.normal_logical_no(card_no)
        rows = Card.objects.for_actor(self.actor).select_related("operator", "enterprise")
        found = rows.filter(driver=self.driver, logical_no=number).first()
        if found is None:
            raise DomainError("card_unknown", {"number": card_no[:20]})
        return found

    def answer(self, card_no: str, code: int = status.HTTP_200_OK) -> Response:
        return Response(CardSerializer(self.card(card_no)).data, status=code)


class CardListView(OwnCardView):
    """My cards, and one more."""

    throttle_classes = (CardBindThrottle,)

    @describe(
        operation_id="cards_list",
        summary="My cards",
        responses={200: CardSerializer(many=True)},
        tags=["cards"],
    )
    def get(self, request: Request) -> Response:
        rows = Card.objects.for_actor(self.actor).filter(driver=self.driver)
        rows = rows.select_related("operator", "enterprise").order_by("pk")[:100]
        return Response(CardSerializer(rows, many=True).data)

    @describe(
        operation_id="cards_bind",
        summary="Bind a card that I hold",
        description="The card goes on paying from its own account. A wrong pair of numbers says no more than that.",
        request=CardBindSerializer,
        responses={201: CardSerializer},
        refuses=(400, 404, 409, 429),
        tags=["cards"],
    )
    def post(self, request: Request) -> Response:
        data: dict[str, Any] = read(CardBindSerializer, request.data)
        card = cards.bind_own_card(
            actor=self.actor, driver=self.driver, logical_no=data["card_no"], proof=data["proof"]
        )
        return self.answer(card.logical_no, status.HTTP_201_CREATED)


class CardView(OwnCardView):
    """One of my cards."""

    @describe(
        operation_id="cards_get",
        summary="One card",
        responses={200: CardSerializer},
        refuses=(400, 404),
        tags=["cards"],
    )
    def get(self, request: Request, card_no: str) -> Response:
        return self.answer(card_no)

    @describe(
        operation_id="cards_unbind",
        summary="Give a card up",
        description="Not while a session of the card runs. Its money stays on it.",
        responses={204: None},
        refuses=(400, 403, 404, 409),
        tags=["cards"],
    )
    def delete(self, request: Request, card_no: str) -> Response:
        cards.unbind_card(actor=self.actor, card=self.card(card_no))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CardLostView(OwnCardView):
    """Report one of my cards lost."""

    @describe(
        operation_id="cards_lost",
        summary="Report a card lost",
        description="It is refused from now on; staff give it back to use. Its money stays on it.",
        request=None,
        responses={200: CardSerializer},
        refuses=(400, 404, 409),
        tags=["cards"],
    )
    def post(self, request: Request, card_no: str) -> Response:
        cards.freeze_card(actor=self.actor, card=self.card(card_no), reason="driver", lost=True)
        return self.answer(card_no)


class CardPasswordView(OwnCardView):
    """What has to be typed at the pile with one of my cards."""

    @describe(
        operation_id="cards_password",
        summary="Set a card's password",
        request=CardPasswordSerializer,
        responses={200: CardSerializer},
        refuses=(400, 404),
        tags=["cards"],
    )
    def put(self, request: Request, card_no: str) -> Response:
        data = read(CardPasswordSerializer, request.data)
        cards.set_password(actor=self.actor, card=self.card(card_no), password=data["password"])
        return self.answer(card_no)
