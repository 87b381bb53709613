"""Whose a bearer token is, whichever kind it has."""

from hyper_registry.domain.principal import Principal
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.security.bearer_tokens import BearerTokens


class Authentication:
    """Tells who sends a request: the holder of an API key, or of a token of a trusted issuer.

    Parameters
    ----------
    tokens
        None where no issuer is trusted: then there are API keys only.
    """

    def __init__(self, keys: ApiKeyService, tokens: BearerTokens | None = None) -> None:
        self._keys = keys
        self._tokens = tokens

    def known(self, token: str) -> Principal | None:
        """Return whose the token is if it was checked lately, without asking anybody."""
        return self._keys.known(token)

    async def authenticate(self, token: str) -> Principal:
        """Return whose the token is.

        Raises
        ------
        UnauthenticatedError
            If it is not valid.
        IssuerUnavailableError
            If its issuer's keys could not be fetched yet.
        """
        # The three parts of a signed token are joined by dots, which no API key has.
        if self._tokens is not None and token.count(".") == 2:
            return await self._tokens.authenticate(token)
        return await self._keys.authenticate(token)
