# SPDX-License-Identifier: MIT
"""Reads what is promised (docs/security.md) and how it is switched off (tests/security/off), and checks that they match."""
import dataclasses
import pathlib
import re
import tomllib

ROW = re.compile(r"^\| (SEC-\d\d) \|.*\| ([^|]*) \|$", re.MULTILINE)
# A test that is a folder.
FOLDERS = ("timing",)
MODES = ("-wire", "-libcrypto")


@dataclasses.dataclass
class Off:
    """One way to switch a promise's protection off. edits: file, what stands in it, what is to stand there."""

    promise: str
    why: str
    edits: list
    test: str
    case: str
    where: str

    def __str__(self):
        return f"{self.promise}: {self.why}"


def read_promises(top):
    """ID -> names of its tests. In the table "fuzz x" stands for fuzz/x, and what is in brackets is for the reader."""
    found = {}
    for promise, tests in ROW.findall((top / "docs/security.md").read_text()):
        names = [re.sub(r"\(.*?\)", "", name).strip().replace("fuzz ", "fuzz/") for name in tests.split(",")]
        found[promise] = names
    return found


def read_entries(top):
    """All of tests/security/off, in order of their promises. What is wrong with an entry raises ValueError."""
    entries = []
    for path in sorted((top / "tests/security/off").glob("*.toml")):
        try:
            table = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path.name}: {error}") from None
        for number, one in enumerate(table.get("off", []), 1):
            entries.append(read_entry(f"{path.name}, entry {number}", one))
    return sorted(entries, key=lambda e: e.promise)


def read_entry(where, one):
    needed = {"promise", "why", "file", "find", "put", "test", "case"}
    if set(one) - {"also"} != needed:
        raise ValueError(f"{where}: needs {', '.join(sorted(needed))}; it has {', '.join(sorted(one))}")
    parts = [one, *one.get("also", [])]
    test = one["test"].replace(" wire", "-wire")
    return Off(one["promise"], one["why"], [(p["file"], p["find"], p["put"]) for p in parts], test, one["case"], where)


def source_of(test):
    """unit/test_x of unit/test_x-wire: what a test is made from."""
    for mode in MODES:
        test = test.removesuffix(mode)
    return test


def files_of(top, test):
    """The files of the tree in which a test's cases and IDs stand; none if there is no such test."""
    kind, _, name = source_of(test).partition("/")
    if kind in FOLDERS:
        return [p for p in sorted((top / "tests" / kind).glob("*")) if p.is_file()]
    path = {"unit": f"unit/{name}.c", "system": f"system/{name}", "fuzz": f"fuzz/fuzz_{name}.c"}.get(kind)
    return [p for p in ([top / "tests" / path] if path else []) if p.is_file()]


def text_of(top, test):
    return "\n".join(p.read_text(errors="replace") for p in files_of(top, test))


# ---- checks -------------------------------------------------------------------------------------------------------


def check_promises(top, promises, entries):
    if not promises:
        yield "docs/security.md promises nothing"
    for promise, tests in promises.items():
        for test in tests:
            if not files_of(top, test):
                yield f"{promise}: there is no test {test}"
            elif not re.search(rf"\b{promise}\b", text_of(top, test)):
                yield f"{promise}: {test} does not name it"
        if not any(e.promise == promise for e in entries):
            yield f"{promise}: nothing in tests/security/off switches it off"


def check_edit(top, file, find, put):
    path = top / file
    if not path.is_file():
        yield f"there is no file {file}"
        return
    count = path.read_text().count(find) if find else 0
    if count != 1:
        yield f"what it looks for stands in {file} {count} times: {find.strip()!r:.80}"
    if find == put:
        yield "it changes nothing"


def check_entry(top, promises, entry):
    if entry.promise not in promises:
        yield "docs/security.md has no such promise"
    elif source_of(entry.test) not in map(source_of, promises[entry.promise]):
        yield f"docs/security.md does not name the test {entry.test}"
    if not files_of(top, entry.test):
        yield f"there is no test {entry.test}"
    elif entry.case not in text_of(top, entry.test):
        yield f"{entry.test} has no case {entry.case}"
    for edit in entry.edits:
        yield from check_edit(top, *edit)


def check(top):
    """What is wrong, a line each."""
    try:
        promises, entries = read_promises(top), read_entries(top)
    except (OSError, ValueError) as error:
        return [str(error)]
    wrong = list(check_promises(top, promises, entries))
    for entry in entries:
        wrong += [f"{entry.where} ({entry}): {what}" for what in check_entry(top, promises, entry)]
    return wrong
