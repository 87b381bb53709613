"""What the models say of texts: categories and vectors."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hyper_registry.domain.classification import Classification
from hyper_registry.domain.entry import embedding_text
from hyper_registry.domain.errors.input import InvalidFieldError, RequestTooLargeError
from hyper_registry.domain.text import Line, Text
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, DeploymentSettings, Services

router = APIRouter()


class ClassifyRequest(BaseModel):
    """A text, or the fields of an entry that say what it is."""

    model_config = ConfigDict(extra="forbid")

    text: Text | None = None
    title: Line | None = None
    description: Text = ""
    tags: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _one_kind_of_input(self) -> "ClassifyRequest":
        fields = self.title is not None or self.description or self.tags
        if bool(self.text) == bool(fields):
            msg = "holds neither or both of 'text' and the fields of an entry; send one of them"
            raise ValueError(msg)
        return self

    @property
    def content(self) -> str:
        """The text to classify."""
        return self.text or embedding_text(self.title or "", self.description, self.tags)


class EmbedRequest(BaseModel):
    """Texts to embed."""

    model_config = ConfigDict(extra="forbid")

    texts: Annotated[list[Text], Field(min_length=1)]


class EmbedAnswer(BaseModel):
    """Normalised vectors in the order of the texts, and the model they belong to."""

    model_id: str
    dimension: int
    vectors: list[list[float]]


@router.post("/ai/classify", response_model=Classification)
async def classify(
    body: ClassifyRequest, registry: Services, _caller: Caller, settings: DeploymentSettings
) -> Response:
    """Propose the category of a text, with the confidence in it and the runners-up."""
    _require_length("text", body.content, settings.limits.description_characters)
    return json_answer(await registry.classifier.classify(body.content))


@router.post("/ai/embed", response_model=EmbedAnswer)
async def embed(
    body: EmbedRequest, registry: Services, _caller: Caller, settings: DeploymentSettings
) -> Response:
    """Turn texts into vectors whose inner product says how near their meanings are."""
    if len(body.texts) > settings.limits.embed_texts:
        raise RequestTooLargeError("the number of texts", settings.limits.embed_texts)
    for text in body.texts:
        _require_length("texts", text, settings.limits.description_characters)
    vectors = await registry.embedder.embed(body.texts)
    answer = {
        "model_id": registry.embedder.model_id,
        "dimension": registry.embedder.dimension,
        "vectors": vectors,
    }
    return Response(
        orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json"
    )


def _require_length(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidFieldError(
            field, f"{len(text):,} characters are above the limit of {limit:,}", "Shorten it."
        )
