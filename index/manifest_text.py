"""What a shard's manifest says about its text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from index.manifest_fields import ManifestFields
from index.text_scoring import TEXT_FIELDS, TextScoring


@dataclass(frozen=True, slots=True)
class TextRecord:
    """The text of one shard.

    Attributes
    ----------
    analysis_version
        How texts were cut into words.
    scoring
        Weights of the fields.
    word_count
        Distinct words and stems.
    posting_count
        Pairs of a term and a row that has it.
    field_words
        Words in each field of all rows, from which typical lengths can be told.
    """

    analysis_version: str
    scoring: TextScoring
    word_count: int
    posting_count: int
    field_words: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Write as values of JSON."""
        scoring = self.scoring
        return {
            "analysis_version": self.analysis_version,
            "saturation": scoring.saturation,
            "fields": {
                name: {
                    "weight": scoring.weights[at],
                    "length_effect": scoring.length_effects[at],
                    "typical_length": scoring.typical_lengths[at],
                    "words": self.field_words[name],
                }
                for at, name in enumerate(TEXT_FIELDS)
            },
            "word_count": self.word_count,
            "posting_count": self.posting_count,
        }

    @classmethod
    def read(cls, fields: ManifestFields) -> Self:
        """Read from the manifest's object.

        Raises
        ------
        IndexFormatError
            A value is missing or something else.
        """
        records = dict(fields.named_records("fields", exactly=TEXT_FIELDS))
        values = [
            tuple(records[name].number(key) for name in TEXT_FIELDS)
            for key in ("weight", "length_effect", "typical_length")
        ]
        weights, length_effects, typical_lengths = values
        return cls(
            analysis_version=fields.text("analysis_version"),
            scoring=TextScoring(
                fields.number("saturation"),
                (weights[0], weights[1], weights[2]),
                (length_effects[0], length_effects[1], length_effects[2]),
                (typical_lengths[0], typical_lengths[1], typical_lengths[2]),
            ),
            word_count=fields.integer("word_count"),
            posting_count=fields.integer("posting_count"),
            field_words={name: records[name].integer("words") for name in TEXT_FIELDS},
        )
