"""The aiohttp + aiosqlite program that tests/bench/sqlite measures weir beside: one
connection opened at the start, a middleware that puts a transaction around each
writing handler, as programs of this kind do.

    sqlite_peer.py PORT DATABASE TEMPLATES SYNCHRONOUS
"""

import asyncio
import sys

import aiosqlite
import jinja2
from aiohttp import web

PORT, DATABASE, TEMPLATES, SYNCHRONOUS = sys.argv[1:]
routes = web.RouteTableDef()


async def database(app):
    db = await aiosqlite.connect(DATABASE, isolation_level=None)
    db.row_factory = aiosqlite.Row
    await db.execute("PRAGMA journal_mode=wal")
    await db.execute("PRAGMA synchronous=" + SYNCHRONOUS)
    await db.execute("PRAGMA foreign_keys=1")
    app["db"] = db
    app["turn"] = asyncio.Lock()
    yield
    await db.close()


@web.middleware
async def transaction(request, handler):
    if request.method != "POST":
        return await handler(request)
    db = request.app["db"]
    async with request.app["turn"]:     # the connection has one transaction at a time
        await db.execute("BEGIN IMMEDIATE")
        try:
            response = await handler(request)
        except Exception as e:
            await db.execute("ROLLBACK")
            return web.json_response({"error": str(e)}, status=500)
        await db.execute("COMMIT")
    return response


@routes.post("/post")
async def post(request):
    data = await request.json()
    async with request.app["db"].execute(
            "INSERT INTO posts(title, text) VALUES(?, ?)",
            (data["title"], data["text"])) as cursor:
        return web.json_response({"new_post": cursor.lastrowid})


@routes.get("/post/{id:[0-9]+}")
async def show(request):
    async with request.app["db"].execute(
            "SELECT id, title, text FROM posts WHERE id = ?",
            (int(request.match_info["id"]),)) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise web.HTTPNotFound()
    return web.json_response(dict(row))


@routes.get("/posts")
async def posts(request):
    async with request.app["db"].execute(
            "SELECT id, title, text FROM posts WHERE id <= 50 ORDER BY id") as cursor:
        rows = await cursor.fetchall()
    page = request.app["env"].get_template("posts.html")
    return web.Response(text=page.render(posts=rows), content_type="text/html")


def main():
    app = web.Application(middlewares=[transaction])
    app["env"] = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES),
                                    autoescape=True)
    app.cleanup_ctx.append(database)
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)


main()
