#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rows of the rulebook, and what its source keys mean, as C tables.

usage: rules.py OUTPUT.c RULES.md...
"""
import re
import sys

ROW = re.compile(r"^\|\s*([A-Z]{2,4}-\d+)\s*\|(.*)\|\s*$")
CELL = re.compile(r"(?<!\\)\|")
KEYS_FOLLOW = re.compile(r"^\|\s*key\s*\|")
# "... (D-02 D-05)": the rows of authenticated-channel.md that rest on a decision of its section 12.
DECIDED = re.compile(r"\(D-\d+( D-\d+)*\)( \(review\))?$")
FAMILIES = ("CS", "BLT", "CAP", "DEC", "AC")


def plain(cell):
    """Without Markdown's marks for emphasis and code."""
    return re.sub(r"\s+", " ", cell.replace("**", "").replace("`", "").replace("\\|", "|")).strip()


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '"'


def basis(rule, observable):
    if rule.lstrip().startswith("**decision**") or DECIDED.search(rule):
        return "CF_RULE_DECISION"
    return "CF_RULE_PARTLY" if "**decision**" in rule + observable else "CF_RULE_PAGE"


def rows(paths):
    seen = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                match = ROW.match(line)
                if not match:
                    continue
                identity, cells = match.group(1), [cell.strip() for cell in CELL.split(match.group(2))]
                if len(cells) != 3:
                    sys.exit(f"{path}:{number}: {identity} has {len(cells) + 1} cells, not 4")
                if identity.split("-")[0] not in FAMILIES:
                    sys.exit(f"{path}:{number}: {identity} is of no family that is known here")
                if identity in seen:
                    sys.exit(f"{path}:{number}: {identity} stands in {seen[identity]} too")
                seen[identity] = f"{path}:{number}"
                yield identity, *cells


def sources(paths):
    """The table of keys at the top of a file; a row may have several keys, and several meanings to match."""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            lines = iter(file)
            if not any(KEYS_FOLLOW.match(line) for line in lines):
                continue
            next(lines)
            for line in lines:
                if not line.startswith("|"):
                    return
                keys, meaning = (plain(cell) for cell in CELL.split(line.strip().strip("|")))
                for key in keys.split(" / "):
                    yield key, meaning


def sort_key(row):
    family, number = row[0].split("-")
    return FAMILIES.index(family), int(number)


def main():
    table = sorted(rows(sys.argv[2:]), key=sort_key)
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write('/* Made by rules.py from docs/rules. */\n#include "conform/rules.h"\n\n')
        out.write("const struct cf_rule cf_rules[] = {\n")
        for identity, rule, observable, source in table:
            texts = ", ".join(literal(plain(cell)) for cell in (rule, observable, source))
            out.write(f'\t{{ "{identity}", {texts}, {basis(rule, observable)} }},\n')
        out.write("};\n\nconst struct cf_source cf_sources[] = {\n")
        for key, meaning in sources(sys.argv[2:]):
            out.write(f"\t{{ {literal(key)}, {literal(meaning)} }},\n")
        out.write("\t{ 0 },\n")
        out.write("};\n\nconst size_t cf_rule_count = sizeof(cf_rules) / sizeof(cf_rules[0]);\n")


if __name__ == "__main__":
    main()
