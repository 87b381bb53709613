"""From a text to the words that are indexed, and to the words that a query asks for.

A text is cut into chunks, runs of letters and digits that may be joined by ``. _ -``. A chunk that
is an identifier of several parts ("scikit-learn", "HttpServer", "node.js") is indexed by its parts
and by the parts joined, so that any way of writing it finds every other. Writing without spaces
(Chinese, Japanese, Korean, Thai) is indexed by single characters and by pairs.

What a query asks for is always among what its own text would be indexed by: a text finds itself.
"""

import re
import threading
import unicodedata
from dataclasses import dataclass

import Stemmer

ANALYSIS_VERSION = f"1+snowball-{Stemmer.version()}"
"""Changes whenever a text could be indexed by other words: queries must be cut as the index was."""

MOST_CHARACTERS = 100_000
"""Of longer texts only the beginning is indexed."""
MOST_WORD_CHARACTERS = 64
"""Longer words are cut in the index and in queries alike, so they still find each other."""

STOP_WORDS = frozenset(
    {
        "a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do",
        "does", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in",
        "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "s", "she",
        "so", "such", "t", "than", "that", "the", "their", "them", "then", "there", "these",
        "they", "this", "to", "us", "was", "we", "were", "what", "when", "which", "who", "will",
        "with", "you", "your",
    }
)  # fmt: skip
"""Words left out of descriptions, and of queries that have any other word."""

# One word in spite of its capitals: who asks for "java" does not mean these.
_ONE_WORD = frozenset(
    {
        "actionscript", "coffeescript", "facebook", "github", "gitlab", "graphql", "javascript",
        "latex", "linkedin", "powerpoint", "powershell", "typescript", "wordpress", "youtube",
    }
)  # fmt: skip
# Accents of Latin, Greek and Cyrillic; vowel points of Hebrew and Arabic, which are rarely written.
# Marks of other scripts are part of their words.
_ACCENTS = "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
# Characters without a shape of their own: soft hyphen, joiners, directions, variants, tags.
_SHAPELESS = (
    "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef"
)
_DROPPED = re.compile(f"[{_ACCENTS}{_SHAPELESS}]+")
# Letters with a stroke or tied together, which Unicode does not take apart.
_UNDECOMPOSED = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D",
        "\u0131": "i", "ħ": "h", "Ħ": "H", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe",
        "þ": "th", "Þ": "Th",
    }
)  # fmt: skip


def _class_of_marks() -> str:
    """Signs that belong to a word but are no letters, of all scripts of the basic plane."""
    marks = (chr(code) for code in range(0x300, 0xFB20))
    return "".join(mark for mark in marks if unicodedata.category(mark) in {"Mn", "Mc"})


# C++, C#: a sign that ends an identifier and changes what it means.
_SIGN = r"(?:\+\+(?![^\W\d_])|\#(?![^\W_]))"
_CHUNK_ASCII = re.compile(rf"[A-Za-z0-9]+(?:[._-]{{1,2}}[A-Za-z0-9]+)*(?:{_SIGN})?")
_LETTER = rf"(?:[^\W_]|[{_class_of_marks()}])"
_SYMBOL = "[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_CHUNK = re.compile(rf"{_LETTER}+(?:[._-]{{1,2}}{_LETTER}+)*(?:{_SIGN})?|{_SYMBOL}")

_SEPARATORS = re.compile(r"[._-]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_VERSION = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)+)")
_NUMBERED = re.compile(r"([a-z]{3,})[0-9]+")
_ENGLISH = re.compile(r"[a-z]{3,}")
_UNSPACED_CLASS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003134f"
)
_UNSPACED = re.compile(f"([{_UNSPACED_CLASS}]+)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The words of one chunk, folded but not stemmed.

    Attributes
    ----------
    indexed
        Words that a text with this chunk is indexed by.
    asked
        What a query with this chunk asks for: one word of each tuple.
    """

    indexed: tuple[str, ...]
    asked: tuple[tuple[str, ...], ...]


def chunks_of(text: str) -> list[str]:
    """Cut a text into chunks, accents removed, letters' case kept; O(n).

    Parameters
    ----------
    text
        Any text; what lies beyond ``MOST_CHARACTERS`` is ignored.

    Examples
    --------
    >>> chunks_of("Un café: HttpServer, scikit-learn & C++!")
    ['Un', 'cafe', 'HttpServer', 'scikit-learn', 'C++']
    """
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return _CHUNK_ASCII.findall(text)
    return _CHUNK.findall(without_accents(text))


def without_accents(text: str) -> str:
    r"""Replace variants of characters by the plain ones; letters keep their case.

    Examples
    --------
    >>> without_accents("\uff25lla Fitzgérald ﬁnds Łódź")
    'Ella Fitzgerald finds Lodz'
    """
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _DROPPED.sub("", apart).translate(_UNDECOMPOSED))


def folded(word: str) -> str:
    """Fold the case of a part of a chunk."""
    word = word.casefold()
    # Folding the case takes a few letters apart and so brings new accents.
    return word if word.isascii() else without_accents(word)


def analyse(chunk: str) -> Chunk:
    """Take a chunk apart into words; O(n).

    Examples
    --------
    >>> analyse("scikit-learn").indexed
    ('scikit', 'learn', 'scikitlearn')
    >>> analyse("scikit-learn").asked
    (('scikit', 'scikitlearn'), ('learn', 'scikitlearn'))
    >>> analyse("v3.11.4").indexed, analyse("3.11").asked
    (('3.11.4', '3.11', '3'), (('3.11',),))
    >>> analyse("C++").indexed, analyse("C++").asked
    (('c', 'c++'), (('c++',),))
    """
    if chunk.isalpha() and chunk.isascii() and chunk.islower():
        word = chunk[:MOST_WORD_CHARACTERS]
        return Chunk((word,), ((word,),))
    version = _VERSION.fullmatch(chunk)
    if version:
        return _version_words(version[1])
    sign = chunk[-2:] if chunk.endswith("++") else chunk[-1:] if chunk.endswith("#") else ""
    parts = [
        part
        for piece in _SEPARATORS.split(chunk.removesuffix(sign))
        for part in _humps(piece)
        if part
    ]
    indexed: list[str] = []
    asked: list[tuple[str, ...]] = []
    joined = "".join(parts)[:MOST_WORD_CHARACTERS] if len(parts) > 1 else ""
    for part in parts:
        for run in (part,) if part.isascii() else _UNSPACED.split(part):
            if _UNSPACED.match(run):
                pairs = [run[at : at + 2] for at in range(len(run) - 1)]
                indexed += [*run, *pairs]
                asked += [(pair,) for pair in pairs or [run]]
            elif run:
                indexed.append(run[:MOST_WORD_CHARACTERS])
                numbered = _NUMBERED.fullmatch(indexed[-1])
                asked.append((indexed[-1], joined) if joined else (indexed[-1],))
                if numbered:
                    indexed.append(numbered[1])
    if joined:
        indexed.append(joined)
    if sign:
        signed = (joined or "".join(parts))[: MOST_WORD_CHARACTERS - 2] + sign
        return Chunk((*indexed, signed), ((signed,),))
    return Chunk(tuple(indexed), tuple(asked))


def stem(word: str) -> str:
    """Reduce an English word to its stem; other words are returned as they are.

    M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, as revised in Snowball.

    Examples
    --------
    >>> stem("automation"), stem("automated"), stem("μετρο")
    ('autom', 'autom', 'μετρο')
    """
    return _STEMMERS.english.stemWord(word) if _ENGLISH.fullmatch(word) else word


class _Stemmers(threading.local):
    """A stemmer for each thread: they keep state while they work."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english")


_STEMMERS = _Stemmers()


def _version_words(version: str) -> Chunk:
    numbers = version[:MOST_WORD_CHARACTERS].rstrip(".").split(".")
    # Three numbers tell one version from another in practice; more would be noise.
    shorter = [".".join(numbers[:count]) for count in (2, 1) if count < len(numbers)]
    whole = ".".join(numbers)
    return Chunk((whole, *shorter), ((whole,),))


def _humps(piece: str) -> list[str]:
    """Split "HttpServer" at its capitals, and fold the case of what results."""
    whole = folded(piece)
    if whole == piece or whole in _ONE_WORD:
        return [whole]
    return [folded(part) for part in _HUMPS.split(piece)]
