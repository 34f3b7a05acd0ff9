# How weir is built. BUILDDIR/Makefile (written by configure) sets the variables
# and includes this file; make runs in the top folder of the tree. Sources are
# found by wildcard each time, so a new file needs no new configure.

all: server render modules

core      := $(wildcard core/*/*.c core/*/*/*.c)
render_c  := $(wildcard core/main/render*.c)
main_c    := $(filter-out $(render_c),$(filter core/main/%,$(core)))
lib_c     := $(filter-out core/main/%,$(core))
lang_c    := $(filter core/base/% core/expr/%,$(lib_c))
modules   := $(STATIC_MODULES) $(DYNAMIC_MODULES)

object     = $(patsubst %.c,$B/obj/%.o,$1)
lib_o     := $(call object,$(lib_c))
main_o    := $(call object,$(main_c))
render_o  := $(call object,$(render_c))
lang_o    := $(call object,$(lang_c))
mod_o      = $(patsubst $(DIR_$1)/%.c,$B/mod/$1/%.o,$(wildcard $(DIR_$1)/*.c))
pic_o      = $(patsubst $(DIR_$1)/%.c,$B/pic/$1/%.o,$(wildcard $(DIR_$1)/*.c))
static_o  := $(foreach m,$(STATIC_MODULES),$(call mod_o,$m))
list_o    := $B/modules_list.o
static_libs := $(foreach m,$(STATIC_MODULES),$(LIBS_$m))
all_libs  := $(foreach m,$(modules),$(LIBS_$m))

# A program is built once there is a main for it.
server:  $(if $(main_c),$B/weir)
render:  $(if $(render_c),$B/weir-render)
modules: $(foreach m,$(DYNAMIC_MODULES),$B/modules/$(SO_$m).so)

CPPFLAGS = -I$B/include
COMPILE  = $(CC) $(CPPFLAGS) -MMD -MP $(PREFIX_MAP) $(CFLAGS)
ifneq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say = @
else ifeq ($(V),)
say = @echo '  $1 $(patsubst $B/%,%,$2)';
else
say =
endif

# ---- objects ----

$B/obj/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,cc  ,$<)$(COMPILE) -fPIE -c -o $@ $<

$(list_o): $B/modules_list.c $B/flags
	$(call say,cc  ,$<)$(COMPILE) -fPIE -c -o $@ $<

define module_rules
$B/mod/$1/%.o: $(DIR_$1)/%.c $B/flags
	@mkdir -p $$(@D)
	$$(call say,cc  ,$$<)$$(COMPILE) -I$(DIR_$1) -Wa,-I$(DIR_$1) \
	    -DWR_MODULE_NAME=$1 -fPIE -c -o $$@ $$<

$B/pic/$1/%.o: $(DIR_$1)/%.c $B/flags
	@mkdir -p $$(@D)
	$$(call say,cc  ,$$<)$$(COMPILE) -I$(DIR_$1) -Wa,-I$(DIR_$1) \
	    -DWR_MODULE_NAME=$1 -DWR_DYNAMIC -fvisibility=hidden -fPIC -c -o $$@ $$<

$B/modules/$(SO_$1).so: $(call pic_o,$1) $B/lists/$1
	@mkdir -p $$(@D)
	$$(call say,link,$$@)$$(CC) $$(LDFLAGS) -shared -o $$@ \
	    $$(filter %.o,$$^) $$(LIBS_$1)

# What a source takes in with .incbin no compiler tells of.
$(call mod_o,$1) $(call pic_o,$1): $(wildcard $(DIR_$1)/*.html)

list_$1 = $(call pic_o,$1)
endef
$(foreach m,$(modules),$(eval $(call module_rules,$m)))

# A list of objects, touched when it changes: a source that goes away makes the
# program link again.
list_weir   = $(lib_o) $(main_o) $(static_o) $(list_o)
list_render = $(lang_o) $(render_o)
list_lib    = $(lib_o)
list_mods   = $(foreach m,$(modules),$(call mod_o,$m)) \
              $(if $(wildcard core/module/module.h),$(list_o))
$B/lists/%: FORCE
	@mkdir -p $(@D)
	@echo '$(list_$*)' | cmp -s - $@ || echo '$(list_$*)' >$@

# ---- programs ----

$B/weir: $(list_weir) $B/lists/weir
	$(call say,link,$@)$(CC) $(LDFLAGS) -pie -Wl,--export-dynamic -o $@ \
	    $(filter %.o,$^) $(static_libs) $(LIBS)

$B/weir-render: $(list_render) $B/lists/render
	$(call say,link,$@)$(CC) $(LDFLAGS) -pie -o $@ $(filter %.o,$^) $(LIBS)

# ---- unit tests, fuzzers ----

# All of core is linked, so that what announces itself by a constructor is there;
# the test's own definitions come first: it may include the .c that it tests.
$B/libweir.a: $(lib_o) $B/lists/lib
	@rm -f $@
	$(call say,ar  ,$@)ar rcsT $@ $(filter %.o,$^)

$B/libmodules.a: $(list_mods) $B/lists/mods
	@rm -f $@
	$(call say,ar  ,$@)ar rcsT $@ $(filter %.o,$^)

ARCHIVES  = $B/libmodules.a $B/libweir.a
LINK_TEST = $(CC) $(LDFLAGS) -pie -Wl,--export-dynamic -Wl,-z,muldefs -o $@ \
            $(filter %.o,$^) -Wl,--whole-archive $B/libweir.a \
            -Wl,--no-whole-archive $B/libmodules.a $B/libweir.a \
            $(all_libs) $(LIBS)

unit_c := $(wildcard tests/unit/*.c tests/unit/*/*.c)
units  := $(patsubst tests/unit/%.c,$B/unit/%,$(unit_c))
fuzz_c := $(wildcard tests/fuzz/*.c)
fuzzes := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(fuzz_c))

unit-programs: $(units)
unit: $(units)
	@auto/dev/run-units $B $(filter %$(T),$(units))

$B/obj/tests/%.o: tests/%.c $B/flags
	@mkdir -p $(@D)
	$(call say,cc  ,$<)$(COMPILE) -Itests/unit -Wno-missing-prototypes \
	    -fPIE -c -o $@ $<

$(units): $B/unit/%: $B/obj/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,link,$@)$(LINK_TEST)

# Without a fuzzing engine (FUZZER=) a target runs the files it is given, once.
FUZZER ?=
fuzz-programs: $(fuzzes)
$(fuzzes): $B/fuzz/%: $B/obj/tests/fuzz/%.o \
           $(if $(FUZZER),,$B/obj/auto/dev/replay.o) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,link,$@)$(LINK_TEST) $(FUZZER)

# ---- configure, when it has to run again ----

folders_now := $(sort $(patsubst modules/%/,%,$(dir $(wildcard modules/*/*.c))))
ifneq ($(folders_now),$(sort $(MODULE_FOLDERS)))
$B/Makefile: FORCE
endif
$B/Makefile: configure $(filter-out auto/install.sh,$(wildcard auto/*.sh)) \
             auto/version $(wildcard modules/*/module.conf)
	sh $B/reconfigure

# ---- install ----

install: all
	@auto/install.sh $B
install-server: all
	@auto/install.sh $B server
install-sdk:
	@auto/install.sh $B sdk

clean:
	rm -rf $B/obj $B/mod $B/pic $B/modules $B/lists $B/unit $B/fuzz \
	    $B/weir $B/weir-render $B/*.a $B/*.o $B/*.d

FORCE:
.PHONY: all server render modules unit unit-programs fuzz-programs install \
        install-server install-sdk clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $B/obj $B/mod $B/pic -name '*.d' 2>/dev/null) \
         $(list_o:.o=.d)
