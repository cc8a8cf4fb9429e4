"""A first check of one's own: a file beside the configuration, no packaging needed."""

from auscult import Check, CheckContext, Measurement, Reading, SecretStr, hookimpl


class QueueCheck(Check):
    """A job queue answers, and nothing waits in it for too long."""

    kind = "job-queue"
    measurements = (
        Measurement("waiting_jobs", "jobs", "Jobs that wait to be worked on."),
        Measurement("oldest_job_seconds", "seconds", "How long the oldest of them has waited."),
    )

    url: str
    """Address of the queue's statistics, for example ``http://127.0.0.1:9000/stats``."""
    token: SecretStr = ""
    """Sent as a bearer token; empty for none."""
    max_age: float = 60.0
    """Seconds the oldest job may wait."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask for the statistics once."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        reply = await ctx.http.get(self.url, headers=headers)
        reply.raise_for_status()
        stats = reply.json()
        measured = {"waiting_jobs": stats["waiting"], "oldest_job_seconds": stats["oldest"]}
        if stats["oldest"] > self.max_age:
            return Reading.degraded(
                f"the oldest job has waited {stats['oldest']} s, more than {self.max_age:g} s", **measured
            )
        return Reading.healthy(**measured)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """What this plugin offers."""
    return [QueueCheck]
