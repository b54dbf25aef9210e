"""Every word a person can meet has its Chinese, and what is compiled is what was written."""

import importlib.util
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.embedded_only


def _messages():
    spec = importlib.util.spec_from_file_location("ev_messages", ROOT / "scripts" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


messages = _messages()


def _entries(catalogue) -> dict:
    def plain(text):  # a plural is a list in one reader and a tuple in the other, a context bytes in one
        if isinstance(text, bytes):
            return text.decode()
        return tuple(text) if isinstance(text, list) else text

    return {
        (plain(entry.id), plain(entry.context)): plain(entry.string)
        for entry in catalogue
        if entry.id and all(entry.string)
    }


def test_every_message_has_a_translation_with_the_same_placeholders():
    problems = messages.untranslated()
    assert problems == [], f"{len(problems)} problems; `make messages` adds the msgids to the catalogues"


def test_every_compiled_catalogue_equals_its_source():
    sources = messages.catalogues()
    assert len(sources) >= len(messages.APPS)
    for path in sources:
        with path.with_suffix(".mo").open("rb") as file:
            assert _entries(read_mo(file)) == _entries(messages.read(path)), f"{path}: run `make messages`"
        assert messages.compiled(path) == messages.compiled(path)


def test_a_word_has_one_translation_wherever_it_stands():
    """Django puts all catalogues into one: an app that says a word otherwise changes it on the pages of the others."""
    with translation.override("zh-hans"):
        for path in messages.catalogues():
            for entry in messages.read(path):
                if not entry.id or isinstance(entry.id, tuple | list):
                    continue
                if entry.context:
                    shown = translation.pgettext(entry.context, entry.id)
                else:
                    shown = translation.gettext(entry.id)
                assert shown == entry.string, f"{path}: {entry.id!r} is shown as {shown!r}"


def test_words_of_packages_without_chinese_are_ours():
    with translation.override("zh-hans"):
        assert translation.gettext("Apply Filters") == "筛选"
        assert translation.gettext("This field may not be blank.") == "此项不能为空。"


def test_python_sources_are_read_by_their_syntax():
    source = """
from django.utils.translation import gettext as _, ngettext
a = _("one " "sentence")
b = ngettext("%(n)s pile", "%(n)s piles", 2)
c = pgettext("gun", "lock")
d = _(variable)
e = gettext_noop('it\\'s "quoted"')
f = "_('in a string')"
"""
    found = {(m.text, m.plural, m.context) for m, _line in messages.from_python(source)}
    assert found == {
        ("one sentence", None, None),
        ("%(n)s pile", "%(n)s piles", None),
        ("lock", None, "gun"),
        ('it\'s "quoted"', None, None),
    }


def test_templates_are_read_as_django_reads_them():
    source = """{% load i18n %}
{% trans "Start" %} {% translate 'Stop' as word %} {% translate "May" context "month" %}
{% blocktranslate trimmed with name=pile.name %}
  Pile {{ name }}
  is online
{% endblocktranslate %}
{% blocktranslate count n=piles|length %}{{ n }} pile{% plural %}{{ n }} piles{% endblocktranslate %}
{{ _("Filtered")|upper }} {# {% trans "Comment" %} #}
"""
    found = {(m.text, m.plural, m.context) for m, _line in messages.from_template(source, "x.html")}
    assert found == {
        ("Start", None, None),
        ("Stop", None, None),
        ("May", None, "month"),
        ("Pile %(name)s is online", None, None),
        ("%(n)s pile", "%(n)s piles", None),
        ("Filtered", None, None),
    }


@pytest.mark.parametrize(
    ("text", "translation_", "same"),
    [
        ("%(phone)s is unknown", "%(phone)s 不存在", True),
        ("%(phone)s is unknown", "%(phoen)s 不存在", False),
        ("%(phone)s is unknown", "不存在", False),
        ("{count} left, 5 %% more", "剩余 {count}", True),
        ("{count} left", "剩余", False),
    ],
)
def test_a_translation_that_loses_a_placeholder_is_found(text, translation_, same):
    catalogue = messages.Catalog(locale="zh_Hans")
    catalogue.add(text, translation_)
    assert (list(messages._wrong_placeholders(catalogue)) == []) is same
