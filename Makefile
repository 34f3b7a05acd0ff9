# The day's commands (README.md, HACKING.md). The rules of the build are in
# auto/build.mk, the scripts in auto/dev/. B=DIR takes another build folder,
# CONFIGURE="…" gives options to a configure that has not run yet, V=1 shows the
# commands, T=… chooses tests.

B         ?= objs
CONFIGURE ?=
T         ?=
S         ?= 60
PORT_URL  ?= http://localhost:8080/
CONF      ?= conf/tutorial.conf
CLANG     ?= clang

# All cores, unless make was told how many.
jobs  = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
build = $(MAKE) --no-print-directory $(jobs) -f $1/Makefile $2

# A build folder is configured when it is first needed.
all: $B/Makefile
	+@$(call build,$B)

# A part: the server, weir-render, the loadable modules.
server render modules: $B/Makefile
	+@$(call build,$B,$@)

objs-asan/Makefile:
	./configure --builddir=objs-asan --with-sanitizer=address $(CONFIGURE)
objs-tsan/Makefile:
	./configure --builddir=objs-tsan --with-sanitizer=thread $(CONFIGURE)
objs-cover/Makefile:
	./configure --builddir=objs-cover --with-cc-opt='-O0 --coverage' \
	    --with-ld-opt=--coverage $(CONFIGURE)
objs-fuzz/Makefile:
	./configure --builddir=objs-fuzz --with-sanitizer=address \
	    --with-cc=$(CLANG) --with-cc-opt=-fsanitize=fuzzer-no-link $(CONFIGURE)
%/Makefile:
	./configure --builddir=$* $(CONFIGURE)

# Builds and serves on :8080, from a fresh machine on.
run:
	+@auto/dev/deps build
	+@$(MAKE) --no-print-directory all B=$B
	@auto/dev/serve $B $(CONF) $(PORT_URL)

# All tests: the C units under AddressSanitizer, the server as it is delivered.
# T=server/… needs no units.
checked = $(if $(or $(if $T,,all),$(filter unit% fuzz%,$T)), \
              unit-programs fuzz-programs)
test: deps-test
	+@$(MAKE) --no-print-directory all B=$B
	$(if $(checked),+@$(MAKE) --no-print-directory objs-asan/Makefile)
	$(if $(checked),+@$(call build,objs-asan,$(checked)))
	@auto/dev/test $B "$T"

# The whole suite against a server built with a sanitizer.
asan tsan: %: deps-test objs-%/Makefile
	+@$(call build,objs-$@,all $(checked))
	@auto/dev/test objs-$@ "$T"

unit: objs-asan/Makefile
	+@$(call build,objs-asan,unit T="$T")

cover: deps-test objs-cover/Makefile
	+@auto/dev/deps cover
	+@$(call build,objs-cover,all $(checked))
	@auto/dev/cover objs-cover "$T"

# make fuzz F=h1 [S=60]
fuzz: objs-fuzz/Makefile
	+@$(call build,objs-fuzz,FUZZER=-fsanitize=fuzzer objs-fuzz/fuzz/$F)
	@auto/dev/fuzz $F $S

bench: deps-test
	+@$(MAKE) --no-print-directory all B=$B
	tests/bench/run $T

deps-test:
	+@auto/dev/deps build test

lint:
	@auto/dev/lint

# The lines that differ from the last commit, or the files F="…".
format:
	@auto/dev/format $F

# The manual, the man pages and the syntax files: from the tables of the server.
manual:
	+@$(MAKE) --no-print-directory all B=$B
	@auto/dev/manual $B

install: $B/Makefile
	+@$(call build,$B,install)

# Debian's packages, in $B/deb.
deb:
	+@auto/dev/deps build deb
	@auto/dev/deb $B

dist:
	@auto/dev/dist

clean:
	rm -rf $B objs-asan objs-tsan objs-cover objs-fuzz

.PHONY: all server render modules run test asan tsan unit cover fuzz bench \
        deps-test lint format manual install deb dist clean
.SECONDARY:
