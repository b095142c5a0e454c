"""One exercise on one lab: begin it, answer, check, solve, and bring the first state back."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

from lab.learning.drawn import Drawing, drawings
from lab.learning.exercise import Exercise, Question, Value, filled
from lab.learning.facts import Facts
from lab.learning.judge import Bench, Judged, Verdict, mistakes
from lab.learning.needs import fits, lab_file, needs
from lab.learning.progress import Progress, ProgressError, parse
from lab.learning.released import backward
from lab.learning.snapshot import Snapshot
from lab.learning.words import told
from lab.listeners import wanted
from lab.mirrors.topics import remote_name
from lab.model import Lab
from lab.options.mirrors import Mirror
from lab.paths import CERTIFICATES
from lab.services.acls import nobody
from lab.services.connect import PORT as CONNECT_PORT
from lab.services.context import Context
from lab.services.leading import NAME as REGISTRY
from lab.services.monitored import seen
from lab.services.registry import carriers
from lab.services.schemas import API, PORT as REGISTRY_PORT
from lab.services.sinks import CLASS, searched, store_host
from lab.services.stores import STORES
from lab.services.tools import exports
from lab.topology import Datacenter, Host
from scripts.clients.kafka import end_transaction
from scripts.drivers.driver import Site, sites
from scripts.drivers.schemas import inside as inside_url
from scripts.errors import LabError, UsageError, one_line
from scripts.learning import live, shell
from scripts.learning.back import awake, ended
from scripts.learning.guarded import recertified, ungranted
from scripts.learning.library import Book
from scripts.learning.removal import (
    remove,
    remove_connectors,
    remove_documents,
    remove_mirrored,
    remove_shared,
    remove_subjects,
    unlimited,
)
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.secret import CLIENTS, write_secret

REPLICAS = 3
WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Place:
    """Where an exercise takes place: a datacenter, and the mirror that leads out of it, if any."""

    datacenter: Datacenter
    mirror: Mirror | None

    @property
    def tools(self) -> Host:
        """The host with Kafka's tools."""
        return tools(self.datacenter)


def tools(datacenter: Datacenter) -> Host:
    """The host of a datacenter with Kafka's tools: the control host, else a broker."""
    return (*datacenter.by_role("control"), *datacenter.by_role("kafka"))[0]


def place(exercise: Exercise, session: Session) -> Place:
    """The first datacenter where the exercise can take place. Raises UsageError for none."""
    topology = session.topology
    by_hand = topology.config.kafka.finalize == "by hand"
    for one in topology.datacenters:
        leaving = [m for m in topology.config.mirrors if m.source == one.name]
        carrying = [m for m in leaving if searched(topology.config, m.target)]
        mirror = next(iter(carrying if exercise.pipeline else leaving), None)
        connected = bool(carriers("connect", one, topology.config))
        monitored = (one.name in seen(topology.config)
                     and "kafka" in topology.config.monitoring.agents)
        if fits(exercise, one.config, mirrored=mirror is not None, by_hand=by_hand,
                connected=connected, registered=topology.config.registry.leader == one.name,
                certified=not wanted(topology.config.security).plain,
                users=proven(topology.config, one.name), monitored=monitored,
                carried=bool(carrying)):
            return Place(one, mirror)
    raise UsageError(f"{exercise.id} needs {needs(exercise)} in one datacenter",
                     hint=f"LAB={lab_file(exercise)} has that")


def proven(lab: Lab, datacenter: str) -> tuple[str, ...]:
    """The users of a datacenter who prove their names, and are refused what nobody has granted."""
    if not lab.security.acls or nobody(lab.security):
        return ()
    return tuple(one.name for one in lab.users
                 if not one.absent and datacenter in (one.datacenters or (datacenter,)))


class Course:
    """An exercise of one student. Reads and writes only what carries the exercise's names."""

    def __init__(self, session: Session, book: Book, language: str) -> None:
        self.session, self.book, self.language = session, book, language
        self.exercise = book.exercise
        self.place = place(self.exercise, session)
        self._file = session.state / "exercises" / f"{self.exercise.id}.json"

    @cached_property
    def context(self) -> Context:
        return self.session.context({}, {})

    @cached_property
    def values(self) -> dict[str, Value]:
        """The student's parameters."""
        topology, here = self.session.topology, self.place
        brokers = here.datacenter.by_role("kafka")
        inside = self.context.internal(here.datacenter)
        outside = self.context.external(here.datacenter)
        client = str(self._client_file(here.datacenter)) if outside.settings else ""
        built_in: dict[str, Value] = {
            "owner": topology.config.owner, "datacenter": here.datacenter.name,
            "brokers": len(brokers), "replicas": min(REPLICAS, len(brokers)),
            "bootstrap": inside.servers, "outside": outside.servers,
            "tools_host": here.tools.name, "authority": str(self.session.state / CERTIFICATES),
            # What programs on the student's machine are told of closed brokers, and how to type it.
            "client": client, "closed": f"CLIENT={quote(client)} " if client else "",
            # A mirror goes on at the offset that it had in a topic, although that was made anew; a
            # connector, too, in what it reads.
            "again": f"-{again + 1}" if (again := self.progress.again) else "",
            **{f"broker_{host.number}": host.name for host in brokers},
        }
        # Where a pipeline ends, where it has one, is all but the topic.
        there = here.datacenter
        if self.exercise.pipeline and here.mirror:
            there = topology.datacenter(here.mirror.target)
            built_in |= self._store(there)
        if workers := carriers("connect", there, topology.config):
            built_in |= {"connect_host": workers[0].name,
                         "connect_url": f"http://{workers[0].fqdn}:{CONNECT_PORT}"}
        if here.mirror:
            target = topology.datacenter(here.mirror.target)
            built_in |= {
                "target": target.name, "copy_prefix": remote_name(here.mirror, ""),
                "mirror": here.mirror.name, "target_tools_host": tools(target).name,
                "target_bootstrap": self.context.internal(target).servers,
            }
        if self.exercise.registry or self.exercise.pipeline:
            (host,) = carriers(REGISTRY, there, topology.config)
            built_in["registry"] = inside_url(host)
        values = self.exercise.values(built_in)
        if wrong := next(mistakes(self.exercise, values), ""):
            raise LabError(wrong, where=str(self.book.file))
        return values

    def _store(self, there: Datacenter) -> dict[str, Value]:
        """Where the store and the registry of a pipeline are."""
        lab = self.session.topology.config
        sink = searched(lab, there.name)
        if sink is None:
            return {}
        host, port = store_host(sink, there), STORES[sink.kind].port
        (registry,) = carriers(REGISTRY, there, lab)
        return {"store": f"http://{host.fqdn}:{port}", "index_class": CLASS,
                "store_here": _from_here(self.context, host, port),
                "registry_here": _from_here(self.context, registry, REGISTRY_PORT) + API}

    @property
    def task(self) -> str:
        """The task's text, filled in. Raises LabError for one that cannot be."""
        path = self.book.task_file(self.language)
        try:
            return told(path.read_text(encoding="utf-8"), self.values)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise LabError(f"cannot be filled in: {one_line(error)}", where=str(path)) from error

    @property
    def progress(self) -> Progress:
        """How far the student is. Raises LabError for a file that cannot be read."""
        try:
            return parse(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Progress()
        except ProgressError as error:
            raise LabError(str(error), where=str(self._file), hint="remove the file") from error

    def keep(self, progress: Progress) -> None:
        """Write the progress down, whole or not at all."""
        _write(self._file, progress.as_json())

    def keep_page(self, html: str) -> Path:
        """Write the exercise's page, in place of an earlier one; where it is."""
        page = self._file.with_suffix(".html")
        _write(page, html)
        return page

    def begin(self) -> Progress:
        """The exercise is begun, if it was not."""
        progress = self.progress
        if not progress.started:
            progress = replace(progress, started=time.time())
            self.keep(progress)
        return progress

    @contextmanager
    def looking(self) -> Iterator[Course.Look]:
        """Connections to the lab, for as long as one looks at it. Raises LabError."""
        wanted = [self.place.datacenter.name]
        if self.exercise.mirror and self.place.mirror:
            wanted.append(self.place.mirror.target)
        chosen = [self.session.topology.datacenter(name) for name in wanted]
        instances = self.session.platform.instances()
        self._there(chosen, instances)
        with self.session.fleet(instances) as fleet:
            # The same for parameters: it asks the engine.
            self.context = self.session.context({}, instances, fleet)
            for one in chosen:
                self._tell(one)
            places = sites(fleet, self.context, chosen)
            with ExitStack() as stack:
                lives = {name: stack.enter_context(closing(live.Live(one)))
                         for name, one in places.items()}
                yield Course.Look(self, places, instances, lives)

    def _client_file(self, datacenter: Datacenter) -> Path:
        return self.session.state / CLIENTS / f"kafkalab.{datacenter.name}.json"

    def _tell(self, datacenter: Datacenter) -> None:
        """Write down what the exercise's own programs have to tell closed brokers."""
        endpoint = self.context.external(datacenter)
        if endpoint.settings:
            path = self._client_file(datacenter)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(path, json.dumps(endpoint.librdkafka, indent=2, sort_keys=True) + "\n")

    def _there(
        self, datacenters: Sequence[Datacenter], instances: Mapping[str, Instance]
    ) -> None:
        """Raises LabError where a datacenter has no broker's host that runs."""
        steps = self.session.platform.steps
        for one in datacenters:
            hosts = [instances[host.name] for host in one.by_role("kafka")
                     if host.name in instances]
            if not hosts:
                raise LabError("the lab is not there", where=one.name, hint=steps.absent)
            if not any(host.running for host in hosts):
                raise LabError("the lab is stopped", where=one.name, hint=steps.stopped)

    def question(self, name: str) -> Question:
        """One of the exercise's questions. Raises UsageError."""
        for one in self.exercise.questions:
            if one.id == name:
                return one
        known = ", ".join(one.id for one in self.exercise.questions) or "none"
        raise UsageError(f"{self.exercise.id} has no question {name!r}", hint=f"known: {known}")

    def hinted(self, verdict: Verdict) -> tuple[str, ...]:
        """The hints for a verdict that were given up to now, and one more each time."""
        before, after = self.progress.hint(f"{verdict.claim}/{verdict.state}")
        if before < len(verdict.hints):
            self.keep(after)
        return verdict.hints[:before + 1]

    @dataclass
    class Look:
        """An exercise with connections to its datacenters. asked: what they answered since the
        facts were last asked for anew."""

        course: Course
        sites: dict[str, Site]
        instances: dict[str, Instance]
        lives: dict[str, live.Live]
        asked: dict[str, Any] = field(default_factory=dict)
        last: Bench | None = None

        def facts(self) -> Facts:
            """What is so from now on: each fact is asked for anew, once."""
            self.asked.clear()
            return live.facts(self.lives, self.course.place.datacenter.name, self.asked)

        def bench(self) -> Bench:
            """What there is to judge by now."""
            course = self.course
            self.last = Bench(course.exercise, course.values, self.facts(), course.progress,
                              course.language)
            return self.last

        def drawings(self) -> tuple[tuple[str, Drawing], ...]:
            """What there is to draw of the facts that were last judged."""
            return drawings((self.last or self.bench()).survey())

        def snapshot(self) -> Snapshot:
            """All that was last judged by, and what belongs to its drawings."""
            self.drawings()
            course, last = self.course, self.last or self.bench()
            return Snapshot(course.exercise.id, course.place.datacenter.name, course.values,
                            last.progress, self.asked)

        def check(self, claim: str = "", *, patient: bool = True) -> Judged:
            """Judge now, one claim or all, and wait (if `patient`) for those that take their time;
            what came is kept. Raises UsageError for a claim that there is not."""
            course = self.course
            if claim and claim not in (one.id for one in course.exercise.claims):
                known = ", ".join(one.id for one in course.exercise.claims)
                raise UsageError(f"no claim {claim!r}", hint=f"known: {known}")
            waits = {one.id: one.wait for one in course.exercise.claims if patient}
            began = time.monotonic()

            def judged() -> Judged:
                return self.bench().judge(now=time.time(), only=claim)

            found = judged()
            while not found.solved:
                # What others of it have to wait for is not there yet, so nobody waits for them.
                first = found.first
                left = waits.get(first.claim, 0) if first else 0
                if time.monotonic() - began >= left or _hopeless(found):
                    break
                time.sleep(WATCH_SECONDS / 4)
                found = judged()
            if course.progress.started:
                course.keep(found.progress)
            return found

        def answer(self, name: str, said: str) -> None:
            """Write down what a student predicts. Raises UsageError for an answer that there is
            not, and when what is asked for has come."""
            course = self.course
            question = course.question(name)
            if question.choices and said not in question.choices:
                accepted = ", ".join(question.choices)
                raise UsageError(f"{name}: {said!r}", hint=f"accepted: {accepted}")
            if self.bench().too_late(question):
                raise UsageError(
                    f"{name}: it has come already, so this is no prediction any more",
                    hint=f"`fab exercise.reset {course.exercise.id}`, and begin anew",
                )
            course.keep(course.begin().answer(name, said))

        def run(self, script: Path) -> str:
            """Run a script of the exercise; what it printed. Raises LabError."""
            course = self.course
            with tempfile.TemporaryDirectory(prefix="kafkalab-") as folder:
                path = shell.config(
                    [one for one in self.instances.values() if one.running and one.host_key],
                    course.session.platform.key_file, Path(folder),
                )
                return shell.run(
                    script, folder=course.book.folder,
                    values={**course.values, "exercise": course.exercise.id},
                    ssh_config=path, tools=course.place.tools.name, where=course.exercise.id,
                    seconds=max(shell.SECONDS, 60.0 * course.exercise.minutes),
                    exports=exports(course.context.internal(course.place.datacenter)),
                )

        def prepare(self) -> None:
            """Make what the exercise lets a student find, once; again where that was cut off, and
            in a lab that does not have its topics any more. Raises LabError."""
            course = self.course
            fault = course.book.fault
            if fault is None:
                return
            topics = [str(filled(one, course.values)) for one in course.exercise.topics]
            known = self.facts()
            if course.progress.prepared and all(known.topic(one) for one in topics):
                return
            self.run(fault)
            course.keep(replace(course.progress, prepared=time.time()))

        def reset(self) -> list[str]:
            """Bring the first state back: what scripts began is ended, brokers run, no transaction
            is open, the exercise's topics, their copies and its groups are gone; what was done, in
            words. Raises LabError."""
            course = self.course
            if course.progress.prepared:  # first, so that one that is cut off leaves none half made
                course.keep(replace(course.progress, prepared=0.0))
            here = self.sites[course.place.datacenter.name]
            brokers = [host.name for host in here.datacenter.by_role("kafka")]
            done = ended(here, [course.place.tools.name, *brokers], course.exercise.id)
            if course.exercise.certificates:
                done += recertified(here)
            done += awake(here) + self._settled()
            topics = [str(filled(one, course.values)) for one in course.exercise.topics]
            groups = [str(filled(one, course.values)) for one in course.exercise.groups]
            shares = [str(filled(one, course.values)) for one in course.exercise.share_groups]
            done += remove_shared(here, shares)
            connectors = [str(filled(one, course.values)) for one in course.exercise.connectors]
            files = [str(filled(one, course.values)) for one in course.exercise.files]
            mirror = course.place.mirror
            there = self.sites[mirror.target] if mirror and course.exercise.pipeline else here
            done += remove_connectors(there, connectors, files)
            done += unlimited(here, [str(filled(one, course.values))
                                     for one in course.exercise.clients])
            done += remove_subjects(there, [
                str(filled(one, course.values)) for one in course.exercise.subjects])
            if course.exercise.user:
                done += ungranted(here, course.exercise.user)
            if mirror and course.exercise.pipeline:
                done += remove_documents(there, [remote_name(mirror, one) for one in topics])
            if mirror and course.exercise.mirror:
                done += remove_mirrored(self.sites, mirror, topics, groups)
            else:
                done += remove(here, topics, groups)
            # Brokers' logs go on, too, in what they have refused.
            anew = course.exercise
            if anew.mirror or anew.connect or anew.monitoring or anew.user:
                before = course.progress
                used = bool(done) or bool(before.started)
                course.keep(Progress(again=before.again + used))
            else:
                course._file.unlink(missing_ok=True)
            return done

        def left(self) -> str:
            """What only a person can bring back: the release with which the exercise begins. How,
            in words; "" where there is nothing left to do."""
            course, here = self.course, self.course.place.datacenter.name
            begins = course.exercise.begins
            return f"{here}: {line}" if begins and (
                line := backward(begins, self.facts().releases().values())) else ""

        def _settled(self) -> list[str]:
            """Abort transactions that the exercise left open. Their markers would come into the
            topics of the same names that are made next."""
            course, done = self.course, []
            here = course.place.datacenter.name

            def is_open(id: str) -> bool:
                found = self.facts().transaction(id)
                return found is not None and not found.settled

            for id in (str(filled(one, course.values)) for one in course.exercise.transactions):
                if is_open(id):
                    end_transaction(self.sites[here].kafka.endpoint, id)
                    if is_open(id):
                        raise LabError(f"transaction {id} is still open", where=here,
                                       hint="reset again; see `fab status`")
                    done.append(f"{here}: transaction {id} aborted")
            return done


def _from_here(context: Context, host: Host, port: int) -> str:
    """A port of a host as programs on this machine reach it."""
    return "http://{}:{}".format(*context.way(host, port))


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also while another check writes it: a solution runs some itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _hopeless(found: Judged) -> bool:
    """Whether waiting cannot help: a question is not answered, or nothing was done yet."""
    return any(one.state in ("unanswered", "absent") for one in found.verdicts if not one.held)
