"""An exercise's first state, brought back: nothing is left of what was done in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.learning.exercise import filled
from lab.learning.progress import Progress
from lab.mirrors.topics import predicted, remote_name
from scripts.clients.kafka import end_transaction
from scripts.errors import LabError
from scripts.learning.back import awake, ended
from scripts.learning.guarded import recertified, ungranted
from scripts.learning.look import Look, downstream
from scripts.learning.removal import (
    remove,
    remove_connectors,
    remove_copies,
    remove_documents,
    remove_mirrored,
    remove_shared,
    remove_subjects,
    unlimited,
)

# A program that was ended just now may have asked for its topic, which a broker makes then.
AWAY_SECONDS = 1.0


def reset(look: Look) -> list[str]:
    """What scripts began is ended, brokers run, no transaction is open, the exercise's topics,
    their copies and its groups are gone; what was done, in words. look: with copies. Raises
    LabError."""
    course, exercise = look.course, look.course.exercise
    if course.progress.prepared:  # first, so that one that is cut off leaves none half made
        course.keep(replace(course.progress, prepared=0.0))
    here = look.sites[course.place.datacenter.name]
    brokers = [host.name for host in here.datacenter.by_role("kafka")]
    done = ended(here, [course.place.tools.name, *brokers], exercise.id)
    if exercise.certificates:
        done += recertified(here)
    done += awake(here) + _settled(look)
    done += _removed(look)
    # Brokers' logs go on, too, in what they have refused.
    before = course.progress
    kept = Progress(language=before.language)
    if exercise.mirror or exercise.connect or exercise.monitoring or exercise.user:
        kept = replace(kept, again=before.again + (bool(done) or bool(before.started)))
    if kept == Progress():
        course.forget()
    else:
        course.keep(kept)
    return done


def _removed(look: Look) -> list[str]:
    """All that has the exercise's names is removed."""
    course, exercise, mirror = look.course, look.course.exercise, look.course.place.mirror

    def names(patterns: Iterable[str]) -> list[str]:
        return [str(filled(one, course.values)) for one in patterns]

    here = look.sites[course.place.datacenter.name]
    there = look.sites[mirror.target] if mirror and exercise.pipeline else here
    topics, groups = names(exercise.topics), names(exercise.groups)
    done = remove_shared(here, names(exercise.share_groups))
    done += remove_connectors(there, names(exercise.connectors), names(exercise.files))
    done += unlimited(here, names(exercise.clients))
    done += remove_subjects(there, names(exercise.subjects))
    if exercise.user:
        done += ungranted(here, exercise.user)
    if mirror and exercise.pipeline:
        done += remove_documents(there, [remote_name(mirror, one) for one in topics])
    if mirror and exercise.mirror:
        gone = remove_mirrored(look.sites, mirror, topics, groups)
        beyond = [name for name in downstream(course) if name != mirror.target]
    else:
        gone, beyond = remove(here, topics, groups, stay=AWAY_SECONDS), downstream(course)
    # Whether an exercise is about mirrors or not: they copy its topics and move its groups.
    names_there = predicted(here.lab.mirrors, {here.name: topics})
    copies = {name: tuple(names_there.get(name, ())) for name in beyond}
    done += gone + remove_copies(look.sites, copies, groups, was_there=bool(gone))
    return done + [f"{name}: does not run, so copies stay there: {', '.join(copies[name])}"
                   for name in beyond if copies[name] and name not in look.sites]


def _settled(look: Look) -> list[str]:
    """Abort transactions that the exercise left open. Their markers would come into the topics of
    the same names that are made next."""
    course, done = look.course, []
    here = course.place.datacenter.name

    def is_open(id: str) -> bool:
        found = look.facts().transaction(id)
        return found is not None and not found.settled

    for id in (str(filled(one, course.values)) for one in course.exercise.transactions):
        if is_open(id):
            end_transaction(look.sites[here].kafka.endpoint, id)
            if is_open(id):
                raise LabError(f"transaction {id} is still open", where=here,
                               hint="reset again; see `fab status`")
            done.append(f"{here}: transaction {id} aborted")
    return done
