"""Chinese text as the phonemes that the Kokoro model knows.

The spelling is the one its Mandarin voices were trained with (misaki 0.9.4, ``ZHG2P`` of hexgrad): an IPA-like sign or two
for the initial, the final with the tone's arrow behind its vowel, no tone sandhi.
"""

from __future__ import annotations

import re

from pypinyin import Style, lazy_pinyin


def _table(rows: str) -> dict[str, str]:
    return dict(row.split("=") for row in rows.split())


INITIALS = _table("b=p p=pʰ m=m f=f d=t t=tʰ n=n l=l g=k k=kʰ h=x j=ʨ q=ʨʰ x=ɕ zh=ꭧ ch=ꭧʰ sh=ʂ r=ɻ z=ʦ c=ʦʰ s=s") | {
    "": ""
}
# The tone stands behind the vowel, and a nasal behind the tone.
FINALS = _table(
    "a=a ai=ai an=an ang=aŋ ao=au e=ɤ ei=ei en=ən eng=əŋ i=i ia=ja ian=jɛn iang=jaŋ iao=jau ie=je in=in ing=iŋ iong=jʊŋ iu=jou "
    "ong=ʊŋ ou=ou u=u ua=wa uai=wai uan=wan uang=waŋ ueng=wəŋ ui=wei un=wən uo=wo v=y van=ɥɛn ve=ɥe vn=yn er=ɚ o=wo"
)
APICAL = "ɨ"  # the vowel of zhi, chi, shi, ri, zi, ci, si
ALONE = _table("o=ɔ io=jɔ ê=ɛ m=m n=n ng=ŋ hm=hm hng=hŋ")
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
NASALS = "nŋ"
LETTERS = _table(
    "A=ˈA B=bˈi C=sˈi D=dˈi E=ˈi F=ˈɛf G=ʤˈi H=ˈAʧ I=ˈI J=ʤˈA K=kˈA L=ˈɛl M=ˈɛm N=ˈɛn O=ˈO P=pˈi Q=kjˈu R=ˈɑɹ S=ˈɛs T=tˈi U=jˈu "
    "V=vˈi W=dˈʌbᵊlju X=ˈɛks Y=wˈI Z=zˈi"
)
PAUSES = {sign: f"{as_model} " for sign, as_model in zip("，、,；：。！？?!", ",,,;:.!??!", strict=True)}
_PARTS = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z]|[，、,；：。！？?!]")
_SYLLABLE = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcs]?)(.+)")
_ZERO = _table("yu=v yue=ve yuan=van yun=vn yi=i yin=in ying=ing you=iu wu=u wei=ui wen=un weng=ueng yo=o")


def phonemes(text: str) -> str:
    """The signs of a text without digits (``clauses`` writes them out); what cannot be spoken is left out."""
    said: list[str] = []
    for part in _PARTS.findall(text):
        if part in PAUSES:
            if said:
                said[-1] = said[-1].rstrip() + PAUSES[part]
        elif part.upper() in LETTERS:
            said.append(LETTERS[part.upper()] + " ")
        else:
            said.append("".join(map(syllable, _pinyin(part))) + " ")
    return "".join(said).strip()


def syllable(pinyin: str) -> str:
    """The signs of a syllable with its tone's number behind it, as ``zhong1``; "" for what is none."""
    plain, tone = pinyin[:-1], TONES.get(pinyin[-1:])
    if tone is None or not plain:
        return ""
    if plain in ALONE:
        return ALONE[plain] + tone
    initial, final = _divided(plain)
    if initial not in INITIALS or final not in FINALS:
        return ""
    vowel = APICAL if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s") else FINALS[final]
    if vowel[-1] in NASALS:
        return INITIALS[initial] + vowel[:-1] + tone + vowel[-1]
    return INITIALS[initial] + vowel + tone


def _divided(plain: str) -> tuple[str, str]:
    """Initial and final of a syllable without its tone; y and w are written away, ü is v."""
    if plain in _ZERO:
        return "", _ZERO[plain]
    if plain[0] == "y":
        return "", "i" + plain[1:]
    if plain[0] == "w":
        return "", "u" + plain[1:]
    found = _SYLLABLE.fullmatch(plain)
    if found is None:
        return "", plain
    initial, final = found.groups()
    if initial in ("j", "q", "x") and final[0] == "u":
        final = "v" + final[1:]
    return initial, final


def _pinyin(word: str) -> list[str]:
    return lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")
