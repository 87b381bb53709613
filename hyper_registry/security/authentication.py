"""Whose a bearer token is, whichever kind it has."""

from hyper_registry.domain.principal import Principal
from hyper_registry.security.api_keys import ApiKeyService


class Authentication:
    """Tells who sends a request by the token it carries."""

    def __init__(self, keys: ApiKeyService) -> None:
        self._keys = keys

    async def authenticate(self, token: str) -> Principal:
        """Return whose the token is.

        Raises
        ------
        UnauthenticatedError
            If it is not valid.
        """
        return await self._keys.authenticate(token)
