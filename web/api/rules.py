"""Rules of alarms: list, keep, change, delete; and what one would have raised, before it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from vms.clock import NS_PER_S
from vms.domain.event import Event, EventKind
from vms.domain.ids import is_id, new_id
from vms.domain.rule import Rule, raised_by
from vms.errors import ConflictError, InputError, NotFoundError
from vms.store.events import Wanted
from vms.store.rules import BrokenRule
from web.api.errors import CHANGES, problems
from web.deps import PartsOf, Who
from web.parts import Parts
from web.schemas_alarms import BrokenRuleOut, PreviewOut, RuleIn, RuleOut, RulePatch, RulesOut, ScheduleBody
from web.times import format_time

router = APIRouter(prefix="/api/rules", tags=["rules"])

CHANGED = "rule.changed"
RULES_MAX = 200
_PREVIEW_H = 24
_PREVIEW_EVENTS = 5_000
_PREVIEW_TIMES = 50


async def rule_of(rule_id: str, _who: Who, parts: PartsOf) -> Rule:
    """The rule named in the address."""
    rule = await any_rule(rule_id, _who, parts)
    if isinstance(rule, BrokenRule):
        raise ConflictError("The rule cannot be read.", hint="Delete it and make it anew.", reason="rule_broken")
    return rule


async def any_rule(rule_id: str, _who: Who, parts: PartsOf) -> Rule | BrokenRule:
    """The same, also where it cannot be read."""
    rule = await parts.catalogue.rules.get(rule_id) if is_id(rule_id) else None
    if rule is None:
        raise NotFoundError("There is no such rule.", hint="It may have been deleted.", reason="rule_gone")
    return rule


OneRule = Annotated[Rule, Depends(rule_of)]
AnyRule = Annotated[Rule | BrokenRule, Depends(any_rule)]


def _out(rule: Rule) -> RuleOut:
    schedule = rule.schedule
    hours = ScheduleBody(days=sorted(schedule.days), from_min=schedule.from_min, to_min=schedule.to_min)
    return RuleOut.model_validate(
        {name: getattr(rule, name) for name in RuleOut.model_fields if name != "schedule"} | {"schedule": hours},
        from_attributes=True,
    )


def _values(body: RuleIn | RulePatch) -> dict[str, Any]:
    """What was given, in the domain's types. InputError where a schedule never holds."""
    given: dict[str, Any] = {
        name: value for name in body.model_fields_set - {"rev"} if (value := getattr(body, name)) is not None
    }
    for name in ("kinds", "sites", "cameras", "areas", "displays"):
        if name in given:
            given[name] = tuple(dict.fromkeys(str(one) for one in given[name]))
    if body.schedule is not None:
        given["schedule"] = body.schedule.schedule()
    return given


async def _made(parts: Parts, body: RuleIn) -> Rule:
    rule = Rule(id=new_id(), since_ns=parts.clock.now_ns(), **{"kinds": ()} | _values(body))
    await _check(parts, rule, ())
    return rule


async def _check(parts: Parts, rule: Rule, known: tuple[str, ...]) -> None:
    """InputError where it names a site, camera or display that is not there; what it named before may have gone."""
    sites = {site.id for site in await parts.catalogue.sites.list()}
    cameras = {camera.id for camera in await parts.catalogue.cameras.list()}
    displays = {display.id for display in await parts.catalogue.displays.list()} if rule.displays else set()
    for field, ids, there in (
        ("sites", rule.sites, sites), ("cameras", rule.cameras, cameras), ("displays", rule.displays, displays),
    ):  # fmt: skip
        if not set(ids) <= there | set(known):
            one = field.removesuffix("s")
            raise InputError(f"There is no such {one}.", field=field, reason=f"{one}_gone")


@router.get("", operation_id="listRules", responses=problems())
async def list_rules(_who: Who, parts: PartsOf) -> RulesOut:
    """All rules by name."""
    rules, broken = await parts.catalogue.rules.read()
    return RulesOut(
        items=[_out(rule) for rule in rules],
        kinds=[kind.value for kind in EventKind],
        broken=[BrokenRuleOut(id=one.id, name=one.name, rev=one.rev) for one in broken],
    )


@router.post("", operation_id="addRule", status_code=201, responses=problems(*CHANGES, 409))
async def add_rule(body: RuleIn, response: Response, who: Who, parts: PartsOf) -> RuleOut:
    """Keep a rule: what goes on now raises alarms too, what was over does not."""
    rules, broken = await parts.catalogue.rules.read()
    if len(rules) + len(broken) >= RULES_MAX:
        raise ConflictError(
            f"There are {RULES_MAX} rules already.",
            hint="Delete some first.",
            reason="rules_full",
            params={"limit": str(RULES_MAX)},
        )
    rule = await _made(parts, body)
    await parts.catalogue.rules.add(rule)
    parts.bus.publish(CHANGED, {"rule": rule.id})
    await parts.audit.add(who.person.id, "rule.add", rule.id, name=rule.name)
    response.headers["Location"] = f"/api/rules/{rule.id}"
    return _out(rule)


@router.post("/preview", operation_id="previewRule", responses=problems(*CHANGES))
async def preview_rule(body: RuleIn, _who: Who, parts: PartsOf) -> PreviewOut:
    """What a rule would have raised in the last 24 hours. Nothing is kept."""
    now_ns = parts.clock.now_ns()
    rule = replace(await _made(parts, body), enabled=True, since_ns=0)
    begun_ns = now_ns - _PREVIEW_H * 3600 * NS_PER_S
    wanted = Wanted(from_ns=begun_ns, kinds=rule.kinds)
    found = await parts.catalogue.events.find(wanted, _PREVIEW_EVENTS + 1)
    raised = raised_by(rule, await _concerned(parts, rule, found[:_PREVIEW_EVENTS]), begun_ns, now_ns)
    times = [format_time(at_ns) for at_ns in reversed(raised[-_PREVIEW_TIMES:])]
    return PreviewOut(hours=_PREVIEW_H, raised=len(raised), times=times, more=len(found) > _PREVIEW_EVENTS)


async def _concerned(parts: Parts, rule: Rule, events: list[Event]) -> list[Event]:
    parents = {site.id: site.parent for site in await parts.catalogue.sites.list()}

    def above(site: str | None) -> set[str]:
        line: set[str] = set()
        while site is not None and site not in line:
            line.add(site)
            site = parents.get(site)
        return line

    return [event for event in events if rule.concerns(event, above(event.site))]


@router.get("/{rule_id}", operation_id="getRule", responses=problems(404, 409))
async def get_rule(rule: OneRule) -> RuleOut:
    """One rule."""
    return _out(rule)


@router.patch("/{rule_id}", operation_id="changeRule", responses=problems(*CHANGES, 404, 409))
async def change_rule(body: RulePatch, rule: OneRule, who: Who, parts: PartsOf) -> RuleOut:
    """Change what is given; `rev` must be that of the rule as it is now."""
    if body.rev != rule.rev:
        raise ConflictError(
            "Somebody else has changed the rule meanwhile.", hint="Load it again.", reason="rule_changed"
        )
    changed = replace(rule, **_values(body))
    await _check(parts, changed, (*rule.sites, *rule.cameras, *rule.displays))
    fields = sorted(name for name in body.model_fields_set - {"rev"} if getattr(changed, name) != getattr(rule, name))
    if fields:
        since_ns = rule.since_ns if changed.looks_for() == rule.looks_for() else parts.clock.now_ns()
        changed = replace(changed, since_ns=since_ns, rev=rule.rev + 1)
        await parts.catalogue.rules.update(changed)
        parts.bus.publish(CHANGED, {"rule": rule.id})
        await parts.audit.add(who.person.id, "rule.change", rule.id, name=changed.name, fields=fields)
    return _out(changed)


@router.delete("/{rule_id}", operation_id="removeRule", status_code=204, responses=problems(*CHANGES, 404, 409))
async def remove_rule(
    rule: AnyRule,
    who: Who,
    parts: PartsOf,
    rev: Annotated[int | None, Query(ge=1, le=2**53, description="Only this version.")] = None,
) -> None:
    """Delete a rule, also one that cannot be read; the alarms that it raised stay."""
    await parts.catalogue.rules.remove(rule.id, rev)
    parts.bus.publish(CHANGED, {"rule": rule.id})
    await parts.audit.add(who.person.id, "rule.remove", rule.id, name=rule.name)
