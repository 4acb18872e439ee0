#!/usr/bin/env python3
"""Makes one self-contained file of a client and the headers that it includes.

  amalgamate.py CLIENT.cc [FOLDER...] >FILE

Includes in quotes are looked up in each FOLDER and put in place of the line, once each; of the
others the first is kept. Messages name the original files and lines. A slot gets INLINE_CELLS cells instead of the real number: a model checker
counts the read of each as an event, and no client holds more locks.
"""

import os
import re
import sys

INLINE_CELLS = 3
QUOTED = re.compile(r'\s*#\s*include\s+"([^"]+)"')
ANGLED = re.compile(r"\s*#\s*include\s+<([^>]+)>")
CELLS = re.compile(r"(\bkInlineCells = )\d+;")


def find(name, folders):
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    raise SystemExit(f"amalgamate.py: no {name} in {' '.join(folders)}")


def expand(path, folders, seen, out):
    with open(path, encoding="utf-8") as source:
        out.append(f'#line 1 "{path}"\n')
        for number, line in enumerate(source, 1):
            quoted, angled = QUOTED.match(line), ANGLED.match(line)
            if quoted:
                name = quoted.group(1)
                if name not in seen:
                    seen.add(name)
                    expand(find(name, folders), folders, seen, out)
                    out.append(f'#line {number} "{path}"\n')
                out.append("\n")
            elif angled and angled.group(1) in seen:
                out.append("\n")
            else:
                if angled:
                    seen.add(angled.group(1))
                out.append(line)


def main():
    client, folders = sys.argv[1], sys.argv[2:]
    out = [f"// Made by tests/model/amalgamate.py of {os.path.basename(client)}.\n"]
    expand(client, folders, set(), out)
    text, cells = CELLS.subn(rf"\g<1>{INLINE_CELLS};", "".join(out))
    if cells != 1:
        raise SystemExit(f"amalgamate.py: kInlineCells is set {cells} times")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
