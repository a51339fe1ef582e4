"""Reports of ultrasound and breast imaging as their templates have them (PS3.16 TID 5000, 5100, 5200, 5220, 4200)."""

from __future__ import annotations

from pydicom.dataset import Dataset, FileDataset

from .reports import code, coded, content, number, report

COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
SITE = ("363698007", "SCT")


def _observer() -> tuple[Dataset, Dataset]:
    return (
        coded("HAS OBS CONTEXT", code("121005"), code("121006")),
        content("HAS OBS CONTEXT", "PNAME", code("121008"), PersonName="Doe^Jane"),
    )


def _fetus() -> Dataset:
    return content("HAS OBS CONTEXT", "TEXT", code("11951-1", "LN"), TextValue="A")


def _section(name: Dataset, *below: Dataset) -> Dataset:
    return content("CONTAINS", "CONTAINER", name, *below)


def _findings(site: str, *below: Dataset, former: bool = False) -> Dataset:
    name = code("121070") if former else code("59776-5", "LN")
    return _section(name, coded("HAS CONCEPT MOD", code(*SITE), code(site, "SCT")), *below)


def echocardiography(former: bool = False) -> FileDataset:
    """An adult echocardiography report (TID 5200): the left ventricle, wall motion. ``former``: sections by codes of DCM."""
    wall = _findings(
        "87878005",
        coded("CONTAINS", code("18179-2", "LN"), code("264846000", "SCT"),
              coded("HAS PROPERTIES", code("60797005", "SCT"), code("17621005", "SCT"))),
    )  # fmt: skip
    motion = _section(
        code("121070") if former else code("59776-5", "LN"),
        coded("HAS CONCEPT MOD", code("121058"), code("433231002", "SCT")),
        number("CONTAINS", code("125202"), "1.2", "1",
               coded("HAS CONCEPT MOD", code("273249006", "SCT"), code("125206"))),
        wall,
    )  # fmt: skip
    group = _section(
        code("125007"),
        coded("HAS CONCEPT MOD", code("399264008", "SCT"), code("399064001", "SCT")),
        number("CONTAINS", code("29436-3", "LN"), "4.8", "cm",
               coded("HAS CONCEPT MOD", code("272518008", "SCT"), code("F-32011", "SRT"))),
    )  # fmt: skip
    return report(
        COMPREHENSIVE, "5200", code("125200"), *_observer(),
        _section(code("121118"),
                 number("CONTAINS", code("8867-4", "LN"), "62", "{H.B.}/min"),
                 number("CONTAINS", code("8277-6", "LN"), "1.9", "m2")),
        _findings("87878005", group, former=former),
        motion,
    )  # fmt: skip


def vascular() -> FileDataset:
    """A vascular ultrasound report (TID 5100) of one carotid artery."""
    group = _section(code("69105007", "SCT"), number("CONTAINS", code("11653-3", "LN"), "90", "cm/s"))
    return report(
        COMPREHENSIVE, "5100", code("36440-4", "LN"), *_observer(),
        _findings("69105007", coded("HAS CONCEPT MOD", code("272741003", "SCT"), code("7771000", "SCT")), group),
    )  # fmt: skip


def obstetrics() -> FileDataset:
    """An OB-GYN ultrasound report (TID 5000): biometry, biophysical profile, amniotic sac, an ovary, follicles counted."""
    biometry = _section(
        code("125005"),
        number("CONTAINS", code("11820-8", "LN"), "4.9", "cm"),
        number("CONTAINS", code("18185-9", "LN"), "147", "d"),
    )
    volumes = _section(
        code("130901"),
        number("CONTAINS", code("130904"), "1", "mm3"), number("CONTAINS", code("130905"), "2", "mm3"),
        number("CONTAINS", code("130906"), "3", "1"),
    )  # fmt: skip
    left = coded("HAS CONCEPT MOD", code("272741003", "SCT"), code("7771000", "SCT"))
    return report(
        COMPREHENSIVE, "5000", code("11525-3", "LN"), *_observer(),
        _section(code("125002"), _fetus(), biometry),
        _section(code("125006"), _fetus(), number("CONTAINS", code("11631-9", "LN"), "2", "{0:2}")),
        _findings("70847004", number("CONTAINS", code("11627-7", "LN"), "12", "cm")),
        _findings("15497006", _section(code("15497006", "SCT"), number("CONTAINS", code("11840-6", "LN"), "3", "cm"))),
        _findings("24162005", left, volumes),
    )  # fmt: skip


def congenital() -> FileDataset:
    """A pediatric cardiac ultrasound report (TID 5220) with its patient, a summary and one section."""
    patient = _section(
        code("121118"),
        number("CONTAINS", code("121033"), "4", "a"),
        coded("CONTAINS", code("121032"), code("M")),
        number("CONTAINS", code("8302-2", "LN"), "101", "cm"),
        number("CONTAINS", code("29463-7", "LN"), "16", "kg"),
    )
    group = _section(code("125007"), number("CONTAINS", code("29436-3", "LN"), "2.8", "cm"))
    return report(
        COMPREHENSIVE, "5220", code("125196"), *_observer(), patient,
        _section(code("55112-7", "LN"), content("CONTAINS", "TEXT", code("121071"), TextValue="normal")),
        _findings("87878005", group),
    )  # fmt: skip


def breast() -> FileDataset:
    """A breast imaging report (TID 4200): narrative, composition, one finding, assessment."""
    both = coded("HAS CONCEPT MOD", code("272741003", "SCT"), code("63762007", "SCT"))
    procedure = coded("CONTAINS", code("121058"), code("24623002", "SCT"), both)
    assessment = coded("HAS PROPERTIES", code("111005"), code("111171"))
    finding = _section(
        code("121070"), procedure, coded("CONTAINS", code("121071"), code("129770000", "SCT"), assessment)
    )
    return report(
        "1.2.840.10008.5.1.4.1.1.88.22", "4200", code("111400"),
        coded("HAS CONCEPT MOD", code("121049"), code("en-US", "RFC5646")),
        *_observer(),
        _section(code("111412"), _section(code("55114-3", "LN"), content("CONTAINS", "TEXT", code("111509"), TextValue="x"))),
        _section(code("111414"), procedure,
                 _section(code("129715009", "SCT"),
                          coded("CONTAINS", code("129715009", "SCT"), code("129716005", "SCT"), both)),
                 finding,
                 _section(code("111413"), coded("CONTAINS", code("111005"), code("111171")))),
    )  # fmt: skip
