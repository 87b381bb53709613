"""What a classifier says about a text."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
"""Probability in 0..1 that the classifier gives to a category."""


class CategoryConfidence(BaseModel):
    """One category with the confidence in it."""

    model_config = ConfigDict(frozen=True)

    category: str
    confidence: Confidence


class Classification(BaseModel):
    """The likeliest category of a text, and the runners-up.

    Attributes
    ----------
    category
        The likeliest category.
    confidence
        Confidence in it; the confidences over all categories sum to one.
    alternatives
        The next likeliest categories (three, where there are that many), best first; never
        `category` itself.
    """

    model_config = ConfigDict(frozen=True)

    category: str
    confidence: Confidence
    alternatives: tuple[CategoryConfidence, ...] = ()
