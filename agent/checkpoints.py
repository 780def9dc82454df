"""Where every conversation stands, in SQLite: LangGraph's own saver, at work in one thread of its own.

LangGraph's `AsyncSqliteSaver` hands every statement, cursor and commit to its thread apart, some two hundred times a turn;
here each checkpoint goes there once.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver


class Checkpoints(SqliteSaver):
    """The checkpoints of all conversations of one process."""

    def __init__(self, file: Path) -> None:
        """Open the file, or begin it; a commit is not flushed, which is safe when the process is killed."""
        super().__init__(sqlite3.connect(file, check_same_thread=False))
        self.setup()
        self.conn.execute("pragma synchronous=normal")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    async def _there(self, do: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, *arguments)

    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        found: CheckpointTuple | None = await self._there(self.get_tuple, config)
        return found

    async def alist(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        for one in await self._there(lambda: list(self.list(config, filter=filter, before=before, limit=limit))):
            yield one

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        return await self._there(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        await self._there(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await self._there(self.delete_thread, thread_id)

    async def threads(self) -> list[str]:
        """Every conversation there is."""
        return [name for (name,) in await self._there(self._rows, "select distinct thread_id from checkpoints")]

    def _rows(self, query: str) -> list[Any]:
        with self.cursor(transaction=False) as cursor:
            return cursor.execute(query).fetchall()

    async def keep_last(self, thread: str) -> None:
        """Keep the last checkpoint of a conversation alone: nobody goes back to the steps of a turn that ended."""
        await self._there(self._keep_last, thread)

    def _keep_last(self, thread: str) -> None:
        before = "thread_id = ? and checkpoint_id < (select max(checkpoint_id) from checkpoints where thread_id = ?)"
        with self.cursor() as cursor:
            for table in ("writes", "checkpoints"):
                cursor.execute(f"delete from {table} where {before}", (thread, thread))

    def close(self) -> None:
        """Wait for what is being written, and close the file."""
        self._thread.shutdown()
        self.conn.close()
