"""Reads the case files: cases/*.txt.

A file is made of lines:

    # a comment                     (empty lines are ignored as well)
    @context {"x": 1}               the context of the cases that follow
    @globals {...}   @options {...} likewise
    @each plain escaped             each case runs in these variants; also:
                                    strict chainable debug sandbox immutable
    = 1 + 2                         a case: the template {{ 1 + 2 }}
    > {% if x %}a{% endif %}        a case: this template; ␤ is a newline,
                                    ␍ a carriage return, ␉ a tab, ␠ a space
    @case name                      a case of several templates: each begins
    --- main                        with its name, `main` is rendered; a
    ...                             template's last newline is not part of it
    @end
    ! reason                        the next case is known to differ
    @expect {"output": "..."}       the next case's answer is this one: what the
                                    newest Jinja2 says, if the installed one
                                    does not

@context and its like hold until the next one in the file.
"""
import glob
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))

VARIANTS = {
    "plain": {},
    "escaped": {"autoescape": True},
    "strict": {"undefined": "strict"},
    "chainable": {"undefined": "chainable"},
    "debug": {"undefined": "debug"},
    "sandbox": {"sandbox": True},
    "immutable": {"sandbox": "immutable"},
}

MARKS = {"␤": "\n", "␍": "\r", "␉": "\t", "␠": " "}


class Case:
    def __init__(self, ident, request, expect=None, differs=None):
        self.id = ident
        self.request = request
        self.expect = expect        # overrides the reference's answer
        self.differs = differs      # the reason why weir's is another


def unmark(text):
    for mark, char in MARKS.items():
        text = text.replace(mark, char)
    return text


class Reader:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8", newline="\n") as f:
            self.lines = f.read().split("\n")
        self.at = 0
        self.cases = []
        self.settings = {"context": {}, "globals": {}, "options": {}}
        self.variants = ["plain"]
        self.expect = None
        self.differs = None

    def add(self, label, templates):
        for variant in self.variants:
            options = dict(self.settings["options"], **VARIANTS[variant])
            ident = "%s:%s" % (self.name, label)
            if len(self.variants) > 1:
                ident += ":" + variant
            request = {"id": ident, "templates": templates, "main": "main",
                       "context": self.settings["context"]}
            if options:
                request["options"] = options
            if self.settings["globals"]:
                request["globals"] = self.settings["globals"]
            self.cases.append(Case(ident, request, self.expect, self.differs))
        self.expect = None
        self.differs = None

    def many(self, label):
        """The templates of a @case, up to its @end."""
        templates, name, text = {}, None, []
        while True:
            self.at += 1
            line = self.lines[self.at]
            if line.startswith("--- ") or line == "@end":
                if name is not None:
                    templates[name] = unmark("\n".join(text))
                if line == "@end":
                    break
                name, text = line[4:].strip(), []
            else:
                text.append(line)
        self.add(label, templates)

    def setting(self, line):
        word, _, rest = line[1:].partition(" ")
        if word in self.settings:
            self.settings[word] = json.loads(rest or "{}")
        elif word == "each":
            self.variants = rest.split()
        elif word == "expect":
            self.expect = json.loads(rest)
        elif word == "case":
            self.many("%d:%s" % (self.at + 1, rest.strip()))
        else:
            raise ValueError("%s:%d: what is @%s?"
                             % (self.name, self.at + 1, word))

    def read(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            label = str(self.at + 1)
            if line.startswith("= "):
                self.add(label, {"main": "{{ " + unmark(line[2:]) + " }}"})
            elif line.startswith("> ") or line == ">":
                self.add(label, {"main": unmark(line[2:])})
            elif line.startswith("! "):
                self.differs = line[2:]
            elif line.startswith("@"):
                self.setting(line)
            elif line.strip() and not line.startswith("#"):
                raise ValueError("%s:%d: not a case: %s"
                                 % (self.name, self.at + 1, line))
            self.at += 1
        return self.cases


def files():
    return sorted(glob.glob(os.path.join(HERE, "cases", "*.txt")))


def load(path):
    return Reader(path).read()
