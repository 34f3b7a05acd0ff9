"""Program 13 of the tutorial, as an aiohttp application with aiohttp-session:

    python3 session_app.py PORT REDIS_PORT

GET / says when the session was here last, GET /plain the same as a number.  GET
/values puts values of all kinds in it and shows it, GET /get shows it, GET /add/KEY
counts, GET /logout ends it.
"""

import asyncio
import sys
import time
import warnings

import redis.asyncio

# What the package asks for is in redis-py since its version 4.2.
redis.asyncio.__version__ = "2.0.1"
sys.modules["aioredis"] = redis.asyncio
warnings.simplefilter("ignore")

import aiohttp_session                                        # noqa: E402
from aiohttp import web                                       # noqa: E402
from aiohttp_session.redis_storage import RedisStorage        # noqa: E402

routes = web.RouteTableDef()


@routes.get("/")
async def home(request):
    session = await aiohttp_session.get_session(request)
    last = session.get("last_visit")
    session["last_visit"] = time.time()
    return web.Response(text="Last visited: %s" % (time.ctime(last) if last else None))


@routes.get("/plain")
async def plain(request):
    session = await aiohttp_session.get_session(request)
    last = session["last_visit"] if "last_visit" in session else None
    session["last_visit"] = time.time()
    return web.Response(text="Last visited: {}".format(last))


@routes.get("/values")
async def values(request):
    session = await aiohttp_session.get_session(request)
    session["seen"] = ["é", 1, 1.5, None, {"x": True}]
    return web.json_response(dict(session))


@routes.get("/get")
async def show(request):
    session = await aiohttp_session.get_session(request)
    return web.json_response(dict(session))


@routes.get("/add/{key}")
async def add(request):
    session = await aiohttp_session.get_session(request)
    key = request.match_info["key"]
    session[key] = session.get(key, 0) + 1
    return web.json_response(session[key])


@routes.get("/logout")
async def logout(request):
    (await aiohttp_session.get_session(request)).invalidate()
    return web.Response(text="out")


async def application():
    app = web.Application()
    pool = redis.asyncio.Redis(port=int(sys.argv[2]))
    aiohttp_session.setup(app, RedisStorage(pool, cookie_name="AIOHTTP_SESSION"))
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), print=None,
                access_log=None, loop=asyncio.new_event_loop())
