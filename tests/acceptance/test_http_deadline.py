"""A request that takes too long leaves nothing running in Postgres."""

from configs.settings import RequestSettings
from serve_app.route_policies import PREFIX as API
from tests.acceptance.conftest import calling, running_api

WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"


async def test_a_query_is_cancelled_at_the_deadline(dsn: str):
    async with (
        running_api(dsn, requests=RequestSettings(deadline_s=0.5)) as app,
        calling(app) as client,
        app.state.registry.database.connection() as other,
    ):
        async with other.transaction():
            await other.execute("lock table relationship in access exclusive mode")
            stuck = await client.get(f"{API}/analytics")
            assert (stuck.status_code, stuck.json()["code"]) == (503, "deadline_exceeded")
            assert stuck.headers["Retry-After"] == "5"
            assert await other.fetchval(f"{WAITING} and query ilike '%relationship%'") == 0
        assert (await client.get(f"{API}/health")).status_code == 200
