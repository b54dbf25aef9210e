"""What a connector's QR code says: the public address of the connector, or its bare code where there is no address.

A pile that draws its own code on its screen is given the same address as a prefix, so both lead to one place.
"""

import segno
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe


def qr_text(code: str) -> str:
    """The text of the QR code; ends with the connector's code, which can also be typed."""
    return f"{settings.QR_BASE}{code}"


def code_of(text: str) -> str:
    """The connector code in what was scanned or typed: the part after the last slash, blanks taken out."""
    return text.strip().split("?")[0].rstrip("/").rsplit("/", 1)[-1].replace(" ", "")


def qr_svg(code: str, *, scale: float = 4) -> SafeString:
    """The code as an SVG picture for a page."""
    # segno writes the picture; the text goes into its modules only, never into the markup.
    return mark_safe(segno.make_qr(qr_text(code), error="m").svg_inline(scale=scale, border=2, light="#fff"))
