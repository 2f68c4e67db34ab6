"""Rules, and the Alarms that they or a person raised (vms/domain/rule.py, vms/domain/alarm.py)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, false, text

from vms.store.tables.base import ID_CHARS, METADATA

IS_LIVING_ALARM = text("(acknowledged_ns IS NULL OR over_ns IS NULL)")
"""Alarms that are not closed: what is raised, joined, acknowledged and ended is looked for among these few."""

rules = Table(
    "rules",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Rule; never changes."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("enabled", Boolean, nullable=False, doc="False: raises nothing."),
    Column("kinds", JSON, nullable=False, doc="Kinds of Events, as a list."),
    Column("sites", JSON, nullable=False, doc="Ids of Sites, with those below them; with `cameras` empty: everywhere."),
    Column("cameras", JSON, nullable=False, doc="Ids of Cameras beside those of `sites`."),
    Column("areas", JSON, nullable=False, doc="Ids of areas of Cameras: of motion only these; empty: any."),
    Column("days", JSON, nullable=False, doc="Days of the week when it holds, 0 Monday to 6 Sunday, WIB."),
    Column("from_min", Integer, nullable=False, doc="Minute of the day from which it holds, WIB."),
    Column("to_min", Integer, nullable=False, doc="Minute of the day until which; not greater: over midnight."),
    Column("min_duration_s", Integer, nullable=False, doc="An Event must last so many seconds."),
    Column("priority", Integer, nullable=False, doc="1 (at once) to 3."),
    Column("sound", Boolean, nullable=False, doc="Whether its Alarms are heard."),
    Column("alarm_tile", Boolean, nullable=False, doc="Whether they bring their Camera onto the alarm tile."),
    Column(
        "displays", JSON, nullable=False, server_default="[]", doc="Ids of Displays that they bring their Camera onto."
    ),
    Column("display_s", Integer, nullable=False, server_default="0", doc="For so long at most; 0: until acknowledged."),
    Column("cooldown_s", Integer, nullable=False, doc="So long after an acknowledgement the same is no new Alarm."),
    Column("since_ns", BigInteger, nullable=False, doc="From when on it holds as it is."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
)

alarms = Table(
    "alarms",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Alarm."),
    Column("kind", String(32), nullable=False, doc="Kind of its newest Event; `by_hand`: a Person raised it."),
    Column("priority", Integer, nullable=False, doc="1 (at once) to 3."),
    Column("raised_ns", BigInteger, nullable=False, doc="When it was raised."),
    Column("again_ns", BigInteger, nullable=False, doc="When it was raised last; the same where it was once."),
    Column("rule", String(ID_CHARS), nullable=True, doc="The Rule, which may be gone; null: a Person raised it."),
    Column("rule_name", String(100), nullable=False, doc="The Rule's name then."),
    Column("event", String(ID_CHARS), nullable=True, doc="Its newest Event; null: a Person raised it."),
    Column("subject", String(ID_CHARS), nullable=False, doc="The Camera, else Node, else Site that it is about."),
    Column("site", String(ID_CHARS), nullable=True, doc="The Site it is about; null: none."),
    Column("camera", String(ID_CHARS), nullable=True, doc="The Camera it is about; null: none."),
    Column("node", String(ID_CHARS), nullable=True, doc="The Node it is about; null: none."),
    Column("raised_by", String(ID_CHARS), nullable=True, doc="The Person who raised it; null: a Rule."),
    Column("note", String(500), nullable=False, doc="What that Person said."),
    Column("sound", Boolean, nullable=False, doc="Whether it is heard."),
    Column("alarm_tile", Boolean, nullable=False, doc="Whether its Camera is brought onto the alarm tile."),
    Column(
        "late", Boolean, nullable=False, server_default=false(), doc="Its cause was over long before it was raised."
    ),
    Column(
        "displays", JSON, nullable=False, server_default="[]", doc="Ids of Displays that it brings its Camera onto."
    ),
    Column("displays_until_ns", BigInteger, nullable=True, doc="Until when it may; null: it brings it onto none."),
    Column("times", Integer, nullable=False, doc="How often it was raised before it was done with."),
    Column("acknowledged_by", String(ID_CHARS), nullable=True, doc="The Person who acknowledged it."),
    Column("acknowledged_ns", BigInteger, nullable=True, doc="When; null: nobody has."),
    Column("acknowledged_note", String(500), nullable=False, doc="What that Person said."),
    Column("over_ns", BigInteger, nullable=True, doc="When its cause ended; null while it goes on."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
    Index("ix_alarms_raised_ns", "raised_ns", "id"),
    Index("ix_alarms_subject", "rule", "subject", "raised_ns"),
    Index("ix_alarms_living", "raised_ns", sqlite_where=IS_LIVING_ALARM, postgresql_where=IS_LIVING_ALARM),
)

alarm_events = Table(
    "alarm_events",
    METADATA,
    Column("rule", String(ID_CHARS), primary_key=True, doc="The Rule."),
    Column("event", String(ID_CHARS), primary_key=True, doc="The Event, from which this Rule raises once."),
    Column("alarm", String(ID_CHARS), ForeignKey("alarms.id", ondelete="CASCADE"), nullable=False, doc="The Alarm."),
    Column("at_ns", BigInteger, nullable=False, doc="When it was raised."),
    Index("ix_alarm_events_alarm", "alarm"),
)
