"""Routes from outside: patterns, precedence, methods, groups, conflicts, url_for; and
steps: order, inheritance, conditions, cookies, headers, what goes wrong."""

import json
import random
import re
import string
import time
from urllib.parse import quote

import pytest

from harness.http1 import wait_until
from harness.modules import load_module
from harness.server import Server

MODULES = load_module("route", "json", "template", "fetch")


@pytest.fixture
def app(server):
    def start(conf, **more):
        return server("server { listen 127.0.0.1:%%PORT%%;\n" + conf + "\n}", main=MODULES,
                      **more)
    return start


def told(conf, code=1):
    """What -t says of a conf, which is wrong unless `code` is 0."""
    s = Server("server { listen 127.0.0.1:%%PORT%%;\n" + conf + "\n}", main=MODULES,
               wait=False)
    try:
        r = s.run("-t")
    finally:
        s.remove()
    assert r.returncode == code, conf
    return r.stderr


def test_the_place_of_both_routes():
    err = told("route GET /{a} { text 1; }\n\nroute GET /{b} { text 2; }").split("\n")[0]
    place = r"in (\S+/test\.conf):(\d+):(\d+) \(the other is at \1:(\d+)\)$"
    found = re.search(r'told apart from "/\{a\}" ' + place, err)
    assert found and int(found[2]) == int(found[4]) + 2, err


# ---- converters ----

@pytest.mark.parametrize("kind,segment,value", [
    ("int", "0", 0), ("int", "007", 7), ("int", "-5", -5), ("int", "9223372036854775807", 2**63 - 1),
    ("int", "9223372036854775808", None), ("int", "1.0", None), ("int", "+1", None),
    ("int", "1a", None), ("int", "-", None), ("int", "%31", 1), ("int", "1%20", None),
    ("float", "1", 1.0), ("float", "1.5", 1.5), ("float", "-0.25", -0.25), ("float", "1.", 1.0),
    ("float", ".5", 0.5), ("float", ".", None), ("float", "1e5", None), ("float", "nan", None),
    ("float", "1.2.3", None), ("float", "inf", None),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    ("uuid", "123E4567-E89B-12D3-A456-426614174000", "123E4567-E89B-12D3-A456-426614174000"),
    ("uuid", "123e4567e89b12d3a456426614174000", None), ("uuid", "x" * 36, None),
    ("slug", "a-b_C9", "a-b_C9"), ("slug", "a.b", None), ("slug", "%C3%A9", None),
    ("path", "a/b/c", "a/b/c"), ("path", "a", "a"), ("path", "a/", "a/"),
    (r"[a-z]{2,3}", "ab", "ab"), (r"[a-z]{2,3}", "abcd", None), (r"\d+", "12", "12"),
    (r"\d+", "12x", None), ("(a|b)", "b", "b"), ("(a|b)", "ab", None), ("a|b", "a", "a"),
    ("a|b", "bb", None), ("str", "any thing", "any thing"), ("str", "a%2Fb", None)])
def test_converters(app, kind, segment, value):
    s = app("route GET /x/{v:%s} { json params.v; }" % kind)
    r = s.get("/x/" + segment.replace(" ", "%20"))
    if value is None:
        assert r.status == 404
    else:
        assert r.status == 200 and json.loads(r.text) == value
        assert type(json.loads(r.text)) is type(value)


def test_parameters_are_text(app):
    """As all that a client says: bytes that are no UTF-8 are U+FFFD. Paths have the bytes."""
    s = app("""route GET /t/{v}/{n:int} { text "{{ params.v }} {{ params.v|length }} {{ params.n }}"; }
               route GET /j/{v:path} { json params; }
               route GET /b/{v} { return 200 $param_v; }""")
    assert s.get("/t/%ff%c3%a4/7").body == "\ufffdä 2 7".encode()
    assert s.get("/t/a%80/7").body == "a\ufffd 2 7".encode()
    assert json.loads(s.get("/j/x/%c3%28/y").text) == {"v": "x/\ufffd(/y"}
    assert s.get("/b/%ff%c3%a4").body == b"\xff\xc3\xa4"


def test_a_parameter_is_one_segment(app):
    s = app("route GET /{a} { text {{ params.a }}; } route GET /{a}/{b} { text {{ params.b }}; }")
    assert s.get("/x").text == "x"
    assert s.get("/x/y").text == "y"
    assert s.get("/x/").status == 404           # the slash counts
    assert s.get("//x").text == "x"             # merge_slashes
    assert s.get("/%C3%A9%20").text == "é "
    assert s.get("/%00").status == 400


@pytest.mark.parametrize("path,found", [
    ("/a", "fixed"), ("/7", "int"), ("/7.5", "float"), ("/x-y", "slug"), ("/x.y", "any"),
    ("/a/b", "path"), ("/exact", "location"), ("/pre/x", "any of pre"), ("/pre/x/y", "path"),
    ("/img.png", "any")])
def test_precedence(app, path, found):
    s = app(r"""
    location = /exact { return 200 location; }
    location ~ \.png$ { return 200 regex; }
    location /pre/ { return 200 prefix; }
    route GET /{p:path} { text path; }
    route GET /{n:int} { text int; }
    route GET /{n:float} { text float; }
    route GET /{n:slug} { text slug; }
    route GET /{n} { text any; }
    route GET /pre/{n} { text any of pre; }
    route GET /exact { text never; }
    route GET /a { text fixed; }
    """)
    assert s.get(path).text == found


def test_an_earlier_turn_that_fails_is_taken_back(app):
    s = app("""
    route GET /a/b/c { text 1; }
    route GET /a/{x}/d { text 2{{ params.x }}; }
    route GET /{y}/b/e { text 3{{ params.y }}; }
    route GET /{p:path} { text 4{{ params.p }}{{ params.x }}; }
    """)
    assert s.get("/a/b/c").text == "1"
    assert s.get("/a/b/d").text == "2b"
    assert s.get("/a/b/e").text == "3a"
    assert s.get("/a/b/f").text == "4a/b/f"


def test_methods(app):
    s = app("""
    route GET /g { text g; } route POST,PUT /g { text p; }
    route * /any { text {{ request.method }}; }
    route GET /head { header X-By get; text 1; } route HEAD /head { header X-By head; text 1; }
    route GET /rest { text get; } route * /rest { text {{ request.method }}; }
    route OPTIONS /o { text mine; }
    route DELETE /x/{n:int} { text {{ params.n }}; } route GET /x/{s} { text {{ params.s }}; }
    """)
    assert s.get("/g", method="PUT").text == "p"
    r = s.get("/g", method="DELETE")
    assert (r.status, r.get("Allow")) == (405, "GET, HEAD, POST, PUT, OPTIONS")
    r = s.get("/g", method="OPTIONS")
    assert (r.status, r.get("Allow")) == (204, "GET, HEAD, POST, PUT, OPTIONS")
    assert s.get("/o", method="OPTIONS").text == "mine"
    for m in ("GET", "PATCH", "DELETE", "OPTIONS"):
        assert s.get("/any", method=m).text == m
    for m, text in (("GET", "get"), ("POST", "POST"), ("BREW", "BREW")):
        assert s.get("/rest", method=m).text == text
    assert s.get("/rest", method="HEAD").get("Content-Length") == "3"
    assert s.get("/head", method="HEAD").get("X-By") == "head"
    assert s.get("/head").get("X-By") == "get"
    assert s.get("/x/7", method="DELETE").text == "7"
    assert s.get("/x/7").text == "7"
    assert s.get("/x/a", method="DELETE").get("Allow") == "GET, HEAD, OPTIONS"
    assert s.get("/none").status == 404
    r = s.get("/g", "Accept: application/json", method="DELETE")
    assert json.loads(r.text) == {"error": "Not Allowed"}


@pytest.mark.parametrize("conf,words", [
    ("route GET /a { text 1; }\nroute GET,POST /a { text 2; }", "never be told apart"),
    ("route GET /{a} { text 1; }\nroute GET /{b} { text 2; }", "never be told apart"),
    ("route * /{a:int} { text 1; }\nroute PUT /{b:int} { text 2; }", "never be told apart"),
    ("route GET /x { text 1; }\nroutes /x { route GET / { text 2; } }\nroute GET /x/ { text 3; }",
     "never be told apart"),
    ("route GET a { text 1; }", 'begins with "/"'),
    ("route GET /{} { text 1; }", ""),
    ("route GET /{1a} { text 1; }", ""), ("route GET /{a-b} { text 1; }", ""),
    ("route GET /{a:path}/b { text 1; }", "behind"),
    ("route GET /{a}{b} { text 1; }", ""), ("route GET /x{a} { text 1; }", ""),
    ("route GET /{y:[0-9]{4}}-{m:[0-9]{2}} { text 1; }", "{name:REGEX}"),
    ("route GET /{a:int}{b:int} { text 1; }", "{name:REGEX}"),
    ("route GET /{a:} { text 1; }", "empty type"),
    ("route GET /{a:[} { text 1; }", ""), ("route GET /{a}/{a} { text 1; }", "twice"),
    ("route GET /a?b=c { text 1; }", "path alone"), ("routes /a#b { }", "path alone"),
    ("route GET /x { redirect /a externl; }", "no blanks"),
    ("route GET /x { require 0 else redirect /a b; text 1; }", "no blanks"),
    ("route GET /x { fetch a = http://127.0.0.1/ text a; }", "no blanks"),
    ("route GET /x { fetch a = http://127.0.0.1/ { timeout 1s; timeout 2s; } text a; }",
     "duplicate"),
    ("route GET /x { when 1 { add_header A b; } text 1; }", "is not allowed here"),
    ('route GET /x { header "X A" b; text 1; }', "needs NAME TEXT"),
    ('route GET /x { header "" b; text 1; }', "needs NAME TEXT"),
    ("route GET /x { when 1; text 1; }", 'directive "when" has no opening "{"'),
    ("when 1;", 'has no opening "{"'), ("routes /x { when {1: 2}; }", 'has no opening "{"'),
    ("route GET /x { when 1 { return 200; } text 1; }", "is not allowed here"),
    ("route GET /x { gather { fetch a = http://127.0.0.1/; fetch a = http://127.0.0.1/; } text 1; }",
     'another "a"'),
    ("route GET /x { text {{ 1|nofilter }}; }", "\n    route GET /x { text {{ 1|nofilter }}; }\n"
     + 29 * " " + "^"),
    ("routes /g { text 1; route GET /x { text 2; } }", "all of these routes"),
    ("route GETT /x { text 1; }", 'invalid method "GETT"'),
    ("route GET /x name=a { text 1; }\nroute GET /y name=a { text 2; }", "another route named"),
    ("route GET /x nme=a { text 1; }", "invalid parameter"),
    ("route GET /x { text 1; text 2; }", "never reached"),
    ("route GET /x { json {1: }; }", ""), ("route GET /x { text {{ a; }", ""),
    ("route GET /x { set a = ; text 1; }", ""), ("route GET /x { set 1 = 2; text 1; }", "name"),
    ("route GET /x { set params = 2; text 1; }", "request's own"),
    ("route GET /x { require 1; text 1; }", "else"),
    ("route GET /x { require 1 else 200; text 1; }", "between 400 and 599"),
    ("route GET /x { require 1 else redirect; text 1; }", ""),
    ("route GET /x { status 99; text 1; }", "between 200 and 599"),
    ("route GET /x { header Content-Length 1; text 1; }", "server itself"),
    ("route GET /x { header Bad:Name 1; text 1; }", ""),
    ("route GET /x { cookie a b samesite=x; text 1; }", "samesite"),
    ("route GET /x { cookie a b what; text 1; }", "unknown attribute"),
    ("route GET /x { cookie a b samesite=none; text 1; }", "secure"),
    ("route GET /x { otherwise { text 1; } }", 'must follow a "when"'),
    ("route GET /x { gather { } text 1; }", "nothing is inside"),
    ("route GET /x { text {{ 1|nofilter }}; }", "nofilter"),
    ("route GET /x { text {{ 1 is notest }}; }", "notest"),
])
def test_conf_errors(conf, words):
    said = told(conf)
    assert words in said
    assert re.search(r"test\.conf:\d+:\d+", said) and "^" in said


def test_a_redirect_inside_and_its_query(app):
    s = app("""error_page 404 /r/e?b=2; set a = query.a|default(""); location /files/ { root html; }
        route GET /r/{id} { text "{{ params.id }}|{{ query.b }}|{{ query.a }}|{{ a }}"; }""")
    assert s.get("/files/none?a=1").text == "e|2||1"
    assert s.get("/r/x?a=1&b=3").text == "x|3|1|1"


def test_a_subrequest_has_values_of_its_own(app):
    """What the main request has asked for before is not what the other is asked."""
    s = app("""set seen = request.path ~ query.a|default(""); status 201;
        location = /page { ssi on; root html; default_type text/html; }
        route GET /part/{id} { status 202; text "{{ seen }} {{ vars.uri }} {{ query.a }} {{ params.id }}"; }
        location = /authed { auth_request /auth; root html; }
        route GET /auth { require query.a is undefined and request.path == "/auth" else 403;
                          status 204; text x; }""",
            files={"html/page": '[<!--#include virtual="/part/3?a=5" -->]', "html/authed": "in"})
    r = s.get("/page?a=1")
    assert r.text == "[/part/35 /part/3 5 3]"
    assert s.get("/authed?a=1").text == "in"


def test_captures_are_variables(app):
    s = app(r"""location ~ ^/c/(\d+)/(?<word>\w+)$ {
        json [vars["1"], vars["2"], vars.word, vars["3"]]; }""")
    assert json.loads(s.get("/c/12/ab").text) == ["12", "ab", "ab", ""]


def test_what_a_gather_makes_is_not_there_within():
    gather = ("gather { fetch a = http://127.0.0.1/; fetch b = http://127.0.0.1/{{ a.text }}; } "
              "text 1; }")
    assert '"a" is made in the same "gather"' in told("route GET /x { " + gather, 0)
    assert "[warn]" not in told("route GET /x { set a = {}; " + gather, 0)


def test_a_type_that_is_none_is_told():
    """A regex of nothing but letters is legal, and most likely a slip."""
    assert '"integer" is no type' in told("route GET /{a:integer} { text 1; }", 0)
    assert "is no type" not in told("route GET /{a:[a-z]{2,3}} { text 1; }", 0)


def test_an_error_points_at_its_column():
    conf = "route GET /x {\n    json {\"a\": 1,\n          \"b\": 2 +};\n}"
    said = told(conf)
    line, column = map(int, re.search(r"test\.conf:(\d+):(\d+)", said).groups())
    shown, caret = said.split("\n")[1:3]
    assert '"b": 2 +}' in shown
    assert shown[len(caret) - 1] in "+}"
    assert column >= 19 - 4


# ---- verbatim arguments ----

@pytest.mark.parametrize("conf,text", [
    (r'text a # no comment', "a # no comment"), ('text "a; b"', "a; b"), ("text 'a; b'", "a; b"),
    ('text {{ "a;b" }}', "a;b"), ('text {{ {"a": ";"}["a"] }}', ";"), ("text a{{ ';' }}b", "a;b"),
    ('text {{ "}}" }}', "}}"), ('text "{{ "x" }}"', "x"), ('text it\'s', "it's"),
    ('json {"a": "x;}{#"}', '{"a": "x;}{#"}'), ('json "a\\"b;c"', '"a\\"b;c"'),
    ('text $uri \\n', "$uri \\n"), ("text   padded  ", "padded"),
    ('json [1,\n  2,\n  3]', "[1, 2, 3]"), ("text {{ 'a' 'b' }}", "ab")])
def test_what_is_verbatim(app, conf, text):
    if text is None:
        assert tested("route GET / { %s; }" % conf)
        return
    s = app("route GET / { %s; }" % conf)
    assert s.get("/").text == text


# ---- groups and inheritance ----

def test_groups_hand_down(app):
    s = app("""
    set server = "s";
    header X-Server {{ server }};
    routes /api {
        add_header X-Set $app_server;
        set level = server ~ "1";
        require headers["x-key"] is defined else 403 no key;
        routes /v1 {
            set level = level ~ "2";
            route GET /{n:int} { json [level, params.n]; }
            route GET / { text root; }
        }
        route GET /one { text {{ level }}; }
        location /api/loc { text loc {{ level }}; }
    }
    route GET /top { text {{ server }}{{ level|default("none") }}; }
    location /l/ { text in {{ server }}; }
    location /plain/ { return 200 plain; }
    """)
    r = s.get("/api/v1/5", "X-Key: 1")
    assert json.loads(r.text) == ["s12", 5]
    assert (r.get("X-Server"), r.get("X-Set")) == ("s", "s")
    assert s.get("/api/v1/5").status == 403
    assert s.get("/api/v1/", "X-Key: 1").text == "root"
    assert s.get("/api/one", "X-Key: 1").text == "s1"
    assert s.get("/top").text == "snone"
    assert s.get("/top").get("X-Server") == "s"
    assert s.get("/l/x").text == "in s"
    assert s.get("/plain/x").text == "plain"


def test_a_route_is_a_location(app):
    s = app("""
    limit_req_status 429;
    route GET /file { root %%PREFIX%%/html; }
    route GET /proxy/{n} { set u = params.n ~ "!"; proxy_set_header X-User $app_u;
                           proxy_set_header X-Param $param_n;
                           proxy_pass http://127.0.0.1:%%PORT%%/back; }
    location = /back { return 200 "$http_x_user $http_x_param"; }
    route GET /auth { auth_basic x; auth_basic_user_file %%PREFIX%%/pw; text in; }
    route GET /limit { limit_req zone=z; text ok; }
    route GET /return { return 204; }
    location /edge/ { require cookies.ok is defined else 401; proxy_pass http://127.0.0.1:%%PORT%%/back; }
    route GET /add/{x} { add_header X-P $param_x always; expires 1h; text x; }
    """, http="limit_req_zone $uri zone=z:1m rate=1r/m;",
        files={"html/file": "content", "pw": "u:{PLAIN}p\n"})
    assert s.get("/file").text == "content"
    assert s.get("/proxy/me").text == "me! me"
    assert s.get("/auth").status == 401
    assert s.get("/auth", "Authorization: Basic dTpw").text == "in"
    assert s.get("/limit").status == 200 and s.get("/limit").status == 429
    assert s.get("/return").status == 204
    assert s.get("/edge/").status == 401
    assert s.get("/edge/", "Cookie: ok=1").text == " "
    r = s.get("/add/7")
    assert r.get("X-P") == "7" and "max-age=3600" in r.get("Cache-Control")


# ---- steps ----

def test_steps_run_in_order(app):
    s = app("""
    route GET / {
        set a = 1; set b = a + 1; set a = b * 10;
        when query.x is defined { set a = a + query.x|int; header X-In yes; }
        otherwise { header X-In no; }
        when a > 25 { when a > 100 { text huge {{ a }}; } set a = "big" ~ a; }
        unset b;
        text {{ a }} {{ b|default("gone") }};
    }
    """)
    r = s.get("/")
    assert (r.text, r.get("X-In")) == ("20 gone", "no")
    r = s.get("/?x=10")
    assert (r.text, r.get("X-In")) == ("big30 gone", "yes")
    assert s.get("/?x=500").text == "huge 520"


@pytest.mark.parametrize("step,status,page", [
    ("require false else 404", 404, "Not Found"), ("require 0 else 418 short", 418, "short"),
    ('require "" else 403 "{{ query.x }} is; no"', 403, "&lt;b&gt; is; no"),
    ("require query.x == 'y' else 500", 500, "Internal Server Error"),
    ("require (1 if false else none) else 409 both {{ 1 + 1 }}", 409, "both 2")])
def test_require(app, step, status, page):
    s = app("route GET / { %s; text in; } route GET /j { %s; json 1; }" % (step, step))
    r = s.get("/?x=%3Cb%3E")
    assert r.status == status and page in r.text
    r = s.get("/j?x=%3Cb%3E")
    assert r.status == status
    assert list(json.loads(r.text)) == ["error"]
    assert s.get("/?x=%3Cb%3E", "Accept: application/json").get("Content-Type").startswith(
        "application/json")


def test_a_status_without_a_view_is_the_answer(app):
    s = app("""
    route DELETE /d { status 204; }
    route GET /made { header X-Id 7; status 201; }
    route GET /gone { status 410; }
    route GET /late { when query.no is defined { status 403; } when query.yes { text yes; } }
    routes /g { status 202; route GET /x { require true else 400; } }
    route GET /ret { status 201; return 200 nginx; }
    """)
    r = s.get("/d", method="DELETE")
    assert (r.status, r.body) == (204, b"")
    r = s.get("/made")
    assert (r.status, r.get("X-Id"), r.body) == (201, "7", b"")
    assert s.get("/gone").status == 410 and "410 Gone" in s.get("/gone").text
    assert s.get("/gone", "Accept: application/json").text == '{"error": "Gone"}'
    assert s.get("/late?no").status == 403 and s.get("/late?yes=1").text == "yes"
    assert s.get("/late").status == 404      # no status was said: a file is looked for
    assert s.get("/g/x").status == 404       # nor by this route itself
    assert s.get("/ret").text == "nginx"


def test_require_redirects(app):
    s = app("""route GET / { require query.ok is defined else redirect /login?back={{ request.uri|urlencode }}; text in; }
               route GET /o { require false else redirect {{ query.to }}; text in; }
               route GET /e { require false else redirect https://example.org/ external; text in; }""")
    assert s.get("/?ok=1").text == "in"
    r = s.get("/?a=b")
    assert (r.status, r.get("Location")) == (303, "/login?back=/%3Fa%3Db")
    assert s.get("/o?to=//evil").status == 400
    assert s.get("/e").get("Location") == "https://example.org/"


@pytest.mark.parametrize("conf,cookie", [
    ("cookie a b", "a=b; Path=/"), ("cookie a {{ 1 + 1 }} httponly secure",
                                    "a=2; HttpOnly; Secure; Path=/"),
    ("cookie a b path=/x domain=example.org samesite=strict max-age=1h",
     "a=b; Path=/x; Domain=example.org; SameSite=strict; Max-Age=3600"),
    ('cookie a "" max-age=0', "a=; Max-Age=0; Path=/"),
    ("cookie a {{ 'x y'|urlencode }}", "a=x%20y; Path=/")])
def test_cookies(app, conf, cookie):
    s = app("route GET / { %s; text x; }" % conf)
    got = s.get("/").get("Set-Cookie")
    if s.scheme == "https" and "Secure" not in cookie:
        cookie += "; Secure"
    assert sorted(got.split("; ")) == sorted(cookie.split("; ")) and got.startswith("a=")


@pytest.mark.parametrize("value", ["x y", "a;b", 'say "hi"', "back\\slash", "a,b", "é😀", "\t",
                                   "\\073", ""])
def test_any_value_comes_back_in_a_cookie(app, value):
    """In quotes, as Python's http.cookies has it, who reads what we wrote and we what it wrote."""
    from http.cookies import SimpleCookie
    s = app("route GET / { cookie a {{ query.v }}; text x; } route GET /b { json cookies.a; }")
    pair = s.get("/?v=" + quote(value)).get("Set-Cookie").partition("; ")[0]
    assert SimpleCookie(pair)["a"].value.encode("latin-1").decode() == value
    assert json.loads(s.get("/b", "Cookie: " + pair).text) == value
    if value.isascii():
        theirs = SimpleCookie()
        theirs["a"] = value
        assert json.loads(s.get("/b", "Cookie: " + theirs["a"].OutputString()).text) == value


def test_two_cookies_and_headers(app):
    s = app("""route GET / { cookie a 1; cookie b 2; header X-A 1; header X-A 2;
               header Vary Accept; text x; }""")
    r = s.get("/")
    assert [c.split(";")[0] for c in r.getall("Set-Cookie")] == ["a=1", "b=2"]
    assert r.getall("X-A") == ["1", "2"]


@pytest.mark.parametrize("value", ["a%0d%0aX: 1", "a%0aX:1", "a%00", "%0d"])
def test_no_answer_is_split(app, value):
    s = app("""route GET /h { header X-V {{ query.v }}; text x; }
               route GET /c { cookie c {{ query.v }}; text x; }
               route GET /t { header Content-Type {{ query.v }}; text x; }
               route GET /r { redirect /{{ query.v }}; }""")
    for path in "hctr":
        r = s.get("/%s?v=%s" % (path, value.replace(" ", "%20")))
        assert r.status in (400, 500), path
        assert r.get("X") is None


def test_names_may_be_quoted(app):
    """As any argument of a directive of nginx."""
    s = app("""route GET /h { header "X-A" "b c"; header 'X-B' {{ query.v }}; text x; }
               route GET /c { cookie "a" "b c" "secure" path=/x; text x; }""")
    r = s.get("/h?v=1")
    assert (r.get("X-A"), r.get("X-B")) == ("b c", "1")
    assert s.get("/c").get("Set-Cookie") == 'a="b c"; Secure; Path=/x'


@pytest.mark.parametrize("expression,name", [
    ("query.x", "'x'"), ("params.nope", "'nope'"), ("cookies.c", "'c'"),
    ("headers['x-y']", "'x-y'"), ("json.a.b", "'a'"), ("json.l[5]", ""), ("form.f", "'f'"),
    ("files.f", "'f'"), ("query.a.b", "'b'")])
def test_what_a_client_left_out_is_400_with_its_name(app, expression, name):
    kind = "application/x-www-form-urlencoded" if "form" in expression or "files" in expression \
        else "application/json"
    body = "a=1" if "form" in expression or "files" in expression else '{"l": []}'
    s = app("route POST / { json %s; } route POST /d { json %s|default(7); }"
            % (expression, expression.replace("json.a.b", "json.a").replace("query.a.b", "query.b")))
    r = s.get("/?a=1", "Content-Type: " + kind, method="POST", body=body)
    assert r.status == 400 and name in json.loads(r.text)["error"]
    r = s.get("/d?a=1", "Content-Type: " + kind, method="POST", body=body)
    assert r.text == "7"


@pytest.mark.parametrize("expression,value", [
    ('query.no ~ "x"', None), ("query.no|upper", None), ("query.no|length", None),
    ("query.no|list", None), ("[query.no]|join", None), ("query.no|e", None),
    ("query.no|tojson", None), ("query.no|first", None), ('"%s"|format(query.no)', None),
    ("n + query.no", None), ("[n, query.no]", None), ("{n: [query.no]}", None),
    ("not query.no", True), ("query.no or n", 1), ("2 if query.no else 3", 3),
    ('query.no == "x"', False), ("query.no in [1]", False), ("query.no is defined", False),
    ("query.no|default(n)", 1), ("(query.no|default(''))|length", 0)])
def test_undefined_in_expressions(app, expression, value):
    """It may be tested and compared; what would be made of it is an error."""
    s = app("route GET / { set n = 1; json %s; }" % expression)
    r = s.get("/")
    if value is None:
        assert r.status == 400 and "'no'" in json.loads(r.text)["error"]
    else:
        assert (r.status, json.loads(r.text)) == (200, value)


def test_undefined_in_texts_prints_as_nothing(app):
    s = app("""route GET / { set n = 1; text "{{ query.no }}{{ query.no ~ 'x' }}{{ query.no|upper
               }}{{ query.no|length }}{{ n }}"; }""")
    assert s.get("/").text == "x01"


def test_what_failed_is_in_the_log_by_default(app):
    """With its line and the request's id, the client's mistakes as well; a require that
    refuses is no failure."""
    s = app("""error_log logs/own.log;
        route GET /a { json query.no; }
        route POST /b { json json.x; }
        route GET /c { require 0 else 404; text x; }""")
    assert s.get("/a").status == 400
    assert s.get("/b", "Content-Type: application/json", method="POST", body="{").status == 400
    assert s.get("/c").status == 404
    lines = s.read("logs/own.log").splitlines()
    assert len(lines) == 2
    for line, words in zip(lines, ("'no'", "not JSON")):
        assert words in line and "[error]" in line
        assert re.search(r" in \S+/test\.conf:\d+:\d+, client: .* request_id: \"[0-9a-f]{32}\"", line)


def test_our_own_mistakes_are_500_and_tell_nothing(app):
    s = app("""route GET /u { json nothing.x; } route GET /z { json 1 // 0; }
               route GET /t { json "a" + 1; } route GET /v { json vars.nope; }""")
    for path in "uztv":
        r = s.get("/" + path)
        assert r.status == 500
        assert json.loads(r.text) == {"error": "Internal Server Error"}
    log = s.error_log()
    assert "nothing" in log and "ZeroDivisionError" in log and "TypeError" in log
    assert re.search(r"test\.conf:\d+:\d+", log)


@pytest.mark.parametrize("accept,is_json", [
    ("", False), ("*/*", False), ("text/html", False), ("application/json", True),
    ("text/html, application/json", False), ("application/json, text/html", True),
    ("application/json;q=0.1, text/html;q=0.9", False),
    ("text/html;q=0.2, application/json", True), ("application/*", True),
    ("application/json;q=0", False), ("application/problem+json", True)])
def test_which_error(app, accept, is_json):
    s = app("route GET / { require false else 404; text x; } error_page 410 /gone; "
            "location = /gone { return 200 page; } route GET /g { require false else 410; text 1; }")
    r = s.get("/", *(["Accept: " + accept] if accept else []))
    assert r.status == 404
    assert r.get("Content-Type").startswith("application/json") == is_json
    assert s.get("/g").text == "page"           # an error_page is honoured


def test_names_in_nginx_strings(app):
    s = app("""
    log_format l '$param_n $app_x $app_none $app_time_template';
    route GET /{n:int} { access_log logs/a.log l; set x = [params.n, "é"]; return 200 "$param_n $app_x $app_nope."; }
    """.replace("log_format l '$param_n $app_x $app_none $app_time_template';", ""),
            http="log_format l '$param_n $app_x $app_none $app_time_template';")
    r = s.get("/7")
    assert r.text in ("7  .", "7 [7, 'é'] .")
    time.sleep(0.1)
    assert s.access_log("logs/a.log").startswith("7 ")


def test_url_for(app):
    s = app("""
    routes /g { route GET /{a}/{b:path} name=both { text {{ url_for("both", a="x/y", b="p/q r") }}; } }
    route GET /one { json [url_for("both", a=1, b="z", q=[1], s="&="), url_for("root")]; }
    route GET / name=root { text {{ url_for("no" ~ "pe") }}; }
    route GET /missing { text {{ url_for("both", **{"a": 1}) }}; }
    route GET /go { redirect {{ url_for("root") }}; }
    """)
    assert s.get("/g/1/2").text == "/g/x%2Fy/p/q%20r"
    assert json.loads(s.get("/one").text) == ["/g/1/z?q=%5B1%5D&s=%26%3D", "/"]
    assert s.get("/").status == 500 and s.get("/missing").status == 500
    assert s.get("/go").get("Location") == "/"


def test_url_for_in_strings(app):
    s = app("""
    route GET /u/{id:int}/{rest:path} name=user { add_header X-Self $url_for_user; text x; }
    route GET / name=root { return 302 $url_for_root?$url_for_user.$url_for_nope; }
    """)
    assert s.get("/u/7/a%20b/c").get("X-Self") == "/u/7/a%20b/c"
    assert s.get("/").get("Location").endswith("/?.")


NAMED = """server { listen 127.0.0.1:%%PORT%%;
    route GET /a/{id} name=a { set x = "x" ~ params.id; text {{ x }} {{ url_for("a" ~ "", id=1) }}; }
    location = /v { text {{ url_for("a" ~ "", id=2) }}; }
}"""


def test_a_refused_conf_changes_nothing(server):
    """Not even for a worker that the master starts afterwards."""
    s = server(NAMED, main=MODULES, allow=[r"exited on signal 9", r"\[emerg\]"])
    s.main += "error_log /nowhere/at/all.log;\n"
    s.write_conf(NAMED.replace("name=a", "name=b").replace("set x", "set one = 1; set x"))
    assert s.run("-s", "reload").returncode != 0
    first = s.workers()
    for pid in first:
        s.signal("KILL", pid)
    wait_until(lambda: s.workers() and not set(first) & set(s.workers()))
    assert s.get("/a/7").text == "x7 /a/1"


def test_url_for_when_the_newest_conf_has_no_such_route(server):
    s = server(NAMED, main=MODULES)
    assert s.get("/v").text == "/a/2"
    s.write_conf(NAMED.replace(" name=a", ""))
    assert s.run("-s", "reload").returncode == 0
    wait_until(lambda: s.get("/v").status == 500)
    assert "there is no route named 'a'" in s.error_log()


# ---- a reference beside it ----

RANK = {"text": 0, "param": 1, "path": 2}


def reference(routes, method, path):
    """The contract in a few lines: at each part fixed text before parameters (in the
    conf's order), these before `path`."""
    fits = {"int": r"-?\d{1,18}", "slug": r"[\w-]+", "any": r"[^/]+"}
    best, allowed = None, False
    for i, (m, pattern) in enumerate(routes):
        parts = pattern.strip("/").split("/") if pattern != "/" else []
        regex, key = "", []
        for part in parts:
            if not part.startswith("{"):
                regex += "/" + re.escape(part)
                key.append((0, 0))
            elif part.endswith(":path}"):
                regex += "/.+"
                key.append((2, 0))
            else:
                kind = part[1:-1].partition(":")[2] or "any"
                regex += "/" + fits[kind]
                first = min(j for j, (_, p) in enumerate(routes)
                            if p.strip("/").split("/")[:len(key) + 1]
                            == parts[:len(key) + 1])
                key.append((1, first))
        if re.fullmatch((regex or "/"), path, re.A):
            allowed = True
            if m == method and (best is None or key < best[0]):
                best = (key, i)
    return best[1] if best else (405 if allowed else 404)


@pytest.mark.parametrize("seed", range(6))
def test_random_routes(app, seed):
    rnd = random.Random(seed)
    words = ["a", "b", "7", "x-y"]
    seen, routes = set(), []
    while len(routes) < 40:
        parts = [rnd.choice(words + ["{%s:int}", "{%s:slug}", "{%s}"])
                 for _ in range(rnd.randrange(0, 4))]
        if rnd.random() < 0.15:
            parts.append("{%s:path}")
        parts = [p % ("p%d" % i) if "%s" in p else p for i, p in enumerate(parts)]
        route = (rnd.choice(["GET", "POST"]), "/" + "/".join(parts))
        if route not in seen:
            seen.add(route)
            routes.append(route)
    s = app("\n".join("route %s %s { text %d; }" % (m, p, i)
                      for i, (m, p) in enumerate(routes)))
    with s.connect() as c:
        for _ in range(400):
            path = "/" + "/".join(rnd.choice(words + ["c.d", "-3", "zz"])
                                  for _ in range(rnd.randrange(0, 5)))
            method = rnd.choice(["GET", "POST"])
            c.send("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % (method, path))
            r = c.response()
            want = reference(routes, method, path)
            got = int(r.text) if r.status == 200 else r.status
            assert got == want, (method, path, want, routes)


def test_ten_thousand_routes(app):
    s = app("".join("route GET /r%d/{n:int}/x { json [%d, params.n]; }\n" % (i, i)
                    for i in range(10000)))
    for i in (0, 1, 5000, 9999):
        assert json.loads(s.get("/r%d/3/x" % i).text) == [i, 3]
    assert s.get("/r10000/3/x").status == 404


def test_odd_paths(app):
    """No path crashes or hangs the matcher."""
    s = app("route GET /{a}/{b}/{c:path} { text x; } route GET /{a:[a-z]+}/{b}/q { text y; }"
            "route GET /{p:path} { text z; }")
    rnd = random.Random(1)
    with s.connect() as c:
        for n in range(300):
            path = "/" + "".join(rnd.choice("/a{}:.%*") if rnd.random() < 0.9 else
                                 quote(rnd.choice(string.printable)) for _ in range(n % 60))
            path = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", path)
            c.send("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            r = c.response()
            assert r is not None and r.status in (200, 400, 404), path
            if not r.keeps:
                c.close()
                c = s.connect()
