"""Who sees which Case: its people while they may investigate somewhere, and admins of everything; and what others name
it by. Event loop only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from vms.domain.case import Case, CaseRole, CaseState
from vms.domain.ids import is_id
from vms.domain.rights import Right
from vms.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from web.deps import EyesOf, PartsOf, Who
from web.parts import Parts
from web.schemas_cases import CaseRef


@dataclass(frozen=True)
class Desk:
    """One person's view of Cases at one moment."""

    parts: Parts
    person: str
    is_admin: bool
    investigates: bool

    def sees(self, case: Case) -> bool:
        """Whether they may know of it."""
        return self.is_admin or (self.investigates and case.role_of(self.person) is not None)

    def owns(self, case: Case) -> bool:
        """Whether they may say who sees it, close it, and take off what it holds."""
        return self.is_admin or (self.investigates and case.role_of(self.person) is CaseRole.OWNER)

    def need_owner(self, case: Case) -> None:
        """Refuse who is a member only."""
        if not self.owns(case):
            raise ForbiddenError(
                "Only an owner of the case may do this.", hint="Ask one of them.", reason="case_not_owner"
            )

    async def case(self, case_id: str) -> Case:
        """One that they see. NotFoundError: there is none, or it is not theirs."""
        case = await self.parts.catalogue.cases.get(case_id) if is_id(case_id) else None
        if case is None or not self.sees(case):
            raise NotFoundError("There is no such case.", hint="It may not be yours.", reason="case_gone")
        return case

    async def open_case(self, case_id: str) -> Case:
        """One that something can be added to, as a body names it. InputError (field `case`): there is none, or it is
        closed."""
        case = await self.parts.catalogue.cases.get(case_id)
        if case is None or not self.sees(case):
            raise InputError("There is no such case.", field="case", reason="case_gone")
        if case.state is CaseState.CLOSED:
            raise InputError("The case is closed.", hint="Open it again first.", field="case", reason="case_closed")
        return case

    async def refs(self, case_ids: Iterable[str | None]) -> Mapping[str, CaseRef]:
        """Those that they see, by id."""
        found = [await self.parts.catalogue.cases.get(case_id) for case_id in {one for one in case_ids if one}]
        return {
            case.id: CaseRef(id=case.id, number=case.number, title=case.title)
            for case in found
            if case is not None and self.sees(case)
        }


def need_open(case: Case) -> None:
    """ConflictError where it is closed."""
    if case.state is CaseState.CLOSED:
        raise ConflictError("The case is closed.", hint="Open it again first.", reason="case_closed")


def desk_of(who: Who, eyes: EyesOf, parts: PartsOf) -> Desk:
    """Of whoever calls."""
    is_admin = eyes.at(Right.ADMIN, None)
    return Desk(parts, who.person.id, is_admin, is_admin or eyes.somewhere(Right.INVESTIGATE))


DeskOf = Annotated[Desk, Depends(desk_of)]


async def _case_of(case_id: str, desk: DeskOf) -> Case:
    return await desk.case(case_id)


OneCase = Annotated[Case, Depends(_case_of)]
