"""What the project claims and which tests prove it.

`docs/features.csv` (id, capability) and `docs/promises.md` are claims; tests carry `@pytest.mark.feature("…")`
and `@pytest.mark.promise(n)`. `write` renders the tables between the markers of `docs/features.md` and
`docs/promises.md`; `check` names claims without a test, marks without a claim, and stale tables.
"""

import ast
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEATURES_CSV = ROOT / "docs" / "features.csv"
FEATURES_MD = ROOT / "docs" / "features.md"
PROMISES_MD = ROOT / "docs" / "promises.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def marks(root: Path = ROOT) -> dict[tuple[str, str], list[str]]:
    """{("feature"|"promise", id): test names} as written in the tests' decorators and `pytestmark`."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(root).as_posix()
        for node in tree.body:
            for mark, test in _marks_of(node):
                found[mark].append(f"{name}::{test}" if test else name)
    return found


def _marks_of(node: ast.stmt) -> Iterator[tuple[tuple[str, str], str]]:
    if isinstance(node, ast.Assign) and any(
        isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
    ):
        for mark in _mark_calls(node.value):
            yield mark, ""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            for mark in _mark_calls(decorator):
                yield mark, node.name
    if isinstance(node, ast.ClassDef):
        for child in node.body:
            for mark, test in _marks_of(child):
                yield mark, f"{node.name}::{test}" if test else node.name


def _mark_calls(expression: ast.expr) -> Iterator[tuple[str, str]]:
    for call in ast.walk(expression):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ("feature", "promise")
            and isinstance(call.func.value, ast.Attribute)
            and call.func.value.attr == "mark"
        ):
            for argument in call.args:
                yield call.func.attr, str(ast.literal_eval(argument))


def claimed_features() -> dict[str, str]:
    with FEATURES_CSV.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["capability"] for row in csv.DictReader(file)}


def claimed_promises() -> dict[str, str]:
    """{number: sentence} of the numbered list in docs/promises.md."""
    lines = re.findall(
        r"^(\d+)\. (.+)$", PROMISES_MD.read_text(encoding="utf-8").split(BEGIN)[0], re.MULTILINE
    )
    return dict(lines)


def tables() -> dict[Path, str]:
    """The generated part of each document."""
    proofs = marks()
    features = ["| id | capability | proved by |", "|---|---|---|"]
    for key, capability in claimed_features().items():
        features.append(f"| {key} | {capability} | {_links(proofs[('feature', key)])} |")
    promises = ["| promise | proved by |", "|---|---|"]
    promises += [f"| {number} | {_links(proofs[('promise', number)])} |" for number in claimed_promises()]
    return {FEATURES_MD: "\n".join(features), PROMISES_MD: "\n".join(promises)}


def _links(tests: list[str]) -> str:
    return "<br>".join(f"`{test}`" for test in dict.fromkeys(tests)) or "—"


def problems() -> list[str]:
    """One sentence per claim that does not hold together; empty when all do."""
    proofs = marks()
    claims = {"feature": claimed_features(), "promise": claimed_promises()}
    found = [
        f"feature {key} is claimed but no test carries it"
        for key in claims["feature"]
        if not proofs[("feature", key)]
    ]
    found += [
        f"{test} carries {kind} {key}, which docs do not claim"
        for (kind, key), tests in proofs.items()
        for test in tests
        if key not in claims[kind]
    ]
    for path, table in tables().items():
        if table not in path.read_text(encoding="utf-8"):
            found.append(f"{path.relative_to(ROOT)} is stale: run scripts/claims.py write")
    return found


def write() -> None:
    for path, table in tables().items():
        text = path.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        path.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    if sys.argv[1:] == ["write"]:
        write()
    elif sys.argv[1:] == ["check"]:
        found = problems()
        print("\n".join(found) or "every claim has its test")
        sys.exit(bool(found))
    else:
        sys.exit("use: scripts/claims.py write|check")


if __name__ == "__main__":
    main()
