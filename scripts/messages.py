#!/usr/bin/env python3
"""Message catalogues without the gettext tools: what is to be translated, what is not yet, and the compiled files.

`update` adds missing msgids to the Chinese catalogues, `check` lists what lacks a translation or has one with
other placeholders, `compile` writes every `.mo`. Python is read by its syntax tree, templates through Django's own
`templatize`. Each app has its catalogue; the project's `locale/` also covers the packages that ship no Chinese.
"""

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "zh_Hans"
APPS = (
    "kernel",
    "users",
    "stations",
    "devices",
    "marketing",
    "billing",
    "alerts",
    "analytics",
    "ev_platform",
)

# name of the function -> positions of (singular, plural, context)
FUNCTIONS: dict[str, tuple[int, int | None, int | None]] = {
    "_": (0, None, None),
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
}
_LITERAL = r"""u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_CALL = re.compile(rf"\b(_|gettext|ngettext|pgettext|npgettext)\(\s*({_LITERAL}(?:\s*,\s*{_LITERAL})*)")
_UNFOLD_PARTS = ("filters", "forms", "inlines")  # the optional parts of unfold that are installed
# Packages without a Chinese catalogue, and of each the files whose words a person here can meet.
THIRD_PARTIES: dict[str, tuple[str, ...]] = {
    "unfold": tuple(
        f"{folder}*.{kind}"
        for folder in (
            "",
            "mixins/",
            "templatetags/",
            *map("templates/{}/**/".format, ("admin", "registration", "unfold")),
            *map("contrib/{}/**/".format, _UNFOLD_PARTS),
        )
        for kind in ("py", "html")
        if not (kind == "py" and folder.startswith("templates/"))
    ),
    "rest_framework": (
        "exceptions.py",
        "fields.py",
        "relations.py",
        "serializers.py",
        "validators.py",
        "pagination.py",
    ),
    "django_filters": ("fields.py",),
}
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
_HEADER = """msgid ""
msgstr ""
"Language: zh_Hans\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
_PLACEHOLDER = re.compile(r"%\((\w+)\)[#0\- +]*[\d.]*[a-z]|%[sd]|\{(\w*)\}")


@dataclass(frozen=True)
class Message:
    """One string to translate: `text` (singular), `plural` and `context` where it has them."""

    text: str
    plural: str | None = None
    context: str | None = None

    @property
    def key(self) -> str | tuple[str, str]:
        return (self.text, self.plural) if self.plural else self.text


def from_python(source: str) -> Iterator[tuple[Message, int]]:
    """Messages of a Python source with their lines; only literal arguments count."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in FUNCTIONS:
            continue
        places = FUNCTIONS[name]
        values = [_literal(node.args, place) for place in places]
        if values[0] and all(value for value, place in zip(values, places, strict=True) if place is not None):
            yield Message(*values), node.lineno


def _literal(arguments: list[ast.expr], place: int | None) -> str | None:
    if place is None or place >= len(arguments):
        return None
    value = arguments[place]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def from_template(source: str, origin: str) -> Iterator[tuple[Message, int]]:
    """Messages of a Django template with their lines."""
    text = templatize(source, origin=origin)
    for call in _CALL.finditer(text):
        values = ast.literal_eval(f"({call[2]},)")
        places = FUNCTIONS[call[1]]
        if len(values) <= max(place for place in places if place is not None):
            continue
        singular, plural, context = (None if place is None else values[place] for place in places)
        if singular:
            yield Message(singular, plural, context), text.count("\n", 0, call.start()) + 1


def messages_under(
    folder: Path, patterns: tuple[str, ...] = ("**/*.py", "**/*.html", "**/*.txt")
) -> dict[Message, str]:
    """Every message of the files with the first place it stands at."""
    found: dict[Message, str] = {}
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if {"migrations", "tests", "static", "node_modules"} & set(path.relative_to(folder).parts):
                continue
            source = path.read_text(encoding="utf-8")
            pairs = from_python(source) if path.suffix == ".py" else from_template(source, str(path))
            place = path.relative_to(folder.parent).as_posix()
            for message, line in pairs:
                found.setdefault(message, f"{place}:{line}")
    return found


def third_party_messages() -> dict[Message, str]:
    """What the installed packages say and Django's own Chinese catalogue does not cover."""
    from importlib.util import find_spec

    known: set = set()
    for po in Path(django.__file__).parent.glob(f"**/locale/{LANGUAGE}/LC_MESSAGES/django.po"):
        known |= _translated(read(po))
    found: dict[Message, str] = {}
    for package, patterns in THIRD_PARTIES.items():
        folder = Path(next(iter(find_spec(package).submodule_search_locations)))
        own = folder / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
        covered = known | (_translated(read(own)) if own.exists() else set())
        for message, place in messages_under(folder, patterns).items():
            if (message.key, message.context) not in covered:
                found.setdefault(message, place)
    return found


def _translated(catalogue: Catalog) -> set:
    """The (msgid, context) pairs that have a translation."""
    done = set()
    for entry in catalogue:
        strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if entry.id and all(strings) and not entry.fuzzy:
            done.add((tuple(entry.id) if isinstance(entry.id, tuple | list) else entry.id, entry.context))
            if isinstance(entry.id, tuple | list):
                done.add((entry.id[0], entry.context))
    return done


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


@dataclass(frozen=True)
class Room:
    """A catalogue and the messages it is to hold."""

    name: str
    path: Path
    messages: dict[Message, str]

    def catalogue(self) -> Catalog:
        if self.path.exists():
            return read(self.path)
        return Catalog(locale=LANGUAGE, header_comment="", fuzzy=False)


def rooms() -> list[Room]:
    """The catalogue of every app and the project's own."""
    found = [
        Room(app, ROOT / app / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po", messages_under(ROOT / app))
        for app in APPS
    ]
    project = messages_under(ROOT / "templates") | third_party_messages()
    found.append(Room("project", ROOT / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po", project))
    return found


def untranslated() -> list[str]:
    """Problems, one line each: messages without a translation, translations with other placeholders."""
    everything = rooms()
    done: set = set()
    problems: list[str] = []
    for room in everything:
        catalogue = room.catalogue()
        done |= _translated(catalogue)
        problems += [f"{room.name}: {line}" for line in _wrong_placeholders(catalogue)]
    for room in everything:
        for message, place in sorted(room.messages.items(), key=lambda pair: pair[1]):
            if (message.key, message.context) not in done:
                problems.append(f"{room.name}: no translation of {message.text!r} ({place})")
    return problems


def _wrong_placeholders(catalogue: Catalog) -> Iterator[str]:
    for entry in catalogue:
        texts = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if not entry.id or not all(strings):
            continue
        wanted = set().union(*(_placeholders(text) for text in texts))
        for string in strings:
            if _placeholders(string) - wanted or _placeholders(texts[-1]) - _placeholders(string):
                yield f"placeholders of {texts[0]!r} and its translation differ"


def _placeholders(text: str) -> set[str]:
    return {match.group(0) for match in _PLACEHOLDER.finditer(text.replace("%%", ""))}


def update() -> int:
    """Add what is missing to each catalogue, with an empty translation; returns how many."""
    everything = rooms()
    known = {
        (tuple(entry.id) if isinstance(entry.id, tuple | list) else entry.id, entry.context)
        for room in everything
        for entry in room.catalogue()
        if entry.id
    }
    added = 0
    for room in everything:
        catalogue, changed = room.catalogue(), False
        for message, place in sorted(room.messages.items(), key=lambda pair: pair[1]):
            if (message.key, message.context) in known:
                continue
            known.add((message.key, message.context))
            file, _, line = place.rpartition(":")
            catalogue.add(
                message.key,
                context=message.context,
                locations=[(file, int(line))] if room.name == "project" else [],
                flags=["python-format"] if "%(" in message.text or "%s" in message.text else [],
            )
            added, changed = added + 1, True
        if changed:
            save(room.path, catalogue)
    return added


def save(path: Path, catalogue: Catalog) -> None:
    """Write a `.po` with a header that does not change from run to run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, omit_header=True, include_lineno=False)
    path.write_bytes(_HEADER.encode() + buffer.getvalue().strip() + b"\n")


def compiled(path: Path) -> bytes:
    """The bytes of the `.mo` that belongs to a `.po`; the same for the same `.po`."""
    catalogue = read(path)
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def catalogues() -> list[Path]:
    """Every `.po` of the project."""
    return sorted([*ROOT.glob("*/locale/*/LC_MESSAGES/*.po"), *ROOT.glob("locale/*/LC_MESSAGES/*.po")])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["check", "update", "compile"])
    action = parser.parse_args().action
    if not settings.configured:
        settings.configure()  # templatize reads the language settings
    if action == "update":
        sys.stdout.write(f"{update()} msgids added\n")
    elif action == "compile":
        for path in catalogues():
            path.with_suffix(".mo").write_bytes(compiled(path))
        sys.stdout.write(f"{len(catalogues())} catalogues compiled\n")
    else:
        problems = untranslated()
        sys.stdout.write("".join(f"{problem}\n" for problem in problems))
        if problems:
            sys.stderr.write(f"{len(problems)} messages need a translation\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
