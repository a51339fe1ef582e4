"""Writes ``dcmlint/standard/tags.py`` and ``uids.py``: the tags and UIDs that the code imports, by keyword.

A constant for each of the 5,000 keywords would cost a start-up more than reading the tables does, so only those that
some module imports are written.  Nothing but ``dcmlint.standard`` is imported here: the rest needs what is written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from dcmlint import standard  # noqa: E402

FOLDERS = ("dcmlint", "tests", "benchmarks", "tools")
_IMPORT = re.compile(r"^[ \t]*from dcmlint\.standard\.(tags|uids) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_TAGS = '''"""Tags of the data dictionary by keyword (PS3.6 6 and 7), those that the code uses.

Made by ``tools/keywords.py``: import the keyword that you need, then ``make generate``.  A keyword of a repeating group
is the tag of its first group: OverlayData is (6000,3000).
"""
'''
_UIDS = '''"""UIDs of the registry by keyword (PS3.6 Annex A), those that the code uses.

Made by ``tools/keywords.py``: import the keyword that you need, then ``make generate``.
"""
'''


def generated() -> dict[Path, bytes]:
    """Both files with what they must hold; KeyError names a keyword that the standard does not have."""
    wanted: dict[str, set[str]] = {"tags": set(), "uids": set()}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for kind, names in _IMPORT.findall(path.read_text("utf-8")):
                plain = re.sub(r"#[^\n]*", "", names).strip("() \n")
                wanted[kind] |= {one.split()[0] for one in plain.split(",") if one.strip()}
    tables = standard.load()
    uids = {uid.keyword: uid.uid for uid in tables.uids() if uid.keyword}
    tags: dict[str, int] = {}
    for keyword in wanted["tags"]:
        entry = tables.dictionary.by_keyword(keyword)
        if entry is None:
            raise KeyError(f"{keyword} is no keyword of the data dictionary")
        tags[keyword] = entry.tag
    by_tag = sorted(tags, key=lambda keyword: tags[keyword])
    tag_lines = [f"{keyword} = 0x{tags[keyword]:08X}" for keyword in by_tag]
    uid_lines = [f'{keyword} = "{uids[keyword]}"' for keyword in sorted(wanted["uids"])]
    folder_of = ROOT / "dcmlint" / "standard"
    return {
        folder_of / "tags.py": "\n".join([_TAGS, *tag_lines, ""]).encode(),
        folder_of / "uids.py": "\n".join([_UIDS, *uid_lines, ""]).encode(),
    }


def write() -> None:
    """Write the files that differ."""
    for path, data in generated().items():
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


if __name__ == "__main__":
    write()
