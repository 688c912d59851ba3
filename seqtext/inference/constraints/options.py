"""What outputs must be, as a user says it. Importing this loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from seqtext.data.texts import check_text, rows_of
from seqtext.errors import ConfigError
from seqtext.inference.constraints.terminology import Terminology
from seqtext.inference.constraints.words import missing, stands_in

if TYPE_CHECKING:
    from seqtext.data.tokenizer import Tokenizer
    from seqtext.inference.shortlist import Shortlist
    from seqtext.search.config import SearchConfig
    from seqtext.search.rules import Rule

# texts of outputs, which can have any piece
_ANY_PIECE = ("prefix", "prefixes", "outputs", "required", "terminology")


class SourceConstraints(NamedTuple):
    """Constraints of some sources, normalized as the target's tokenizer does.

    Args:
        places: Which of the given sources these are.
        prefixes: What each output begins with. It may be empty.
        required: What stands in each output.
        banned: What stands in no output.
        any_case: Whether the letter case of banned phrases makes no difference.
        outputs: What each output is. Anything, if there are none.
        rules: A user's own rules.
        shortlist: Chooses the pieces that each output is made of. None is the vocabulary.
    """

    places: Sequence[int]
    prefixes: Sequence[str]
    required: Sequence[tuple[str, ...]]
    banned: tuple[str, ...] = ()
    any_case: bool = False
    outputs: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    shortlist: Shortlist | None = None

    def of(self, rows: Sequence[int]) -> SourceConstraints:
        """The constraints of some of the sources."""
        return self._replace(
            places=[self.places[row] for row in rows],
            prefixes=[self.prefixes[row] for row in rows],
            required=[self.required[row] for row in rows],
        )

    def check(self, config: SearchConfig) -> None:
        """Refuse a search whose options would break the constraints.

        Raises:
            ConfigError: One would.
        """
        words = max((len(prefix.split()) for prefix in self.prefixes), default=0)
        if config.max_words is not None and (self.outputs or words > config.max_words):
            what = "outputs" if self.outputs else f"a prefix of {words} words"
            raise ConfigError(f"max_words: {config.max_words}, cannot be combined with {what}")
        if config.replace_unknown and self.banned:
            raise ConfigError(
                "replace_unknown: cannot be combined with banned, as it puts words of the source into outputs"
            )

    def lacks(self, row: int, text: str) -> bool:
        """Whether a required phrase of a source is not in its output."""
        return bool(missing(self.required[row], text))


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What outputs must be. All texts are plain: pieces that spell them differently make no difference.

    Args:
        prefix: Every output begins with this text. A space at its end asks for whole words.
        prefixes: Beginning of the output of each source. An empty one leaves it free.
        banned: Words and phrases that stand in no output. A part of a longer word is no such word.
        banned_any_case: Whether the letter case of banned phrases makes no difference.
        outputs: Every output is one of these texts.
        required: Of each source, phrases that stand in its output.
        terminology: What terms of a source are called in its output. See ``Terminology``.
        rules: Own rules, see ``seqtext.Rule``.
        shortlist: File of ``seqtext shortlist``, or the folder that has it. Every output is made of the
            pieces that it lists for the pieces of the source.

    Raises:
        ConfigError: A value is no text, or is empty. Or two options contradict each other.
    """

    prefix: str = ""
    prefixes: Iterable[str] | None = None
    banned: Iterable[str] = ()
    banned_any_case: bool = False
    outputs: Iterable[str] = ()
    required: Iterable[Iterable[str]] | None = None
    terminology: Mapping[str, str] = field(default_factory=dict)
    rules: Iterable[Rule] = ()
    shortlist: str | Path | None = None

    def __post_init__(self) -> None:
        check_text(self.prefix, "prefix")
        for name in ("banned", "outputs"):
            object.__setattr__(self, name, _phrases(getattr(self, name), name))
        if self.prefixes is not None:
            texts = [
                check_text(text, f"prefixes[{i}]")
                for i, text in enumerate(rows_of(self.prefixes, "prefixes"))
            ]
            object.__setattr__(self, "prefixes", texts)
        if self.required is not None:
            rows = cast("list[Iterable[object]]", rows_of(self.required, "required"))
            phrases = [_phrases(row, f"required[{i}]") for i, row in enumerate(rows)]
            object.__setattr__(self, "required", phrases)
        if not isinstance(self.terminology, Mapping):
            raise ConfigError(f"terminology: {self.terminology!r:.60}, expected a dict of terms")
        _phrases(list(self.terminology), "terminology")
        _phrases(list(self.terminology.values()), "terminology")
        if not isinstance(self.rules, Iterable):
            raise ConfigError(f"rules: {self.rules!r:.60}, expected a list of rules")
        object.__setattr__(self, "rules", tuple(self.rules))
        for rule in self.rules:
            if not callable(rule):
                raise ConfigError(
                    f"rules: {rule!r:.60}, expected functions or objects that can be called"
                )
        if not isinstance(self.shortlist, str | Path | None):
            raise ConfigError(f"shortlist: {self.shortlist!r:.60}, expected the path of a file")
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        if self.shortlist is not None:
            for name in _ANY_PIECE:
                if getattr(self, name):
                    raise ConfigError(
                        f"shortlist: cannot be combined with {name}. It may lack a piece of these texts"
                    )
        if self.prefix and self.prefixes is not None:
            raise ConfigError("prefix: cannot be combined with prefixes, which are of each source")
        others = ("prefix", "prefixes", "banned", "required", "terminology")
        for name in others if self.outputs else ():
            if getattr(self, name):
                raise ConfigError(
                    f"outputs: cannot be combined with {name}. Leave texts out of outputs instead"
                )
        if self.banned_any_case and not self.banned:
            raise ConfigError("banned_any_case: needs banned")

    def refuse_own(self, caller: str) -> None:
        """Refuse constraints that differ by source, where nobody knows how many sources there are.

        Args:
            caller: What refuses them.

        Raises:
            ConfigError: There are some.
        """
        for name in ("prefixes", "required"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"{name}: is of each source, and {caller} takes options that all share"
                )

    def of_sources(
        self, sources: Sequence[str], target: Tokenizer, first: int = 0
    ) -> SourceConstraints:
        """The constraints of each source.

        Args:
            sources: Texts.
            target: The tokenizer of the outputs.
            first: Place of the first source among all that are given.

        Raises:
            ConfigError: There are more or fewer prefixes or required phrases than sources. Or the tokenizer
                cannot write a text, or a text that must be in an output has a banned phrase.
        """
        prefixes = [self.prefix] * len(sources) if self.prefixes is None else list(self.prefixes)
        required = [()] * len(sources) if self.required is None else list(map(tuple, self.required))
        for name, given in (("prefixes", prefixes), ("required", required)):
            if len(given) != len(sources):
                raise ConfigError(f"{name}: {len(given):,} for {len(sources):,} sources")
        normal = NormalTexts(target)
        phrases = [tuple(normal.writable(each, "required") for each in row) for row in required]
        if self.terminology:
            terms = Terminology(self.terminology)
            phrases = [
                (*own, *(normal.writable(term, "terminology") for term in terms.required(source)))
                for own, source in zip(phrases, sources, strict=True)
            ]
        banned = tuple(normal.text(phrase, "banned") for phrase in self.banned)
        if self.banned_any_case:
            banned = tuple(phrase.lower() for phrase in banned)
        constraints = SourceConstraints(
            places=range(first, first + len(sources)),
            prefixes=[
                normal.beginning(prefix, "prefix" if self.prefixes is None else "prefixes")
                for prefix in prefixes
            ],
            required=phrases,
            banned=banned,
            any_case=self.banned_any_case,
            outputs=tuple(normal.writable(text, "outputs") for text in self.outputs),
            rules=tuple(self.rules),
        )
        _refuse_banned(constraints)
        return constraints


class NormalTexts:
    """Normalizes texts as the target's tokenizer does, and remembers what it has normalized.

    Args:
        target: The tokenizer of the outputs.
    """

    def __init__(self, target: Tokenizer) -> None:
        self._target = target
        self._known: dict[str, str] = {}

    def text(self, text: str, name: str) -> str:
        """A text that is not empty. ``name`` is for messages.

        Raises:
            ConfigError: It is empty.
        """
        normal = self._target.normalize(text)
        if not normal:
            raise ConfigError(f"{name}: {text!r} is empty for the target's tokenizer")
        return normal

    def writable(self, text: str, name: str) -> str:
        """A text that outputs can have.

        Raises:
            ConfigError: It is empty, or the tokenizer cannot write it.
        """
        if text not in self._known:
            normal = self.text(text, name)
            if self._target.unk in (ids := self._target.encode([normal])[0]):
                parts = ", ".join(map(repr, self._target.unknown_parts(normal, ids)))
                raise ConfigError(
                    f"{name}: {text!r:.80}: the target's tokenizer cannot write {parts}"
                )
            self._known[text] = normal
        return self._known[text]

    def beginning(self, text: str, name: str) -> str:
        """What an output begins with. A space at its end stays.

        Raises:
            ConfigError: The tokenizer cannot write it.
        """
        if not text.strip():
            return ""
        return self.writable(text, name) + " " * text[-1].isspace()


def _refuse_banned(constraints: SourceConstraints) -> None:
    """Refuse banned phrases in texts that must be in an output.

    Raises:
        ConfigError: There is one.
    """
    if not constraints.banned:
        return
    texts = [(prefix, True) for prefix in set(constraints.prefixes)]
    texts += [(phrase, False) for phrase in set[str]().union(*constraints.required)]
    for text, goes_on in texts:
        read = text.lower() if constraints.any_case else text
        for phrase in constraints.banned:
            if stands_in(phrase, read, goes_on=goes_on):
                raise ConfigError(
                    f"banned: {phrase!r} stands in {text!r:.80}, which an output must have"
                )


def _phrases(given: Iterable[object], name: str) -> tuple[str, ...]:
    """Texts that are not empty.

    Raises:
        ConfigError: One is, or is no text.
    """
    texts = [check_text(text, f"{name}[{i}]") for i, text in enumerate(rows_of(given, name))]
    for i, text in enumerate(texts):
        if not text.strip():
            raise ConfigError(f"{name}[{i}]: an empty phrase")
    return tuple(texts)
