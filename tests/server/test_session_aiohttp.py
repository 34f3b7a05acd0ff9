"""Sessions shared with an application of aiohttp-session."""

import asyncio
import json
import threading
import time

import pytest

from harness import ports
from harness.sessions import Client, MODULES, conf


class SharedStorage:
    """aiohttp-session's own Redis storage over a client with the two methods that
    it uses (the packaged one wants a client library that is not packaged)."""

    def __new__(cls, redis):
        from aiohttp_session import redis_storage

        class Pool:
            async def get(self, key):
                return redis("GET", key)

            async def set(self, key, value, ex=None):
                redis("SET", key, value, *(["EX", str(ex)] if ex else []))

        class Library:
            Redis = Pool
            __version__ = "2.0.0"

        redis_storage.aioredis = Library
        return redis_storage.RedisStorage(Pool(), cookie_name="AIOHTTP_SESSION")


def aiohttp_site(redis, port):
    from aiohttp import web
    import aiohttp_session

    async def home(request):
        session = await aiohttp_session.get_session(request)
        last = session.get("last_visit")
        session["last_visit"] = time.time()
        return web.Response(text="Last visited: %s" % (time.ctime(last) if last else last))

    async def values(request):
        session = await aiohttp_session.get_session(request)
        session["seen"] = ["é", 1, 1.5, None, {"x": True}]
        return web.json_response(dict(session))

    async def run():
        app = web.Application()
        aiohttp_session.setup(app, SharedStorage(redis))
        app.add_routes([web.get("/", home), web.get("/values", values)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await runner.cleanup()

    ready, over = threading.Event(), threading.Event()
    t = threading.Thread(target=lambda: asyncio.run(run()))
    t.start()
    assert ready.wait(10)

    def end():
        over.set()
        t.join()
    return end


@pytest.mark.filterwarnings("ignore")
def test_beside_aiohttp(server, redis):
    pytest.importorskip("aiohttp_session")
    r = redis()
    port = ports.free_port()
    end = aiohttp_site(r, port)
    try:
        s = server(conf("redis://127.0.0.1:%d/0" % r.port), main=MODULES)
        ours, theirs = Client(s.port()), Client(port)
        assert ours("/").text == theirs("/").text == "Last visited: None"
        for client, one, other in ((ours, s.port(), port), (theirs, port, s.port())):
            last = None
            id = client.id
            for turn in range(4):
                client.address = other if turn % 2 == 0 else one
                stored = json.loads(r("GET", "AIOHTTP_SESSION_" + client.id))
                assert client("/").text == "Last visited: " + time.ctime(
                    stored["session"]["last_visit"])
                assert client.id == id
            client.address = port
            client("/values")
            client.address = s.port()
            client("/set/a/1")
            got = json.loads(client("/get").text)
            assert got["seen"] == ["é", 1, 1.5, None, {"x": True}] and got["a"] == "1"
            client.address = port
            assert json.loads(client("/values").text) == got
    finally:
        end()
