"""The pages of the sandbox: what waits for payment, and one payment with its two buttons."""

from html import escape

from django.utils.translation import gettext as _
from django.utils.translation import override

from billing.payments.alipay import yuan
from billing.payments.sandbox.book import CLOSED, PAID, Book, TradeRow

LANGUAGE = "zh-hans"
_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.25rem}.amount{font-size:2.2rem;font-weight:700;margin:.2rem 0}.note{color:#63707d;font-size:.9rem}"
    "button{font:inherit;padding:.6rem 1.6rem;border:0;border-radius:.5rem;margin:.5rem .5rem 0 0;cursor:pointer}"
    ".pay{background:#07a35a;color:#fff}.cancel{background:#e6eaee}select{font:inherit;padding:.3rem;max-width:100%}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.4rem;border-bottom:1px solid #e6eaee;text-align:left}"
)


def misbehaviours() -> dict[str, tuple[str, dict]]:
    """What can go wrong with a callback: {key: (words, changes of `Faults`)}."""
    return {
        "": (_("Call back at once"), {}),
        "duplicate": (_("Call back five times at once"), {"duplicate_callback": 4}),
        "late": (_("Call back a minute late"), {"delay_callback_s": 60.0}),
        "never": (_("Never call back"), {"drop_callback": True}),
        "wrong_key": (_("Sign with a wrong key"), {"wrong_key": True}),
        "wrong_amount": (_("Tell another amount"), {"wrong_amount_fen": 1}),
        "replay": (_("Use a timestamp of yesterday"), {"stale_s": 30 * 3600}),
    }


def index_page(book: Book) -> str:
    """Everything that waits for payment, newest first."""
    with override(LANGUAGE):
        rows = sorted(book.trades.values(), key=lambda row: row.expires_at, reverse=True)[:50]
        lines = "".join(
            f'<tr><td><a href="/code/{escape(row.token)}">{escape(row.number)}</a></td><td>{_channel(row)}</td>'
            f"<td>¥{yuan(row.amount_fen)}</td><td>{_state(row)}</td></tr>"
            for row in rows
        )
        head = "".join(f"<th>{word}</th>" for word in (_("Payment"), _("Channel"), _("Amount"), _("State")))
        empty = f'<p class="note">{_("Nothing waits for payment.")}</p>'
        table = f"<table><tr>{head}</tr>{lines}</table>" if rows else empty
        asked = "".join(
            f'<p><a href="/wechat/score?token=token-{escape(row.code)}-{escape(row.token)}">'
            f"{_('Pay score: debit me after each charge')}</a></p>"
            for row in book.permissions.values()
            if row.state == "UNBINDUSER"
        )
        return _page(_("Payment sandbox"), f'<p class="note">{_note()}</p>{table}{asked}')


def pay_page(row: TradeRow) -> str:
    """One payment: the amount and the buttons, or how it ended."""
    with override(LANGUAGE):
        body = (
            f"<p>{escape(row.subject)} · {_channel(row)}</p>"
            f'<p class="amount">¥{yuan(row.amount_fen)}</p><p class="note">{escape(row.number)}</p>'
        )
        if row.state == PAID or row.state == CLOSED or row.expired:
            body += f"<p><b>{_state(row)}</b></p>"
        else:
            choices = "".join(
                f'<option value="{key}">{escape(words)}</option>'
                for key, (words, _f) in misbehaviours().items()
            )
            body += (
                f'<form method="post" action="/code/{escape(row.token)}">'
                f'<p><label>{_("Callback")} <select name="fault">{choices}</select></label></p>'
                f'<button class="pay" name="do" value="pay">{_("Pay")}</button>'
                f'<button class="cancel" name="do" value="cancel">{_("Cancel")}</button></form>'
            )
        return _page(
            _("Pay"), f'{body}<p class="note">{_note()}</p><p><a href="/">{_("All payments")}</a></p>'
        )


def permission_page(token: str) -> str:
    """Where a driver lets pay score debit them."""
    with override(LANGUAGE):
        body = (
            f'<form method="post" action="/wechat/score?token={escape(token)}">'
            f'<button class="pay">{_("Allow")}</button></form>'
        )
        return _page(_("Pay score: debit me after each charge"), f'{body}<p class="note">{_note()}</p>')


def refusal_page(code: str, message: str) -> str:
    """What the payer sees when an order cannot be opened."""
    with override(LANGUAGE):
        return _page(
            _("Payment refused"), f"<p><b>{escape(code)}</b></p><p class='note'>{escape(message)}</p>"
        )


def _note() -> str:
    return _("This is a stand-in for tests and demos; no real money moves.")


def _channel(row: TradeRow) -> str:
    return _("WeChat Pay") if row.channel == "wechat" else _("Alipay")


def _state(row: TradeRow) -> str:
    if row.state == PAID:
        return _("Paid")
    if row.state == CLOSED:
        return _("Closed")
    return _("Expired") if row.expired else _("Waiting for payment")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
