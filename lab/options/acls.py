"""What the section [security] says of access lists."""

from __future__ import annotations

from pydantic import Field

from lab.options.section import Section


class Acls(Section):
    """Whether brokers ask what somebody may do."""

    acls: bool = Field(
        False, description="whether brokers refuse what nobody has granted; the `acls` of "
                           "`[[users]]` do ([how](users.md#what-a-user-may-do))",
    )
