"""Where a connector's QR code leads in a browser: into the app when it is there, else to where one gets it.

The page reads nothing but the code, so that a stranger learns nothing from it beyond what is printed on the pile.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from stations.models import Connector
from stations.qr import code_of


@require_safe
def scanned(request: HttpRequest, code: str) -> HttpResponse:
    """The page behind the QR code of a connector; 404 in words for a code that no connector has."""
    code = code_of(code)
    known = Connector.objects.unscoped("codes are printed on the piles for everybody").filter(code=code)
    if not known.exists():
        message = _("No connector has the number %(code)s. Please check the number under the QR code.")
        return render(
            request, "stations/scanned.html", {"refusal": message % {"code": code[:40]}}, status=404
        )
    app = f"{settings.APP_LINK}{code}" if settings.APP_LINK else ""
    return render(
        request, "stations/scanned.html", {"code": code, "app": app, "download": settings.APP_DOWNLOAD_URL}
    )
