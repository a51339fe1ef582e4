"""Whether a slide is stained with hematoxylin and eosin, or for immunohistochemistry, in brightfield."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcmlint import standard
from dcmlint.facts.header.specimen import USING_SUBSTANCE, Code, contents, is_stained
from dcmlint.rules.functions import Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    IlluminationTypeCodeSequence,
    OpticalPathSequence,
    SpecimenDescriptionSequence,
    SpecimenPreparationSequence,
)

# SNOMED CT (PS3.16 CID 8112): what H&E is made of.
_HEMATOXYLIN = frozenset({("12710003", "SCT"), ("75956008", "SCT")})
_EOSIN = frozenset({("36879007", "SCT"), ("83600004", "SCT"), ("1346008", "SCT")})
_IHC_WORDS = re.compile(
    r"\bihc\b|immunohisto|immunoperoxid|immunostain|antibod|diaminobenzidine|\bdab\b|\banti-", re.IGNORECASE
)
_HE_WORDS = re.compile(r"(?i:\bh ?(?:&|and|/|\+) ?e\b|\bhe stain)|\bHE\b")
_STAINS_GROUP = 8112
_CHROMOGENS: frozenset[Code] = frozenset({("62796007", "SCT")})  # 3,3'-diaminobenzidine
_STEPS = "SpecimenDescriptionSequence[0].SpecimenPreparationSequence"
# Words of stains that are neither, also where they hold hematoxylin and eosin.
_OTHER_STAINS = (
    ("Papanicolaou", re.compile(r"papanicolaou|\bpap (?:stain|smear)|orange g\b|light green", re.IGNORECASE)),
    ("trichrome", re.compile(r"trichrome|aniline blue|biebrich|ponceau", re.IGNORECASE)),
    ("immunofluorescence", re.compile(r"fluoresc|\bfitc\b|\bdapi\b|\bcy[357]\b|alexa ?fluor|rhodamine|\btritc\b|hoechst", re.IGNORECASE)),
    ("Giemsa", re.compile(r"giemsa|romanowsky|\bwright", re.IGNORECASE)),
    ("periodic acid-Schiff", re.compile(r"periodic acid|\bpas\b", re.IGNORECASE)),
    ("silver", re.compile(r"\bsilver|methenamine|reticulin|\bgms\b", re.IGNORECASE)),
)  # fmt: skip
_SPECIAL = re.compile(
    r"van gieson|verhoeff|perls|prussian blue|ziehl|neelsen|\bafb\b|oil red|congo red|alcian blue|mucicarmine|luxol|\bgram\b|grocott|"
    r"von kossa|masson|pentachrome|toluidine|cresyl|nissl|warthin|\bjones\b|feulgen|sirius|safranin|\b[fc]?ish\b|in situ hybridi",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:no|not|without|non)[ -]+[\w&]+", re.IGNORECASE)
# Of CID 8123: transmission is what brightfield is too, and everything else is another way of lighting the slide.
_OTHER_LIGHT = {
    ("111742", "DCM"): "reflection", ("111743", "DCM"): "epifluorescence", ("111745", "DCM"): "darkfield", ("111746", "DCM"): "oblique",
    ("111747", "DCM"): "phase contrast", ("111748", "DCM"): "differential interference contrast",
    ("111749", "DCM"): "total internal reflection fluorescence",
}  # fmt: skip


def _other_stain(text: str) -> str:
    """The name of a stain that is neither H&E nor IHC in brightfield, "" where the words name none."""
    named = next((name for name, words in _OTHER_STAINS if words.search(text)), "")
    special = _SPECIAL.search(text) if not named else None
    return special[0].lower() if special is not None else named


def _other_light(context: RuleContext) -> str:
    """How the slide was lit, where that is not brightfield; "" where it is, or nothing says so."""
    for path in context.dataset.items(OpticalPathSequence):
        for code in path.items(IlluminationTypeCodeSequence):
            known = _OTHER_LIGHT.get((code.text(CodeValue), code.text(CodingSchemeDesignator)))
            if known is not None:
                return known
    return ""


@rule_function("stain-he-or-ihc")
def stain_he_or_ihc(context: RuleContext) -> Iterable[Problem]:
    """The staining steps of the specimen preparation name H&E or an immunohistochemical stain, and no other.

    A stain beside hematoxylin and eosin (Papanicolaou, a trichrome) makes it another stain; a fluorescent label is none of
    brightfield, and neither is any illumination but brightfield or plain transmission.

    Undecided where no stain is named, where hematoxylin stands alone (it may be a counterstain), and where a
    substance is in no list of stains (an antibody may be).
    """
    light = _other_light(context)
    if light:
        yield Problem(
            message=f"the slide is not lit as brightfield: {light}",
            path="OpticalPathSequence",
            want="brightfield",
        )
        return
    codes: set[Code] = set()
    words: list[str] = []
    steps = 0
    for specimen in context.dataset.items(SpecimenDescriptionSequence):
        for step in specimen.items(SpecimenPreparationSequence):
            if not is_stained(step):
                continue
            steps += 1
            for one in contents(step):
                if one.name != USING_SUBSTANCE:
                    words.append(one.text)
                    continue
                if one.code[0]:
                    codes.add(one.code)
                    words += [item.text(CodeMeaning) for item in one.item.items(ConceptCodeSequence)]
                words.append(one.text)
    if not steps:
        raise Undecided("no stain is named in the specimen preparation")
    text = "\n".join(words)[:4096]
    text = _NOT.sub("", text)
    other = _other_stain(text)
    if other:
        yield Problem(message=f"the slide is stained otherwise: {other}", path=_STEPS)
        return
    hematoxylin = bool(codes & _HEMATOXYLIN) or "ematoxylin" in text.lower() or "aematoxylin" in text.lower()
    eosin = bool(codes & _EOSIN) or "eosin" in text.lower()
    group = standard.load().context_group(_STAINS_GROUP)
    others = codes - _HEMATOXYLIN - _EOSIN
    ihc = _IHC_WORDS.search(text) is not None
    known_others = [
        code for code in others if group is not None and code in group and code not in _CHROMOGENS
    ]
    if ihc or (((hematoxylin and eosin) or _HE_WORDS.search(text)) and not known_others):
        return
    known = [code for code in others if group is not None and code in group]
    if not known:
        raise Undecided(
            "hematoxylin or eosin alone" if not others else "a substance that is in no list of stains"
        )
    assert group is not None
    names = ", ".join(sorted(group.codes[code] for code in known)[:3])
    yield Problem(message=f"the slide is stained otherwise: {names}", path=_STEPS)
