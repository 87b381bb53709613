-- The secret of a webhook is sealed where the registry has a key; one of the two columns holds it.

alter table webhook
    alter column secret drop not null,
    add column sealed_secret jsonb,
    add constraint webhook_one_secret check (num_nonnulls(secret, sealed_secret) = 1);

comment on column webhook.sealed_secret is
    'Envelope of the key ring: {key, nonce, value}; authenticated with the webhook''s id.';
