"""Which modules the build made loadable: a test works with either kind."""

import os
import re

from .server import weir_binary


def made(name):
    """What the build's Makefile says of `name` (STATIC_MODULES, SO_hello, …)."""
    path = os.path.join(os.path.dirname(weir_binary()), "Makefile")
    with open(path) as f:
        found = re.search(r"^%s *=(.*)$" % re.escape(name), f.read(), re.M)
    return found.group(1).split() if found else []


def load_module(*names):
    """The load_module lines that a conf needs for these modules (short names);
    nothing for those that are built in."""
    lines = []
    for name in names:
        if name in made("DYNAMIC_MODULES"):
            file = os.path.join(os.path.dirname(weir_binary()), "modules",
                                made("SO_" + name)[0] + ".so")
            lines.append("load_module %s;" % file)
        elif name not in made("STATIC_MODULES"):
            raise AssertionError("the build has no module %s" % name)
    return "\n".join(lines)
