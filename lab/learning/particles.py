"""Korean particles that go by the last sound of the word before them: dc1은, dc2는; dc2로.

A text of an exercise names what only the lab knows ("{topic}은"), so which form is right shows only
once it is filled in. Digits are read as Korean numbers. A word in Latin letters is read as it is
usually written in Hangul: l, m, n and ng close the last syllable, other letters get a vowel of
their own or are one (newc 뉴시, host 호스트).
"""

from __future__ import annotations

import re

OPEN, CLOSED, RIEUL = "", "closed", "l"  # how a word ends: by a vowel, by a consonant, by ㄹ
# After a consonant, and after a vowel. ㄹ counts as a consonant, but for (으)로.
FORMS = (("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로"),
         ("이라고", "라고"))
UNDECIDED = {"은(는)": "은", "이(가)": "이", "을(를)": "을", "과(와)": "과", "(으)로": "으로",
             "(이)라고": "이라고"}
PAIRS = {one: pair for pair in FORMS for one in pair} | {
    written: next(pair for pair in FORMS if pair[0] == one) for written, one in UNDECIDED.items()}
# Not where more letters follow: of "{bytes}이상" the first is no particle.
AFTER = re.compile(r"(\{[a-z_]+(?::[^{}]*)?\})([`*\"']*)("
                   + "|".join(map(re.escape, sorted(PAIRS, key=len, reverse=True)))
                   + r")(?![가-힣])")
NUMBERS = {"0": CLOSED, "1": RIEUL, "3": CLOSED, "6": CLOSED, "7": RIEUL, "8": RIEUL}
LETTERS = {"l": RIEUL, "m": CLOSED, "n": CLOSED}
FIRST, LAST, FINALS, RIEUL_NUMBER = 0xAC00, 0xD7A3, 28, 8  # of Unicode's Hangul syllables


def particle(word: str, wanted: str) -> str:
    """The form of a particle, given in any of its forms, that goes with a word. Raises KeyError for
    none of these particles."""
    closed, opened = PAIRS[wanted]
    end = ending(word)
    if end == RIEUL and opened == "로":
        return opened
    return closed if end else opened


def ending(word: str) -> str:
    """OPEN, CLOSED or RIEUL. What is no letter and no digit at its end is not read."""
    for place in range(len(word) - 1, -1, -1):
        one = word[place].lower()
        if FIRST <= ord(one) <= LAST:
            final = (ord(one) - FIRST) % FINALS
            return RIEUL if final == RIEUL_NUMBER else CLOSED if final else OPEN
        if one == "g" and word[place - 1:place].lower() == "n":
            return CLOSED
        if one.isalnum():
            return NUMBERS.get(one) or LETTERS.get(one, OPEN)
    return OPEN


def agreed(template: str, **values: object) -> str:
    """A text with {words} still to be filled in, with the particles after them that go with their
    values; those of words that have none stay as they are."""

    def chosen(found: re.Match[str]) -> str:
        name = found[1].strip("{}").partition(":")[0]
        if name not in values:
            return found[0]
        value = found[1].format(**{name: values[name]})
        return f"{found[1]}{found[2]}{particle(value, found[3])}"

    return AFTER.sub(chosen, template)
