"""An explanation as the API shows it."""

from __future__ import annotations

from pydantic import BaseModel


class Sentence(BaseModel):
    """A sentence in Chinese and in English."""

    zh: str
    en: str
