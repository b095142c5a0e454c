"""Prometheus as the lab acts on it: whether it hears everybody that it asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lab.counted import counted
from lab.monitoring.alarms import FIRING, Alarm
from lab.services import alertmanager
from lab.services.prometheus import PORT, jobs
from lab.services.registry import with_scraped
from scripts.clients.prometheus import Asked, Prometheus as Client, alarms_of
from scripts.drivers.driver import Driver, Part, Report, Site
from scripts.errors import LabError, TimeoutExpired, few
from scripts.workstation.waiting import wait_until

LOOKS = 2  # a sample is young when it is no older than so many times the interval
SPARE_S = 2.0
SHOWN = 3  # targets that are told one by one


@dataclass(frozen=True)
class Heard:
    """The targets that Prometheus is to ask, and why it does not hear some of them."""

    asked: tuple[Asked, ...]
    silent: Mapping[Asked, str]

    @property
    def words(self) -> str:
        if not self.silent:
            return f"{counted(len(self.asked), 'target')} scraped"
        return f"{len(self.asked) - len(self.silent)} of {len(self.asked)} targets scraped"

    def problems(self) -> tuple[str, ...]:
        told = [f"Prometheus does not hear {one}: {why}"
                for one, why in list(self.silent.items())[:SHOWN]]
        left = len(self.silent) - SHOWN
        return (*told, *([f"nor {counted(left, 'target')} more"] if left > 0 else ()))


class Prometheus(Driver):
    """Like any service; and every target has to have told something not long ago."""

    def status(self, site: Site, up: Collection[str]) -> Part:
        part = super().status(site, up)
        if part.problems or not part.data["hosts"]:
            return part
        heard, found = self.heard(site), self.alarms(site)
        firing = [one for one in found if one.state == FIRING and not one.silenced]
        names = ", ".join(sorted({one.name for one in firing}))
        count = counted(len(firing), "alert fires", "alerts fire")
        words = f"{count}: {names}" if firing else "no alert fires"
        return Part(
            {**part.data, "targets": len(heard.asked),
             "silent": [str(one) for one in heard.silent],
             "alerts": [one.as_json() for one in found]},
            heard.problems(), lines=(f"{site.name}: Prometheus: {heard.words}, {words}",),
        )

    def verify(self, site: Site, report: Report) -> bool:
        return super().verify(site, report) and report.check(
            self.name, "targets", lambda: self._all_heard(site, report)
        )

    def _all_heard(self, site: Site, report: Report) -> str:
        """A process that has only just begun is heard at the next look."""
        heard = self.heard(site)

        def all_young() -> bool:
            nonlocal heard
            heard = self.heard(site)
            report.tell(heard.words)
            return not heard.silent

        seconds = 3 * site.lab.monitoring.scrape_s + 10.0
        try:
            wait_until(all_young, timeout=seconds, pause=0.3)
        except TimeoutExpired:
            raise LabError(f"still after {seconds:g} s: {few(heard.problems())}") from None
        return f"{heard.words}, each within {_young(site):g} s"

    def heard(self, site: Site) -> Heard:
        """Whom Prometheus hears. Raises HttpError where it does not answer itself."""
        (host,) = site.carriers(self.name)
        asked = tuple(
            Asked(job.name, one.datacenter, one.instance)
            for job in jobs(host, with_scraped(site.context)) for one in job.targets
        )
        client = self.client(site)
        ages, young = client.ages(), _young(site)
        old = [one for one in asked if ages.get(one, young + 1) > young]
        why = client.reasons() if old else {}
        return Heard(asked, {one: why.get(one, "it has not been asked yet") for one in old})

    def client(self, site: Site) -> Client:
        (host,) = site.carriers(self.name)
        return Client(site.http(host, PORT, self.name))

    def alarms(self, site: Site) -> list[Alarm]:
        """Raises HttpError where Prometheus or Alertmanager does not answer."""
        (host,) = site.carriers(alertmanager.NAME)
        manager = site.http(host, alertmanager.PORT, alertmanager.NAME)
        return alarms_of(self.client(site), manager)


def _young(site: Site) -> float:
    return LOOKS * site.lab.monitoring.scrape_s + SPARE_S
