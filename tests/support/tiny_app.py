"""A Serve application of a few lines, for tests of the instance that runs it."""

import asyncio
import os
from typing import Any

from fastapi import FastAPI
from ray import serve

api = FastAPI()


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
@serve.ingress(api)
class Tiny:
    def __init__(self, greeting: str) -> None:
        self._greeting = greeting

    @api.get("/slow")
    async def wait(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @api.get("/greeting")
    async def greet(self) -> dict[str, Any]:
        return {
            "greeting": self._greeting,
            "pid": os.getpid(),
            "mood": os.environ.get("TINY_MOOD"),
            "nice": os.nice(0),
        }


def build(args: dict[str, str]) -> serve.Application:
    if "greeting" not in args:
        raise ValueError("tiny_app needs a greeting")
    return Tiny.bind(args["greeting"])
