"""The tutorial's programs with SQLite, in aiohttp: a database opened at the start and
closed at the end (9), a middleware that puts a transaction around each handler (11),
middlewares that check the login, count visits and record the address (12).

    tutorial_sqlite_app.py PORT DATABASE
"""

import asyncio
import sqlite3
import sys

import aiosqlite
from aiohttp import web

PORT, DATABASE = sys.argv[1:]
routes = web.RouteTableDef()


async def database(app):
    app["db"] = await aiosqlite.connect(DATABASE, isolation_level=None)
    app["turn"] = asyncio.Lock()
    yield
    await app["db"].close()


@web.middleware
async def transaction(request, handler):
    db = request.app["db"]
    async with request.app["turn"]:
        await db.execute("BEGIN")
        try:
            response = await handler(request)
        except web.HTTPException:
            await db.execute("ROLLBACK")
            raise
        except sqlite3.IntegrityError as e:
            await db.execute("ROLLBACK")
            return web.json_response({"error": str(e)}, status=409)
        except Exception as e:
            await db.execute("ROLLBACK")
            return web.json_response({"error": str(e)}, status=500)
        await db.execute("COMMIT")
    return response


@web.middleware
async def logged_in(request, handler):
    if request.path.startswith("/private") and request.cookies.get("user") != "ann":
        return web.json_response({"error": "log in first"}, status=401)
    return await handler(request)


@web.middleware
async def visits(request, handler):
    await request.app["db"].execute(
        "INSERT INTO visits(page, address, n) VALUES(?, ?, 1) "
        "ON CONFLICT(page) DO UPDATE SET n = n + 1", (request.path, request.remote))
    return await handler(request)


async def insert(request, sql, *values):
    async with request.app["db"].execute(sql, values) as cursor:
        return cursor.lastrowid


@routes.post("/post")
async def post(request):
    args = await request.json()
    new = await insert(request, "INSERT INTO posts(title, text) VALUES(?, ?)",
                       args["title"], args["text"])
    return web.json_response({"new_post": new})


@routes.post("/wrong")
async def wrong(request):
    """Names two columns and gives four values."""
    args = await request.json()
    await insert(request, "INSERT INTO posts(title, text) VALUES(?, ?)", args["title"], "")
    await insert(request, "INSERT INTO posts(title, text) VALUES(?, ?, ?, ?)",
                 args["title"], "", "", "")
    return web.json_response({})


@routes.post("/twice")
async def twice(request):
    args = await request.json()
    await insert(request, "INSERT INTO posts(title, text) VALUES(?, 'first')",
                 args["title"])
    await insert(request, "INSERT INTO posts(title, text) VALUES(?, 'second')",
                 args["title"])
    return web.json_response({"stored": True})


@routes.get("/private/visits")
async def private(request):
    async with request.app["db"].execute(
            "SELECT n, address FROM visits WHERE page = ?", (request.path,)) as cursor:
        n, address = await cursor.fetchone()
    return web.json_response({"visits": n, "address": address})


def main():
    # The check stands outside: who is not logged in begins no transaction.
    app = web.Application(middlewares=[logged_in, transaction, visits])
    app.cleanup_ctx.append(database)
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)


main()
