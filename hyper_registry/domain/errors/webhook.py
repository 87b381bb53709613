"""Errors of webhooks."""

from typing_extensions import override

from hyper_registry.domain.errors.base import ExplainedError, RegistryError


class WebhookNotFoundError(RegistryError):
    """No webhook of this id exists that is the caller's."""

    code = "webhook_not_found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(webhook_id)
        self.webhook_id = webhook_id

    @override
    def __str__(self) -> str:
        return f"no webhook {self.webhook_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List your webhooks with GET /v1/registry/webhooks."


class DeliveryNotFoundError(RegistryError):
    """The webhook has no delivery of this id."""

    code = "delivery_not_found"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(delivery_id)
        self.delivery_id = delivery_id

    @override
    def __str__(self) -> str:
        return f"no delivery {self.delivery_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the webhook's deliveries; those that ended long ago are deleted."


class TargetRefusedError(ExplainedError):
    """A webhook's target is at an address that the registry does not send to."""

    code = "target_refused"
    field = "url"
    template = "the target {subject} is refused: {reason}"
