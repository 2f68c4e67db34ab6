"""The catalogue: everything the system knows that is not footage itself. One attribute per noun.

Async; SQL runs on the driver's threads, conversions of many rows on one thread of the catalogue's own.
"""

from __future__ import annotations

from sqlalchemy import select, text

from vms.clock import Clock, SystemClock
from vms.errors import CatalogueError
from vms.store.alarms import Alarms
from vms.store.apply import Replica
from vms.store.audit import Audit
from vms.store.bookmarks import Bookmarks
from vms.store.cameras import Cameras
from vms.store.cases import Cases
from vms.store.database import POOL, Database, parse_url
from vms.store.displays import Displays
from vms.store.due_copies import DueCopies
from vms.store.events import Events
from vms.store.gaps import Gaps
from vms.store.holds import Holds
from vms.store.jobs import Jobs
from vms.store.migrate import upgrade
from vms.store.notes import OutboxOptions
from vms.store.outbox import Outbox
from vms.store.pairings import Pairings
from vms.store.people import People, Sessions
from vms.store.pruning import Pruning
from vms.store.rebuilding import Rebuilding
from vms.store.rules import Rules
from vms.store.runs import Grants, Runs
from vms.store.search import Search
from vms.store.secret import Sealer
from vms.store.segments import Copies, Segments
from vms.store.sites import Nodes, Sites, Stores
from vms.store.sprites import Sprites
from vms.store.table_rows import TableRows
from vms.store.tables import meta
from vms.store.timelines import Timelines
from vms.store.tours import Tours
from vms.store.turns import Turns
from vms.store.unsigned import Unsigned
from vms.store.views import Views
from vms.store.walls import Walls

_KEY_CHECK = "key_check"
_KNOWN_TEXT = "this catalogue belongs to this key"


class Catalogue:
    """Open it with `await Catalogue.open(url, key=…)`, close it with `await close()`."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, node: str) -> None:
        self._db = database
        self._sealer = sealer
        self.nodes = Nodes(database)
        self.stores = Stores(database)
        self.sites = Sites(database)
        self.cameras = Cameras(database, sealer)
        self.runs = Runs(database)
        self.grants = Grants(database)
        self.segments = Segments(database)
        self.copies = Copies(database)
        self.due_copies = DueCopies(database)
        self.gaps = Gaps(database)
        self.timelines = Timelines(database)
        self.sprites = Sprites(database)
        self.events = Events(database)
        self.bookmarks = Bookmarks(database)
        self.search = Search(database)
        self.jobs = Jobs(database)
        self.cases = Cases(database)
        self.holds = Holds(database)
        self.rules = Rules(database)
        self.alarms = Alarms(database)
        self.people = People(database)
        self.sessions = Sessions(database)
        self.audit = Audit(database, clock, node)
        self.outbox = Outbox(database)
        self.unsigned = Unsigned(database)
        self.turns = Turns(database)
        self.pruning = Pruning(database)
        self.rebuilding = Rebuilding(database)
        self.replica = Replica(database, clock, node)
        self.views = Views(database)
        self.tours = Tours(database)
        self.walls = Walls(database)
        self.displays = Displays(database)
        self.pairings = Pairings(database)
        self.table_rows = TableRows(database)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        key: bytes,
        clock: Clock | None = None,
        node: str = "local",
        outbox: OutboxOptions | None = None,
        pool: int = POOL,
    ) -> Catalogue:
        """Connect to `sqlite:///file` (made where it is missing; its folder must exist) or `postgresql://…`, bring the
        schema up to date, and see that `key` (32 bytes) is the one its secrets are sealed under. `node`: who writes
        audit entries. `outbox`: where in a cluster it stands; None: alone, nothing travels. `pool`: connections at
        most, where it is PostgreSQL. CatalogueError in plain words where any of it fails."""
        sealer = Sealer(key)
        parsed = parse_url(url)
        await upgrade(parsed)
        catalogue = cls(Database(parsed, outbox, pool), sealer, clock or SystemClock(), node)
        try:
            await catalogue._check_key()
        except BaseException:
            await catalogue.close()
            raise
        return catalogue

    async def close(self) -> None:
        """Give everything back; idempotent."""
        await self._db.close()

    async def check(self) -> None:
        """Prove that it answers. CatalogueError where it does not."""
        async with self._db.read() as connection:
            await connection.execute(select(meta.c.name).limit(1))

    async def schema_version(self) -> str:
        """The revision of its schema, such as `0001`."""
        async with self._db.read() as connection:
            version = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        return str(version)

    async def _check_key(self) -> None:
        async with self._db.write() as connection:
            await self._db.alone(connection, _KEY_CHECK)
            row = (await connection.execute(select(meta.c.value).where(meta.c.name == _KEY_CHECK))).first()
            if row is None:
                values = {"name": _KEY_CHECK, "value": self._sealer.seal(_KNOWN_TEXT, _KEY_CHECK)}
                await connection.execute(meta.insert(), values)
                return
        try:
            self._sealer.open(row.value, _KEY_CHECK)
        except CatalogueError as error:
            raise CatalogueError(
                "the key file does not belong to this catalogue", hint="Restore the key file it was made with."
            ) from error
