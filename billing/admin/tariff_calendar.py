"""The year of a tariff as one looks at it: a strip of months, every day in the colour of its profile and a letter."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.pricing import Calendar, DayRule
from billing.pricing.calendar import ANY_DAY, HOLIDAY, RESTDAY, USUAL_DAY, WORKDAY, year_of
from billing.services.calendars import WEEKDAYS


def day_kind_words() -> dict[str, str]:
    """Kinds of day in the reader's language."""
    return {
        ANY_DAY: _("every day"),
        WORKDAY: _("working days"),
        RESTDAY: _("rest days"),
        HOLIDAY: _("holidays"),
    }


def rule_text(rule: DayRule, names: Mapping[str, str]) -> str:
    """A rule in words: «07-01 to 08-31, working days: Summer»."""
    when = _("all year") if (rule.first, rule.last) == ("01-01", "12-31") else f"{rule.first} – {rule.last}"
    parts = [when, day_kind_words()[rule.days]]
    if rule.weekdays:
        parts.append("、".join(str(WEEKDAYS[int(number) - 1]) for number in rule.weekdays))
    return f"{'，'.join(parts)}：{names.get(rule.profile) or _('the usual day')}"


def year_strip(calendar: Calendar, names: Mapping[str, str], year: int) -> SafeString:
    """The year as twelve rows of days. `names` are the names of the profiles; the legend counts the days."""
    codes = [USUAL_DAY, *calendar.profiles]
    css = {code: f"ev-p{index % 7}" for index, code in enumerate(codes)}
    words = {code: names.get(code) or (_("the usual day") if code == USUAL_DAY else code) for code in codes}
    days = year_of(calendar, year)
    months: dict[int, list[tuple[date, str]]] = {}
    for day, code in days:
        months.setdefault(day.month, []).append((day, code))
    rows = format_html_join(
        "",
        "<tr><th>{}</th>{}</tr>",
        (
            (
                month,
                format_html_join(
                    "",
                    '<td class="{}{}" title="{} {}">{}</td>',
                    (
                        (
                            css[code],
                            " ev-special" if day.isoformat() in calendar.special else "",
                            day.isoformat(),
                            words[code],
                            "" if code == USUAL_DAY else words[code][:1],
                        )
                        for day, code in found
                    ),
                ),
            )
            for month, found in months.items()
        ),
    )
    counted = Counter(code for _day, code in days)
    legend = format_html_join(
        " ",
        '<span class="ev-legend"><i class="{}"></i>{} {}</span>',
        (
            (css[code], words[code], _("%(count)d days") % {"count": counted[code]})
            for code in codes
            if counted[code]
        ),
    )
    return format_html(
        '<div class="ev-scroll"><table class="ev-year" aria-label="{}">{}</table></div><p class="ev-sub">{} {}</p>',
        year,
        rows,
        legend,
        _("framed: a holiday or a worked weekend day"),
    )


def names_of(days: Any) -> dict[str, str]:
    """{code: name} of profiles or days."""
    return {day.code: day.name or day.code for day in days}
