"""What every endpoint says of its refusals in the OpenAPI description."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers


class ProblemSerializer(serializers.Serializer):
    """A refusal (RFC 9457, `application/problem+json`)."""

    type = serializers.CharField(help_text="`urn:ev-platform:problem:<code>`.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable machine code such as `insufficient_balance`.")
    detail = serializers.CharField(help_text="A sentence in the reader's language (`Accept-Language`).")
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="What is wrong with which field.",
    )
    params = serializers.DictField(required=False, help_text="The values behind the sentence.")


_WORDS = {
    400: "The request is not accepted; `errors` names the fields.",
    401: "No valid token.",
    402: "Money is missing.",
    403: "Not allowed.",
    404: "There is no such object, or it belongs to somebody else.",
    409: "The state of things does not allow it; `code` says which.",
    429: "Too often; `Retry-After` says when to try again.",
    503: "A service that is needed does not answer.",
}


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Responses of `extend_schema` for these refusals."""
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, description=_WORDS[status])
        for status in statuses
    }


def describe(
    *,
    operation_id: str,
    summary: str,
    responses: dict,
    refuses: tuple[int, ...] = (),
    public: bool = False,
    **kwargs,
):
    """`extend_schema` with the refusals every endpoint shares: 401 for all but public ones."""
    statuses = refuses if public else tuple(sorted({401, *refuses}))
    if public:
        kwargs["auth"] = []
    return extend_schema(
        operation_id=operation_id, summary=summary, responses={**responses, **problems(*statuses)}, **kwargs
    )
