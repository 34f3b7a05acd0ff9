"""Server side includes: nesting, blocks, conditions, and every way to write a command wrong."""

from ..dsl import get, gets, group, head, post

group("ssi-more", errors="error", server=r"""
root html; ssi on; ssi_types text/plain; default_type text/html;
location /off/ { alias html/; ssi off; }
location /inc/ { return 200 "inc $uri $args $is_args $request_uri $arg_q"; }
location /post { return 200 "$request_method $request_body"; }
location /v { ssi_value_length 8; alias html/; }
location /min { ssi_min_file_chunk 1; alias html/; }
""", files={
    "html/set.html": '<!--#set var="a" value="1" --><!--#set var="b" value="${a}2$a" --><!--#echo var="b" -->|<!--#echo var="nope" -->|<!--#echo var="nope" default="dd" -->|<!--#set var="c" value="<&>" --><!--#echo var="c" -->|<!--#echo var="c" encoding="none" -->|<!--#echo var="c" encoding="url" -->|<!--#echo var="c" encoding="entity" -->|<!--#echo encoding="bogus" var="c" -->\n',
    "html/if.html": '<!--#if expr="$arg_a" -->A<!--#elif expr="$arg_b = /x(.)(?P<nm>.)/" -->B<!--#echo var="1" --><!--#echo var="nm" --><!--#elif expr="$arg_c != q" -->C<!--#else -->E<!--#endif -->\n',
    "html/nest.html": '<!--#if expr="$arg_a = 1" --><!--#if expr="$arg_b = 1" -->11<!--#else -->10<!--#endif --><!--#else -->0<!--#endif -->\n',
    "html/inc.html": 'x<!--#include virtual="/inc/a?q=1" -->y<!--#include file="a.txt" -->z<!--#include virtual="/none" -->w<!--#include virtual="/inc/b" wait="yes" set="got" -->v[<!--#echo var="got" encoding="none" -->]\n',
    "html/block.html": '<!--#block name="one" -->alt <!--#echo var="arg_x" default="none"--><!--#endblock --><!--#include virtual="/none" stub="one" -->|<!--#include virtual="/empty.txt" stub="one" -->\n',
    "html/block2.html": '<!--#block name="two" -->[<!--#include virtual="/inc/z" --><!--#if expr="$arg_x" -->X<!--#else -->no x<!--#endif --><!--#include virtual="/none" stub="three" -->]<!--#endblock --><!--#block name="three" -->T<!--#echo var="uri" --><!--#endblock -->1<!--#include virtual="/none" stub="two" -->2<!--#include virtual="/none" wait="yes" stub="three" -->3<!--#include virtual="/off/none" stub="three" -->4\n',
    "html/time.html": '<!--#config timefmt="%Y" --><!--#config errmsg="[oops]" --><!--#include virtual="/none2" --><!--#bogus x="1" --><!--#echo -->\n',
    "html/timegmt.html": '<!--#config timefmt="%Y-%m" --><!--#echo var="date_gmt" --> <!--#echo var="date_local" -->\n',
    "html/bad.html": 'a<!--#if expr="$a" -->b<!--# echo var="a" -->c<!--#echo var="a" --d<!-- # -->e<!--#else -->f<!--#endif -->g<!--#endif -->h<!--#else -->i\n',
    "html/quote.html": "<!--#set var='q' value='a\"b' --><!--#echo var='q' --> <!--#set var=\"q\" value=\"a\\\"b\\$x\" --><!--#echo var=\"q\" -->\n",
    "html/unclosed.html": 'begin <!--#echo var="x"', "html/half.html": 'begin <!--#', "html/dash.html": "a <!-- b --> <!---#echo--> <!-#-->\n",
    "html/rel.html": '<!--#include virtual="inc.txt" --><!--#include file="d/in.txt" --><!--#include file="../x" -->\n', "html/inc.txt": "INC<!--#echo var=\"uri\" -->", "html/d/in.txt": "DIN",
    "html/empty.txt": "", "html/a.txt": "AAA", "html/loop.html": '<!--#include virtual="/loop.html" -->',
    "html/deep.html": "".join('<!--#if expr="$arg_a" -->' for _ in range(20)) + "deep" + "<!--#endif -->" * 20,
    "html/regex.html": '<!--#if expr="$arg_a = /^(?<y>[0-9]+)-([a-z]+)$/" --><!--#echo var="y" -->.<!--#echo var="2" --><!--#else -->no<!--#endif --><!--#if expr="$arg_b != /z/" -->nz<!--#endif -->',
}, requests=gets("/set.html", "/if.html", "/if.html?a=1", "/if.html?b=xyz", "/if.html?c=q", "/if.html?c=r", "/nest.html", "/nest.html?a=1", "/nest.html?a=1&b=1",
    "/inc.html", "/block.html?x=5", "/block2.html", "/block2.html?x=1", "/time.html", "/timegmt.html", "/bad.html", "/quote.html", "/unclosed.html", "/half.html", "/dash.html", "/rel.html", "/loop.html", "/deep.html", "/deep.html?a=1",
    "/regex.html?a=12-ab", "/regex.html?a=x&b=z", "/off/set.html", "/v/set.html", "/v/inc.html", "/v/if.html?a=1", "/min/inc.html", "/a.txt") + [head("/inc.html"), post("/inc.html", "x=1"),
    get("/inc.html", "Range: bytes=0-3"), get("/set.html", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT")])
BAD = ['<!--#echo var="a" x-->', '<!--#Echo var="a" -->', '<!--#echo var -->', '<!--#echo var=a -->', '<!--#echo var="a"y="b" -->', '<!--#echo -->', '<!--# -->', '<!--#-->',
 '<!--#echo var="a" 1="b" -->', '<!--#echo VAR="a" -->', '<!--#echo var = "a" -->', '<!--#echo var="a" - -->', '<!--#echo var="a"-->', '<!--#echo var="a" -- >', '<!--#echo-->', '<!--#echo1 var="a"-->',
 '<!--#echo var="a" var="b" c="1" d="2" e="3" f="4" g="5" h="6" i="7" j="8" k="9" l="10" m="11" n="12" o="13" p="14" q="15" r="16" -->', "<!--#echo var='a\" -->", '<!--#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x="1" -->',
 '<!--#echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa="1" -->', '<!--#echo var="" -->', '<!--#echo\nvar="uri"\n-->', '<!--#echo\tvar="uri"-->', '<!--#echo var="a" --->', '<!--#if expr="" -->x<!--#endif -->', '<!--#if expr="=" -->x<!--#endif -->', '<!--#if expr="a=" -->x<!--#endif -->',
 '<!--#if expr="a = b = a" -->x<!--#endif -->', '<!--#if expr="$uri = /[/" -->x<!--#endif -->', '<!--#if expr="$uri = /x" -->x<!--#endif -->', '<!--#if expr="${uri" -->x<!--#endif -->', '<!--#if expr="$" -->x<!--#endif -->', '<!--#if expr="!$uri" -->x<!--#endif -->', '<!--#if expr="$uri!=/bad/" -->x<!--#endif -->',
 '<!--#set var="x" value="${" -->', '<!--#set var="" value="1" -->', '<!--#set value="1" -->', '<!--#include virtual="" -->', '<!--#include virtual="/a" file="b" -->', '<!--#include virtual="/../x" -->', '<!--#include virtual="/a%20b" -->', '<!--#include wait="yes" -->', '<!--#include virtual="/x" wait="maybe" -->', '<!--#include virtual="/x" stub="zz" -->', '<!--#include virtual="/x" set="a" stub="b" -->',
 '<!--#endif -->', '<!--#else -->', '<!--#elif expr="1" -->', '<!--#endblock -->', '<!--#block -->x<!--#endblock -->', '<!--#block name="q" -->x<!--#block name="z" -->y<!--#endblock -->w<!--#endblock -->', '<!--#config timefmt="" -->', '<!--#config foo="" -->', '<!--#config -->', '<!--#flush -->', '<!--#exec cmd="ls" -->', '<!--#printenv -->', '<!--#fsize file="x" -->', '<!--#if expr="a" -->x<!--#else -->y<!--#else -->z<!--#endif -->', '<!--#if expr="" -->x<!--#elif expr="a" -->y<!--#elif expr="b" -->z<!--#endif -->', '<!--#if expr="a"-->open', 'e <', 'e <!', 'e <!-', 'e <!--', '<<!--#echo var="uri" -->', '<!<!--#echo var="uri" -->',
 '<!--#if expr="a = a " -->x<!--#endif -->', '<!--#if expr=" a=a" -->x<!--#endif -->', '<!--#if expr="a =  a" -->x<!--#endif -->', '<!--#if expr="a ! = a" -->x<!--#endif -->', '<!--#if expr="$uri = /.*/ " -->x<!--#endif -->', '<!--#if expr="a!=b" -->x<!--#endif -->', '<!--#if expr="a b" -->x<!--#endif -->', '<!--#if expr="a " -->x<!--#endif -->', '<!--#if expr="a \\= b" -->x<!--#endif -->',
 '<!--#echo var="nope" default="a\\"b" -->', '<!--#echo var="nope" default="a\\\'b\\$x" -->', "<!--#echo var='nope' default='a\\'b' -->", '<!--#set var="v" value="a\\\\b\\"c\\$d\\e" --><!--#echo var="v" encoding="none" -->', '<!--#block name="b" -->x<!--#echo var=\'uri\' default=\'a"b\' -->y<!--#endblock --><!--#include virtual="/none" stub="b" -->', '<!--#block name="b" -->x<!--#echo x-->y<!--#endblock --><!--#include virtual="/none" stub="b" -->']
group("ssi-errors", errors="error", server="root html; ssi on; default_type text/html;", files={"html/%d.html" % i: "[" + b + "]" for i, b in enumerate(BAD)}, requests=gets(*["/%d.html" % i for i in range(len(BAD))]))
