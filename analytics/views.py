"""The overview's data door; the console site wraps it in its own login."""

from django.http import HttpRequest, JsonResponse

from analytics import board


def board_json(request: HttpRequest) -> JsonResponse:
    """The board of this staff member as JSON, never cached."""
    response = JsonResponse(board.read(request))
    response["Cache-Control"] = "no-store"
    return response
