# Builds a module for weir outside its tree. In the module's folder, a Makefile
# of two lines (or `make -f …/weir-module.mk MODULE=NAME`):
#
#     MODULE = hello
#     include $(shell pkg-config --variable=modulemk weir)
#
# All *.c of the folder make http_hello_module.so. MODULE_NAME, LIBS and CFLAGS
# may be set; `make install` puts the file where load_module looks.

ifndef MODULE
$(error MODULE is not set: the name that WR_MODULE has in the source)
endif
MODULE_NAME ?= http_$(MODULE)_module
WEIR_INCLUDE ?= $(shell pkg-config --variable=includedir weir)
WEIR_MODULES ?= $(shell pkg-config --variable=moduledir weir)
WEIR_CFLAGS  := @MODULE_CFLAGS@
sources := $(sort $(wildcard *.c))
objects := $(sources:.c=.o)

$(MODULE_NAME).so: $(objects)
	$(CC) $(LDFLAGS) -shared -o $@ $(objects) $(LIBS)

%.o: %.c
	$(CC) -I$(WEIR_INCLUDE) -MMD -MP $(WEIR_CFLAGS) $(CFLAGS) \
	    -DWR_MODULE_NAME=$(MODULE) -DWR_DYNAMIC -fvisibility=hidden -fPIC \
	    -c -o $@ $<

# By rename: a server that has the old file mapped keeps it.
install: $(MODULE_NAME).so
	mkdir -p $(DESTDIR)$(WEIR_MODULES)
	cp $(MODULE_NAME).so $(DESTDIR)$(WEIR_MODULES)/.$(MODULE_NAME).so.new
	mv $(DESTDIR)$(WEIR_MODULES)/.$(MODULE_NAME).so.new \
	    $(DESTDIR)$(WEIR_MODULES)/$(MODULE_NAME).so

clean:
	rm -f $(objects) $(objects:.o=.d) $(MODULE_NAME).so

.PHONY: install clean
-include $(objects:.o=.d)
