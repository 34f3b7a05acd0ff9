"""The reference: python3-jinja2 behind weir-render's batch protocol.

Reads one JSON request a line, answers one JSON object a line (see the manual's
page on weir-render). Both engines thus get the very same requests.

Where the newest Jinja2 behaves otherwise than the installed one and the change
is a few lines, newest() makes the installed one behave so: the newest counts.
"""
import json
import re
import sys
import time

import jinja2
import jinja2.filters
import jinja2.utils
from jinja2 import parser, sandbox

UNDEFINED = {
    "default": jinja2.Undefined,
    "strict": jinja2.StrictUndefined,
    "chainable": jinja2.ChainableUndefined,
    "debug": jinja2.DebugUndefined,
}

PLAIN_OPTIONS = (
    "block_start_string", "block_end_string", "variable_start_string",
    "variable_end_string", "comment_start_string", "comment_end_string",
    "line_statement_prefix", "line_comment_prefix", "trim_blocks",
    "lstrip_blocks", "keep_trailing_newline", "newline_sequence",
)


def newest():
    """What changed after 3.1.2, as far as templates can tell."""
    old_int = jinja2.filters.do_int

    def do_int(value, default=0, base=10):
        if isinstance(value, str):
            try:
                return old_int(value, default, base)
            except OverflowError:
                return default
        return old_int(value, default, base)

    do_int.__qualname__ = "do_int"
    jinja2.filters.FILTERS["int"] = do_int

    jinja2.filters.FILTERS["unique"].__qualname__ = "sync_do_unique"

    # what is wrong inside {% trans %} is named (3.1.3)
    old_fail = parser.Parser.fail

    def fail(self, msg, lineno=None, exc=jinja2.TemplateSyntaxError):
        if msg == "control structures in translatable sections are not allowed":
            current = self.stream.current
            name = current.value if current.type == "name" else None
            msg += "; saw `%s`" % name
            if name == "trans":
                msg = "trans blocks can't be nested; did you mean `endtrans`?"
        old_fail(self, msg, lineno, exc)

    parser.Parser.fail = fail

    # the immutable sandbox forbids these of lists, too (3.1.5)
    sandbox._mutable_spec = tuple(
        (kind, names | {"clear", "pop"}) for kind, names in sandbox._mutable_spec)

    # @name is no address (3.1.5)
    jinja2.utils._email_re = re.compile(r"^(?!@)\S+@\w[\w.-]*\.\w+$")


class Translations:
    """msgid to text, or to [one, many]; `context\\x04msgid` goes first."""

    def __init__(self, table):
        self.table = table

    def find(self, message, context=None):
        if context is not None:
            found = self.table.get("%s\x04%s" % (context, message))
            if found is not None:
                return found
        return self.table.get(message)

    def gettext(self, message, context=None):
        found = self.find(message, context)
        if isinstance(found, list):
            return found[0]
        return message if found is None else found

    def ngettext(self, one, many, n, context=None):
        found = self.find(one, context)
        if found is None:
            return one if n == 1 else many
        if isinstance(found, list):
            return found[0] if n == 1 else found[-1]
        return found

    def pgettext(self, context, message):
        return self.gettext(message, context)

    def npgettext(self, context, one, many, n):
        return self.ngettext(one, many, n, context)


def autoescape(option):
    if option == "select":
        return jinja2.select_autoescape()
    if isinstance(option, list):
        return jinja2.select_autoescape(
            enabled_extensions=[e.lstrip(".") for e in option])
    return bool(option)


def environment(request):
    options = request.get("options", {})
    kind = {"immutable": sandbox.ImmutableSandboxedEnvironment,
            True: sandbox.SandboxedEnvironment}.get(
                options.get("sandbox"), jinja2.Environment)
    extensions = ["jinja2.ext." + e for e in options.get("extensions", [])]
    env = kind(
        loader=jinja2.DictLoader(request["templates"]),
        extensions=extensions,
        undefined=UNDEFINED[options.get("undefined", "default")],
        autoescape=autoescape(options.get("autoescape", False)),
        **{name: options[name] for name in PLAIN_OPTIONS if name in options})
    env.policies.update(options.get("policies", {}))
    env.globals.update(request.get("globals", {}))
    if "jinja2.ext.i18n" in extensions:
        env.install_gettext_translations(
            Translations(options.get("translations", {})),
            newstyle=options.get("newstyle_gettext", False))
    return env


def place(error):
    """Line and template of an error: its own, or of the innermost frame."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno, error.name
    line, name = None, None
    tb = error.__traceback__
    while tb is not None:
        names = tb.tb_frame.f_globals
        if "debug_info" in names and "root" in names and "blocks" in names:
            name = names["name"]
            line = 1
            for pair in reversed(names["debug_info"].split("&")):
                if pair:
                    source, code = map(int, pair.split("="))
                    if code <= tb.tb_lineno:
                        line = source
                        break
        tb = tb.tb_next
    return line, name


def message(error):
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.message
    return str(error)


def render(request):
    env = environment(request)
    context = request.get("context", {})
    template = env.get_template(request["main"])

    def once():
        ctx = template.new_context(dict(context))
        return env.concat(template.root_render_func(ctx))

    answer = {"output": once()}
    repeat = request.get("options", {}).get("repeat", 0)
    if repeat:
        start = time.perf_counter_ns()
        for _ in range(repeat):
            once()
        answer["ns_per_render"] = (time.perf_counter_ns() - start) // repeat
    return answer


def answer(line):
    request = {}
    try:
        request = json.loads(line)
        result = render(request)
    except Exception as error:      # every kind is an answer
        line, name = place(error)
        result = {"error": type(error).__name__, "message": message(error),
                  "line": line, "template": name}
    if "id" in request:
        result["id"] = request["id"]
    return result


def main():
    sys.setrecursionlimit(2000)
    newest()
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
