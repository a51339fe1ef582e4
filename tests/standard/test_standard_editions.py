"""Which tables are in use, and what of them an instance of a certain day is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from support import general, slides

from dcmlint import Checker, UsageError, standard
from dcmlint.standard.ages import published, stands_in, stood_at
from dcmlint.standard.container import Container, pack
from dcmlint.standard.tables import Row

_SHIPPED = Path(standard.__file__).parent / "data" / "2025e.bin"


def _row(since: str = "", until: str = "") -> Row:
    return Row(0x00080060, "Modality", "1", since=since, until=until)


@pytest.mark.parametrize(
    ("since", "until", "day", "stands"),
    [
        ("", "", "19990101", True),
        ("2020c", "", "20200630", False),
        ("2020c", "", "20200701", True),
        ("2020c", "", "", True),
        ("", "2019e", "20191231", True),
        ("", "2019e", "20200201", False),
        ("", "2019e", "", False),
    ],
)
def test_a_row_stood_at_a_day(since: str, until: str, day: str, stands: bool) -> None:
    assert stood_at(_row(since, until), day) is stands


def test_an_edition_has_a_row() -> None:
    assert not stands_in(_row("2020c"), "2020b")
    assert stands_in(_row("2020c"), "2020c")
    assert stands_in(_row(until="2019e"), "2019e")
    assert not stands_in(_row(until="2019e"), "2020a")


def test_a_word_that_is_no_edition() -> None:
    with pytest.raises(ValueError, match="not an edition"):
        published("2020")


def _edited(folder: Path, name: str, change: dict[str, object]) -> Path:
    """The shipped tables with one row of the General Study Module (PS3.3 C.7.2.1) changed, as edition ``name``."""
    container = Container(_SHIPPED.read_bytes())
    content = {
        section: container.read(section, object)
        for section in ("core", "dictionary", "uids", "codes", "confidentiality")
    }
    core = dict(content["core"])  # type: ignore[call-overload]
    table = standard.load().table("C.7-3")
    rows = tuple(
        msgspec.structs.replace(row, **change) if getattr(row, "keyword", "") == "StudyID" else row  # type: ignore[arg-type]
        for row in table.rows
    )
    core["tables"] = {**core["tables"], "C.7-3": msgspec.structs.replace(table, rows=rows)}
    path = folder / f"{name}.bin"
    path.write_bytes(pack(name, {**content, "core": core}))
    return path


def _missing(found: object) -> set[str]:
    return {one.path for one in found.findings if one.rule == "MOD003"}  # type: ignore[attr-defined]


def _image(date: str) -> bytes:
    made = general.ct()
    for keyword in [one.keyword for one in made if one.VR == "DA" or one.keyword == "AcquisitionDateTime"]:
        setattr(made, keyword, date)
    del made.StudyID
    return slides.to_bytes(made)


def test_rows_newer_than_the_content_are_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = standard.open_edition(str(_edited(tmp_path, "2026a", {"since": "2020c"})))
    newer.asked = False
    checker = Checker("dicom")
    assert "StudyID" in _missing(checker.check(_image("20150101")))
    monkeypatch.setattr(checker._checker, "tables", newer)
    assert "StudyID" not in _missing(checker.check(_image("20150101")))
    assert "StudyID" in _missing(checker.check(_image("20240101")))


def test_an_edition_that_is_asked_for_is_asked_for_whatever_the_date(tmp_path: Path) -> None:
    checker = Checker("dicom", edition=str(_edited(tmp_path, "2026a", {"since": "2020c"})))
    found = checker.check(_image("20150101"))
    assert "StudyID" in _missing(found)
    assert found.edition == "2026a"


def test_two_editions_at_once_keep_apart(tmp_path: Path) -> None:
    shipped, other = (
        Checker("dicom"),
        Checker("dicom", edition=str(_edited(tmp_path, "2026b", {"type": "3"}))),
    )
    assert "StudyID" not in _missing(other.check(_image("20240101")))
    assert "StudyID" in _missing(shipped.check(_image("20240101")))
    assert "StudyID" not in _missing(other.check(_image("20240101")))
    assert standard.load().edition == "2025e"


def test_two_editions_in_two_threads_keep_apart(tmp_path: Path) -> None:
    other = Checker("dicom", edition=str(_edited(tmp_path, "2026c", {"type": "3"})))
    image, start = _image("20240101"), Barrier(2)

    def missing(checker: Checker) -> set[bool]:
        start.wait(30)
        return {"StudyID" in _missing(checker.check(image)) for _ in range(20)}

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(missing, (Checker("dicom"), other)))
    assert found == [{True}, {False}]


def test_a_profile_chooses_its_edition(tmp_path: Path) -> None:
    tables = _edited(tmp_path, "2026c", {"type": "3"})
    profile = tmp_path / "ours.yaml"
    profile.write_text(f'id: ours\nversion: "1"\ntitle: Ours\nextends: [dicom]\nedition: {tables}\n')
    found = Checker(str(profile)).check(_image("20240101"))
    assert (found.edition, "StudyID" in _missing(found)) == ("2026c", False)


@pytest.mark.parametrize("edition", ["2019a", "nothing.bin"])
def test_an_edition_that_is_not_there(edition: str) -> None:
    with pytest.raises(UsageError, match=r"2025e|cannot read"):
        Checker("dicom", edition=edition)
