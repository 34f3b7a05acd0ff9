#!/usr/bin/python3
"""For a developer: the differences of some case files, by hand.

    check.py [-q] [-r] [-n N [-w|-m] [--seed N]] [NAME…]

    -r: the reference alone; -n: random ones, -w of wide.py, -m of mutate.py (some
    of these are known to differ, so that no test runs them)
"""
import argparse
import collections
import os
import sys

import verdict
import corpus
import engine
import generate
import mutate
import wide


def cases_of(args):
    for path in corpus.files():
        name = os.path.splitext(os.path.basename(path))[0]
        if not args.names or name in args.names:
            for case in corpus.load(path):
                yield name, case
    for i in range(args.seed, args.seed + args.random):
        yield "random", corpus.Case(
            "random:%d" % i, args.maker.request(i))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-q", action="store_true", help="numbers only")
    parser.add_argument("-r", action="store_true", help="the reference alone")
    parser.add_argument("-n", dest="random", type=int, default=0)
    parser.set_defaults(maker=generate)
    parser.add_argument("-w", dest="maker", action="store_const", const=wide)
    parser.add_argument("-m", dest="maker", action="store_const", const=mutate)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    reference, weir = engine.reference(), engine.weir()
    total, bad = collections.Counter(), collections.Counter()
    for name, case in cases_of(args):
        expected = case.expect or reference.ask(case.request)
        total[name] += 1
        if args.r:
            print(case.id, list(case.request["templates"].values()),
                  verdict.settle(expected))
            continue
        got = weir.ask(case.request)
        if verdict.same(expected, got) == bool(case.differs):
            bad[name] += 1
            if not args.q:
                print(verdict.show(case.request, expected, got))
    reference.stop()
    weir.stop()
    for name in total:
        print("%-20s %5d cases %5d differ" % (name, total[name], bad[name]))
    print("%-20s %5d cases %5d differ" % ("", sum(total.values()),
                                          sum(bad.values())))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
