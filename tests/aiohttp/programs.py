#!/usr/bin/python3
"""The tutorial's programs that need no database, for aiohttp: what conf/tutorial.conf
is compared with, and what the bench measures beside it.

    programs.py PORT BACKEND-PORT FOLDER [--uvloop]

BACKEND-PORT is where the pages to fetch are; FOLDER is where /scrape writes.
"""

import asyncio
import os
import sys
import time

import jinja2
from aiohttp import ClientError, ClientSession, TCPConnector, web

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = {
    "base.html": "<!DOCTYPE html>\n<html><head><title>{% block title %}{% endblock %}</title>"
                 "</head>\n<body>\n{% block content %}{% endblock %}\n</body></html>\n",
    "list.html": "{% extends 'base.html' %}{% block title %}{{ name }}{% endblock %}"
                 "{% block content %}<ul>\n{% for i in items %}<li>{{ loop.index }}: {{ i }}"
                 "</li>\n{% endfor %}</ul>{% endblock %}\n"}
routes = web.RouteTableDef()


async def text_of(request, path):
    url = "http://127.0.0.1:%d%s" % (request.app["backend"], path)
    async with request.app["client"].get(url) as answer:
        return await answer.text()


# 2. Tasks at the same time.
@routes.get("/tutorial/gather")
async def gather(request):
    began = time.monotonic()

    async def one(path):
        await text_of(request, path)
        return time.monotonic() - began
    a, b, c = await asyncio.gather(one("/1"), one("/2"), one("/3"))
    return web.json_response({"one": a, "two": b, "three": c, "done": True})


# 2. The same with a deadline: what was done, and how many still waited.
@routes.get("/tutorial/wait")
async def wait(request):
    tasks = [asyncio.ensure_future(text_of(request, path)) for path in ("/1", "/2", "/3")]
    done, pending = await asyncio.wait(tasks, timeout=3.5)
    for task in pending:
        task.cancel()
    short = [t.result()[:25] + "..." for t in tasks if t in done]
    return web.json_response({"done": short, "pending": len(pending)})


# 3. One URL.
@routes.get("/tutorial/fetch")
async def fetch(request):
    return web.Response(text=await text_of(request, "/hello"))


# 4. Six pages at once, each into a file of its own.
@routes.post("/tutorial/scrape")
async def scrape(request):
    async def store(n):
        try:
            page = await text_of(request, "/p%d" % n)
        except ClientError:
            return False
        with open(os.path.join(request.app["folder"], "page-%d.html" % n), "w") as f:
            f.write(page)
        return True
    return web.json_response({"stored": await asyncio.gather(*map(store, range(6)))})


# 5 and 6. Hello world.
@routes.get("/tutorial/hello")
async def hello(_):
    return web.Response(text="Hello world")


# 7. The path and the query.
@routes.get("/tutorial/hello/{username}")
async def hello_you(request):
    return web.Response(text="Hello, %s %s" % (request.match_info["username"],
                                               request.query.get("page", "")))


# 8. JSON in, JSON out.
@routes.post("/tutorial/json")
async def json_in_out(request):
    args = await request.json()
    return web.json_response({"value": args["key"]})


# 10. A page by a template.
@routes.get("/tutorial/page/{username}")
async def page(request):
    template = request.app["templates"].get_template("hello.html")
    return web.Response(text=template.render(username=request.match_info["username"]),
                        content_type="text/html")


# Of the bench: a page with inheritance and a loop of ten; ten fetches gathered.
@routes.get("/list/{name}")
async def list_page(request):
    template = request.app["templates"].get_template("list.html")
    return web.Response(text=template.render(name=request.match_info["name"],
                                             items=list(range(1, 11))),
                        content_type="text/html")


@routes.get("/ten")
async def ten(request):
    texts = await asyncio.gather(*(text_of(request, "/p%d" % n) for n in range(10)))
    return web.json_response([len(t) for t in texts])


async def client(app):
    app["client"] = ClientSession(connector=TCPConnector(limit=0))
    yield
    await app["client"].close()


def make(backend, folder):
    app = web.Application()
    app["backend"], app["folder"] = backend, folder
    app["templates"] = jinja2.Environment(autoescape=True, loader=jinja2.ChoiceLoader([
        jinja2.FileSystemLoader(ROOT + "/conf/templates"), jinja2.DictLoader(PAGE)]))
    app["templates"].globals["ctime"] = time.ctime
    app.cleanup_ctx.append(client)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    port, backend = int(sys.argv[1]), int(sys.argv[2])
    if "--uvloop" in sys.argv:
        import uvloop
        uvloop.install()
    web.run_app(make(backend, sys.argv[3]), host="127.0.0.1", port=port, access_log=None,
                print=None)
