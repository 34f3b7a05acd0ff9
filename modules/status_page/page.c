/*
 * The page itself: page.html, put into the program as it is.
 */
#include <status.h>

extern const char status_page_begin[] __attribute__((visibility("hidden")));
extern const char status_page_end[] __attribute__((visibility("hidden")));

__asm__(".pushsection .rodata\n"
        "status_page_begin:\n"
        ".incbin \"page.html\"\n"
        "status_page_end:\n"
        ".popsection\n");

wr_str_t
status_html(void)
{
    return wr_str(status_page_begin, (size_t) (status_page_end - status_page_begin));
}
