"""The section [security]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lab.options.fixed import PLAINTEXT
from lab.options.section import Section, shown

Protocol = Literal["plaintext", "tls", "mtls", "scram", "kerberos"]


def _listed(value: Any) -> Any:
    """One protocol as a list of one."""
    return (value,) if isinstance(value, str) else value


def _apart(value: tuple[Protocol, ...]) -> tuple[Protocol, ...]:
    if not value or len(set(value)) != len(value):
        raise ValueError("accepted: one, or two that differ while the lab moves, such as "
                         '["plaintext", "tls"]')
    if len({"mtls", "scram", "kerberos"} & set(value)) > 1:
        raise ValueError('accepted: one of them; "scram" has mtls beside it, and "kerberos" both')
    if "tls" in value and {"mtls", "scram", "kerberos"} & set(value):
        raise ValueError("accepted: one of tls and mtls, which have the same ports, and scram and "
                         "kerberos have mtls beside them; it goes from one to the other by way of "
                         '"plaintext"')
    return value


class Security(Section):
    """Who may listen in on the brokers and their clients."""

    listeners: Annotated[
        tuple[Protocol, ...], BeforeValidator(_listed), AfterValidator(_apart)
    ] = Field(
        (PLAINTEXT,),
        description='what brokers speak: `"plaintext"`, `"tls"`, `"mtls"`, where clients prove '
                    'themselves, too, `"scram"`, where people log in, or `"kerberos"`, where they '
                    'may also do so with a ticket; two while clients move, as '
                    '`["plaintext", "tls"]`, of which the brokers and the lab itself take the '
                    "last ([how](security.md))",
        json_schema_extra=shown(f'`"{PLAINTEXT}"`'),
    )
    certificate_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        365, description="how long a broker's certificate is good from the day on which it is made",
    )
    acls: bool = Field(
        False, description="whether brokers refuse what nobody has granted; the `acls` of "
                           "`[[users]]` do ([how](users.md#what-a-user-may-do))",
    )
